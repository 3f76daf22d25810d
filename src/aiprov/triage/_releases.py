"""Which releases and times the incident and its baseline are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import duckdb

from aiprov.errors import UsageError
from aiprov.triage import _units
from aiprov.triage._codebase import Codebase
from aiprov.triage._results import SHORT, Request
from aiprov.triage._units import Group, Served, Span
from aiprov.triage._window import BUCKETS, Side, Window, Windows, find_rise

_TICK = timedelta(microseconds=1)
_NEAR_START = 3
_SHOWN = 5
_SOME = 0.1
_MIN_BEFORE = 6


@dataclass(slots=True)
class Releases:
    """The releases that the events name, and the commit found for each."""

    codebase: Codebase
    request: Request
    anonymous: bool
    """No event names a release or a manifest: what the person names is then what was running."""
    all: Sequence[Served] = ()
    _assumed: str | None = field(default=None)

    def find(self, release: str | None, manifest: str | None) -> Served:
        revision = self.codebase.revision_of_release(release) if release else None
        if revision is None and manifest:
            revision = self.codebase.revision_of_manifest(manifest)
        if revision is not None:
            return Served(release, manifest, revision)
        if self._assumed is None:
            named = self.request.release if self.anonymous else None
            self._assumed = self.named(named) if named else self.codebase.head()
        return Served(release, manifest, self._assumed, assumed=not (self.anonymous and self.request.release))

    def named(self, name: str) -> str:
        """The commit of a release that the person named; UsageError says how to name one."""
        found = self.codebase.revision_of_release(name) or self.codebase.revision_of_manifest(name)
        if found is None:
            found = next((one.revision for one in self.all if one.release == name and not one.assumed), None)
        if found is None:
            raise UsageError(
                f"no commit is known for release {name!r}: name a tag or a commit id, or tag it with"
                f" `git tag {name if name.isascii() and name.isprintable() and ' ' not in name else 'NAME'} COMMIT`"
            )
        return found

    def matching(self, name: str) -> tuple[int, ...]:
        """Events of this very name, else those whose name stands for the same commit."""
        same = tuple(i for i, one in enumerate(self.all) if one.release == name)
        if same:
            return same
        revision = self.named(name)
        return tuple(i for i, one in enumerate(self.all) if one.revision == revision and not one.assumed)

    def known(self) -> str:
        names = [one.release for one in self.all if one.release]
        return ", ".join(dict.fromkeys(names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def windows(connection: duckdb.DuckDBPyConnection, releases: Releases, notes: list[str]) -> Windows | None:
    """None where nothing was asked for and no rise is found."""
    request = releases.request
    spans = _units.spans(connection)
    if request.release is None and request.since is None:
        given = (request.until, request.baseline_since, request.baseline_until, request.baseline_release)
        if any(value is not None for value in given):
            raise UsageError("the incident has no start: give --since or --release")
        return _proposed(connection, releases, spans, notes)
    if request.release is None or releases.anonymous:
        return _by_time(request, spans, notes)
    return _by_release(releases, spans, notes)


def _by_time(request: Request, spans: dict[int, Span], notes: list[str]) -> Windows:
    if request.since is None:
        raise UsageError("the events name no release: give the incident's time too, with --since")
    first = min((span.first for span in spans.values() if span.first), default=None)
    last = max((span.last for span in spans.values() if span.last), default=None)
    until = request.until or (max(last + _TICK, request.since + _TICK) if last else request.since + timedelta(hours=1))
    if until <= request.since:
        raise UsageError("the incident ends before it starts: check --since and --until")
    baseline_until = request.baseline_until or request.since
    baseline_since = request.baseline_since or (first if first and first < baseline_until else None)
    if baseline_since is None:
        notes.append("The data holds nothing before the incident: its rate is compared with none at all.")
        baseline_since = baseline_until - (until - request.since)
    if baseline_until <= baseline_since:
        raise UsageError("the baseline ends before it starts: check --baseline-since and --baseline-until")
    if baseline_since < until and request.since < baseline_until:
        raise UsageError("the baseline overlaps the incident: check --baseline-since and --baseline-until")
    incident = Window(request.since, until)
    baseline = Window(baseline_since, baseline_until)
    if request.release is not None:
        incident = replace(incident, release=request.release)
        baseline = replace(baseline, release=request.baseline_release)
    return Windows(incident, baseline)


def _by_release(releases: Releases, spans: dict[int, Span], notes: list[str]) -> Windows:
    request = releases.request
    assert request.release is not None
    incident = _released(releases, request.release, spans, since=request.since, until=request.until)
    if incident.served == ():
        raise UsageError(f"no event is of release {request.release!r}; the events name: {releases.known()}")
    name = request.baseline_release or _previous(releases, incident.served or ())
    if name is None:
        raise UsageError("no event is of an earlier release: give --baseline-release, or times with --since")
    given = request.baseline_since, request.baseline_until
    baseline = _released(releases, name, spans, since=given[0], until=given[1])
    if incident.since and not given[1] and baseline.since and baseline.since < incident.since:
        # A release serves until the next one does, not until its last error.
        baseline = replace(baseline, until=max(baseline.until or incident.since, incident.since))
    if not baseline.served:
        notes.append(f"No event is of the baseline release {name!r}: its rate is taken as none over the same time.")
        baseline = Window(None, None, name, ())
    return Windows(incident, baseline)


def _released(
    releases: Releases, name: str, spans: dict[int, Span], *, since: datetime | None, until: datetime | None
) -> Window:
    served = releases.matching(name)
    first = [span.first for index, span in spans.items() if index in served and span.first]
    last = [span.last for index, span in spans.items() if index in served and span.last]
    since = since or min(first, default=None)
    return Window(since, until or (max(last) + _TICK if last else None), name, served)


def _previous(releases: Releases, incident: Sequence[int]) -> str | None:
    """The release seen last before the incident's first appeared."""
    before = [one for one in releases.all[: min(incident)] if one.release]
    return before[-1].release if before else None


def _proposed(
    connection: duckdb.DuckDBPyConnection, releases: Releases, spans: dict[int, Span], notes: list[str]
) -> Windows | None:
    first = min((span.first for span in spans.values() if span.first), default=None)
    last = max((span.last for span in spans.values() if span.last), default=None)
    if first is None or last is None:
        raise UsageError("the events carry no time: give --release and --baseline-release")
    until = last + _TICK
    _units.side(connection, Windows(Window(), Window(first, until)))
    counts = _units.timeline(connection, since=first, until=until, buckets=BUCKETS, value="evidence")
    rise = find_rise(counts)
    name, begun = _newest(releases, spans)
    bucket = (until - first) / BUCKETS
    if rise is None:
        if begun is None or begun - first < _MIN_BEFORE * bucket:
            return None
        notes.append(f"No rise stands out in the sum of all errors: release {name} is compared with what ran before.")
        return Windows(Window(begun, until), Window(first, begun), proposed=True)
    start, end = first + rise.start * bucket, first + rise.end * bucket
    if begun is not None and begun > first and abs(begun - start) <= _NEAR_START * bucket:
        start = begun
        notes.append(f"The rise starts with the first event of release {name}.")
    return Windows(Window(start, until if rise.end == BUCKETS else end), Window(first, start), proposed=True)


def _newest(releases: Releases, spans: dict[int, Span]) -> tuple[str | None, datetime | None]:
    """The release that appeared last, and when, if there are two or more; a commit is one that events only hint at."""
    names = [one.release or (None if one.assumed or not one.revision else one.revision[:SHORT]) for one in releases.all]
    seen = [(span.first, names[i]) for i, span in spans.items() if span.first and names[i]]
    if len({name for _, name in seen}) < 2:  # noqa: PLR2004  # the first of all started nothing
        return None, None
    begun, name = max((first, name or "") for first, name in seen if first)
    return name, begun


def dominant(groups: Sequence[Group], *, windows: Windows, ratio: float) -> tuple[int | None, int | None]:
    """Numbers of the releases that stand for the incident and its baseline.

    The incident's is the one with the largest rise. The baseline's is the newest that served a fair part of it, the
    incident's own included: code that ran well for long did not start the rise.
    """
    units = {side: {group.served: 0.0 for group in groups} for side in Side}
    for group in groups:
        units[group.side][group.served] += group.units
    fixed = windows.incident.served
    rises = {
        index: count - ratio * units[Side.BASELINE][index]
        for index, count in units[Side.INCIDENT].items()
        if fixed is None or index in fixed
    }
    incident = max(rises, key=lambda index: (rises[index], index), default=fixed[0] if fixed else None)
    total = sum(units[Side.BASELINE].values())
    served = [index for index, count in units[Side.BASELINE].items() if count and count >= _SOME * total]
    baseline = max(served, default=None)
    return incident, windows.baseline.served[0] if windows.baseline.served else baseline
