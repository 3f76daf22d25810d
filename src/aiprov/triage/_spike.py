"""From the tables of events to a verdict: the steps of the model, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import duckdb

from aiprov.errors import UsageError
from aiprov.triage import _evidence, _releases, _score, _suspects, _units, _verdict
from aiprov.triage._change import Changes
from aiprov.triage._codebase import Codebase
from aiprov.triage._evidence import Exposure
from aiprov.triage._provenance import Provenance
from aiprov.triage._releases import Releases
from aiprov.triage._resolve import Resolver
from aiprov.triage._responsibility import GAMMA, shape_of
from aiprov.triage._results import Period, Request, Spike, Suspect, Timeline, Unexplained
from aiprov.triage._score import FULL, Board, Model
from aiprov.triage._units import Group, Shapes
from aiprov.triage._window import Side, Window, Windows

_TIMELINE = 60
_MAX_BUCKETS = 96
_FEW_USERS = 0.5


@dataclass(frozen=True, slots=True)
class Tuning:
    """Parts of the model that an ablation switches off."""

    model: Model = FULL
    gamma: float = GAMMA
    dedupe: bool = True


UNTUNED = Tuning()


def spike(
    connection: duckdb.DuckDBPyConnection,
    *,
    codebase: Codebase,
    request: Request,
    tuning: Tuning = UNTUNED,
) -> Spike:
    """Read `events` and `stacks` and say which functions by a model the rise is consistent with."""
    notes: list[str] = []
    if long := _units.on_long_traces(connection, environment=request.environment):
        notes.append(
            f"{long} events are on traces of over an hour, and a trace counts once: where a worker starts no new trace"
            " for each task, most of its errors are not counted."
        )
    resolver = Resolver(codebase, request.scope)
    releases, shapes = _prepare(connection, codebase, request=request, resolver=resolver, tuning=tuning)
    windows = _releases.windows(connection, releases, notes)
    if windows is None:
        return _nothing(connection, notes=notes, environment=request.environment)
    _units.side(connection, windows)
    groups = _units.groups(connection)
    exposure = _exposure(groups, request, windows=windows, notes=notes)
    alpha = _dispersion(connection, windows)
    incident, baseline = _periods(groups, releases, windows=windows, exposure=exposure)
    totals = _units.totals(connection, windows, environment=request.environment)
    incident = replace(incident, events=totals.events[Side.INCIDENT])
    baseline = replace(baseline, events=totals.events[Side.BASELINE])
    provenance = Provenance(codebase, incident.revision)
    changes = Changes(codebase, None if _is_assumed(releases, incident, baseline) else baseline.revision)
    board = _score.score(
        groups,
        shapes=shapes.shapes,
        exposure=exposure,
        alpha=alpha,
        change=lambda key, served: changes.factor(key, releases.all[served].revision),
        is_ai=provenance.is_ai,
        model=tuning.model,
    )
    found = _suspects.Finder(board, shapes.shapes, provenance=provenance, changes=changes, resolver=resolver)
    unexplained = _unexplained(board, provenance)
    unsure = _unsure(windows, request, baseline)
    judged = _judged(found.all(connection), unexplained=unexplained, unsure=unsure)
    named = [one for one in judged if one.verdict != "none"][: request.top]
    named += found.near(incident.revision)[: max(0, request.top - len(named))]
    if not named:
        named = found.executed(
            connection,
            incident.revision,
            window=windows.incident,
            find=releases.find,
            environment=request.environment,
        )
    considered = [one for one in judged if one.verdict == "none"][: request.top]
    verdict = _verdict.highest(one.verdict for one in named)
    leading = max(board.functions.values(), key=lambda one: (one.share, one.depth), default=None)
    notes += _notes(releases, resolver, totals=totals, incident=incident, baseline=baseline, codebase=codebase)
    return Spike(
        verdict=verdict,
        reason="" if named else _why_not(board, considered, unexplained=unexplained, provenance=provenance),
        incident=incident,
        baseline=baseline,
        proposed=windows.proposed,
        exposure="requests" if request.requests else "duration",
        exposure_ratio=exposure.ratio,
        dispersion=alpha,
        excess=board.excess,
        unexplained=unexplained,
        leading=leading.key if leading is not None and leading.share else None,
        suspects=tuple(named),
        considered=tuple(considered),
        timeline=_timeline(connection, windows, releases, incident),
        notes=tuple(dict.fromkeys(notes)),
    )


def _unsure(windows: Windows, request: Request, baseline: Period) -> str:
    """Why the rise itself is less than certain; empty where nothing speaks against it."""
    if not baseline.events:
        return "the baseline holds no error"
    timed = bool(windows.incident.seconds and windows.baseline.seconds) or request.requests is not None
    return "" if timed else "the windows' lengths are unknown"


def _judged(suspects: Iterable[Suspect], *, unexplained: Unexplained, unsure: str) -> list[Suspect]:
    """The suspects' own verdicts, lowered by what is known of the spike as a whole."""
    limit: _verdict.Verdict = "possible" if unexplained.total > _verdict.MOSTLY else "strong"
    judged = [_capped(one, limit, unsure=unsure) for one in suspects]
    if max((one.explained_share for one in judged if one.verdict != "none"), default=0.0) < _verdict.LEAD:
        judged = [_dropped(one) for one in judged]
    return judged


def _prepare(
    connection: duckdb.DuckDBPyConnection, codebase: Codebase, *, request: Request, resolver: Resolver, tuning: Tuning
) -> tuple[Releases, Shapes]:
    """Resolve each distinct stack and count units."""
    ((events, named),) = connection.execute(
        "select count(*), count(release) + count(manifest) from events where $1 is null or environment = $1",
        [request.environment],
    ).fetchall()
    if not events:
        where = "" if request.environment is None else f" of environment {request.environment!r}"
        raise UsageError(f"no error event{where} was read: check the source")
    releases = Releases(codebase, request, anonymous=not named)
    releases.all = _units.served(connection, releases.find, environment=request.environment)
    resolver.follow([one.revision for one in releases.all if one.revision])
    shapes = _units.resolve(
        connection,
        releases.all,
        lambda stack, revision: shape_of(stack, lambda frame: resolver.place(frame, revision), gamma=tuning.gamma),
        environment=request.environment,
    )
    _units.count(connection, environment=request.environment, dedupe=tuning.dedupe)
    return releases, shapes


def _exposure(groups: Sequence[Group], request: Request, *, windows: Windows, notes: list[str]) -> Exposure:
    if request.requests is not None:
        return Exposure(*request.requests)
    incident, baseline = windows.incident.seconds, windows.baseline.seconds
    if not incident or not baseline:
        notes.append("The times of the two windows are not known: they are taken as equally long.")
        return Exposure(1.0, 1.0)
    baseline = max(baseline, 1.0)
    if request.since is None:
        # The first error of a release starts its window, so a lone one would seem to have come at once.
        incident = max(incident, baseline / (1 + sum(one.units for one in groups if one.side is Side.BASELINE)))
    return Exposure(max(incident, 1.0), baseline)


def _dispersion(connection: duckdb.DuckDBPyConnection, windows: Windows) -> float:
    """From buckets as long as the incident, so that they vary as it would; shorter ones where the baseline is short."""
    incident, baseline = windows.incident.seconds, windows.baseline
    if not incident or not baseline.since or not baseline.until:
        return _evidence.UNKNOWN_DISPERSION
    buckets = min(_MAX_BUCKETS, max(_evidence.MIN_BUCKETS, round(baseline.seconds / incident)))
    series = _units.baseline_series(connection, since=baseline.since, until=baseline.until, buckets=buckets)
    return _evidence.dispersion(series)


def _periods(
    groups: Sequence[Group], releases: Releases, *, windows: Windows, exposure: Exposure
) -> tuple[Period, Period]:
    numbers = _releases.dominant(groups, windows=windows, ratio=exposure.ratio)
    request = releases.request
    names = {Side.INCIDENT: request.release, Side.BASELINE: request.baseline_release}
    given = {Side.INCIDENT: windows.incident, Side.BASELINE: windows.baseline}
    found: dict[Side, Period] = {}
    for side, number in ((Side.INCIDENT, numbers[0]), (Side.BASELINE, numbers[1])):
        served = None if number is None else releases.all[number]
        name, window = names[side], given[side]
        release = name or (served.release if served else window.release)
        revision = releases.named(name) if name else served.revision if served else None
        units = sum(group.units for group in groups if group.side is side)
        found[side] = Period(window.since, window.until, release, revision, 0, units)
    return found[Side.INCIDENT], found[Side.BASELINE]


def _is_assumed(releases: Releases, incident: Period, baseline: Period) -> bool:
    """Whether a revision is only a guess, so that nothing is known of a change."""
    guesses = {one.revision for one in releases.all if one.assumed}
    sure = {one.revision for one in releases.all if not one.assumed}
    named = releases.request.release is not None and releases.request.baseline_release is not None
    return not named and bool({incident.revision, baseline.revision} & (guesses - sure))


def _capped(one: Suspect, limit: _verdict.Verdict, *, unsure: str) -> Suspect:
    verdict = _verdict.lowered(one.verdict) if unsure else one.verdict
    capped = _verdict.at_most(verdict, limit)
    if capped == one.verdict:
        return one
    why = "more than half of the excess is on other code" if capped != verdict else unsure
    return replace(one, verdict=capped, reason=why)


def _dropped(one: Suspect) -> Suspect:
    """Where even the first function carries little, chance changes near somebody else's fault would be named."""
    if one.verdict == "none":
        return one
    return replace(one, verdict="none", reason=f"it carries only {one.explained_share:.0%} of the excess")


def _unexplained(board: Board, provenance: Provenance) -> Unexplained:
    shares: dict[str, float] = {}
    for key, scored in board.functions.items():
        kind = provenance.kind(key)
        shares[kind] = shares.get(kind, 0.0) + scored.share
    return Unexplained(
        human=shares.get("human", 0.0),
        unrecorded=shares.get("unknown", 0.0),
        third_party=shares.get("third-party", 0.0),
        unresolved=shares.get("unresolved", 0.0),
    )


def _why_not(board: Board, considered: Sequence[Suspect], *, unexplained: Unexplained, provenance: Provenance) -> str:
    if not board.excess:
        return "No fingerprint has more errors than the baseline expects."
    if all(scored.q > _verdict.Q for scored in board.functions.values()):
        return "No function's errors rose beyond the usual ups and downs."
    if not considered:
        return "No function that a model wrote is on the stacks of the incident."
    if unexplained.total > _verdict.MOSTLY:
        leading = max(board.functions.values(), key=lambda one: (one.share, one.depth))
        return f"Most of the excess is on {provenance.words(leading.key)}."
    return f"{considered[0].function}: {considered[0].reason}."


def _timeline(
    connection: duckdb.DuckDBPyConnection, windows: Windows, releases: Releases, incident: Period
) -> Timeline | None:
    times = [(window.since, window.until) for window in (windows.incident, windows.baseline)]
    since = min((one for one, _ in times if one), default=None)
    until = max((one for _, one in times if one), default=None)
    if since is None or until is None or since >= until:
        return None
    spans = _units.spans(connection)
    first = [s.first for i, s in spans.items() if releases.all[i].release == incident.release and s.first]
    released = min(first, default=None) if incident.release else None
    shown = released if released and since < released < until else None
    counts = _units.timeline(connection, since=since, until=until, buckets=_TIMELINE)
    return Timeline(since, until, counts, shown)


def _nothing(connection: duckdb.DuckDBPyConnection, *, notes: list[str], environment: str | None) -> Spike:
    """What to say where no window was given and no rise is found."""
    spans = _units.spans(connection)
    first = min(span.first for span in spans.values() if span.first)
    until = max(span.last for span in spans.values() if span.last) + timedelta(microseconds=1)
    everything = Windows(Window(), Window(first, until))
    _units.side(connection, everything)
    totals = _units.totals(connection, everything, environment=environment)
    units = sum(span.units for span in spans.values())
    return Spike(
        verdict="none",
        reason="No rise stands out from the usual ups and downs. Name one with --since, or with --release.",
        incident=Period(None, None, None, None, 0, 0.0),
        baseline=Period(first, until, None, None, totals.events[Side.BASELINE], units),
        proposed=True,
        exposure="duration",
        exposure_ratio=0.0,
        dispersion=0.0,
        excess=0.0,
        unexplained=Unexplained(),
        leading=None,
        suspects=(),
        considered=(),
        timeline=Timeline(first, until, _units.timeline(connection, since=first, until=until, buckets=_TIMELINE), None),
        notes=tuple(notes),
    )


def _notes(
    releases: Releases,
    resolver: Resolver,
    *,
    totals: _units.Totals,
    incident: Period,
    baseline: Period,
    codebase: Codebase,
) -> list[str]:
    notes: list[str] = []
    lost = [one for one in releases.all if one.assumed]
    if lost and releases.anonymous:
        notes.append("The events name no release: functions were looked up at HEAD. Name the revisions with --release")
        notes[-1] += " and --baseline-release."
    elif lost:
        names = ", ".join(dict.fromkeys(one.release or "(none)" for one in lost[:3]))
        notes.append(f"No commit is known for release {names}: looked up at HEAD. Tag it, or give --release COMMIT.")
    if incident.revision is not None and codebase.manifest(incident.revision) is None:
        notes.append(f"There is no readable manifest at {incident.short}, so no function is known to be by a model.")
    if not baseline.events:
        notes.append("The baseline holds no error at all; every verdict is one step lower for it.")
    elif incident.revision == baseline.revision and not lost:
        notes.append(
            "Both windows ran the same revision: no code changed. Look for data, traffic, a dependency, configuration."
        )
    if totals.incident_users < _FEW_USERS:
        hosts = totals.incident_actors
        notes.append(f"Most events name no user: at most one unit a minute for each of {hosts} host(s) is counted.")
    if totals.untimed:
        notes.append(f"{totals.untimed} events carry no time.")
    if resolver.ambiguous:
        notes.append(f"{len(resolver.ambiguous)} deployed file(s) fit several files here and stay unresolved.")
    if resolver.hidden:
        example = "/".join(min(resolver.hidden).split("/")[-2:])
        notes.append(f"Files under site-packages are left out, {example} among them; --app brings your own package in.")
    return notes
