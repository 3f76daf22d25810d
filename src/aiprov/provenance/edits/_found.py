"""Edits found again in the commits that took them in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiprov.git import Repository
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._match import ENOUGH, ENOUGH_DAYS_LATER, ENOUGH_LATER, Added, Sought
from aiprov.provenance.edits._touches import Stamp, Touched, added_lines, stamps, touched, touched_now
from aiprov.provenance.sources import UNCOMMITTED, CommitText, Line, SomeLines
from aiprov_runtime._manifest import Generation

# Clocks of the machines that edited and committed; git keeps whole seconds.
SLACK = 60.0
# A time without its zone may be this far off.
_NO_ZONE = 14 * 3600.0
_MAX_TRIES = 50
_DAY = 24 * 3600.0
_MAX_SOURCES = 10


@dataclass(slots=True)
class _Timed:
    """An edit with its time, and how many commits it was looked for in."""

    sought: Sought
    when: float
    tries: int = 0


@dataclass(slots=True)
class _Trail:
    """One path of edits and the commits that may hold them, each under its name there, the oldest first."""

    edits: list[_Timed]
    places: list[tuple[Stamp, str]] = field(default_factory=list)

    def later(self, one: _Timed) -> Iterator[tuple[Stamp, str]]:
        """Where an edit may stand: in commits made after it, then in older ones amended after it, then uncommitted."""
        after = [place for place in self.places if one.when <= place[0].authored + SLACK]
        amended = [p for p in self.places if p[0].authored + SLACK < one.when <= p[0].committed + SLACK]
        for some in (after, amended):
            yield from some[:_MAX_TRIES]
        yield from after[-1:]  # the work tree, where it holds changes


def find(repository: Repository, edits: Sequence[Edit], commits: Sequence[CommitText]) -> dict[str, SomeLines]:
    """Each edit in the first commit at or after its time that added its lines, or in the work tree."""
    if not edits or repository.resolve("HEAD") is None:
        return {}
    trails: dict[str, _Trail] = {}
    for edit in edits:
        trails.setdefault(edit.path, _Trail([])).edits.append(_Timed(Sought(edit), _time(edit.generation)))
    earliest = min(one.when for trail in trails.values() for one in trail.edits) - SLACK
    # Commits of one second stay in the order of history.
    history = [
        s for s in reversed(stamps(repository, [c.id for c in commits])) if max(s.authored, s.committed) > earliest
    ]
    history.sort(key=lambda stamp: stamp.authored)
    changes = [*touched(repository, history, trails.keys()), touched_now(repository, trails.keys())]
    found: dict[tuple[str, str], Added] = {}
    for one in changes:
        for path in one.paths:
            trails[path].places.append((one.stamp, path))
    _search(repository, trails.values(), found, strict=False)
    _search(repository, _moved(trails, changes), found, strict=True)
    return _evidence(found)


def _time(generation: Generation) -> float:
    """The beginning of time for an edit that has none."""
    try:
        moment = datetime.fromisoformat(generation.generated_at or "")
        return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=UTC).timestamp() - _NO_ZONE
    except (ValueError, OverflowError):
        return 0.0


def _search(
    repository: Repository, trails: Iterable[_Trail], found: dict[tuple[str, str], Added], *, strict: bool
) -> None:
    """`strict` where it is not known that the edit went to this path: short runs prove nothing there."""
    trails = [trail for trail in trails if trail.places]
    wanted: dict[str, set[str]] = defaultdict(set)
    for trail in trails:
        for one in trail.edits:
            for stamp, path in trail.later(one):
                if (stamp.id, path) not in found:
                    wanted[stamp.id].add(path)
    for commit, path, lines in added_lines(repository, wanted):
        found[commit, path] = Added(lines)
    for trail in trails:
        _follow(trail, found, strict=strict)


def _follow(trail: _Trail, found: dict[tuple[str, str], Added], *, strict: bool) -> None:
    edits = sorted(trail.edits, key=lambda one: one.when)[::-1]
    commits = [place for place in trail.places if place[0].id != UNCOMMITTED]
    today = [place for place in trail.places if place[0].id == UNCOMMITTED]
    for amended, places in ((False, commits), (True, commits), (False, today)):
        for stamp, path in places:
            if (stamp.id, path) not in found:
                continue
            asked = [one for one in edits if one.sought.found < one.sought.size and _may_hold(stamp, one, amended)]
            enough = [_enough(stamp, one, is_first=not (one.tries or amended or strict)) for one in asked]
            found[stamp.id, path].match([one.sought for one in asked], enough=enough)
            for one in asked:
                one.tries += stamp.authored + 1 >= one.when or amended  # a commit of the minute before is no try


def _enough(stamp: Stamp, one: _Timed, *, is_first: bool) -> int:
    """What was not committed with the rest, or not for days, is mostly another act's where it turns up at last."""
    if is_first and one.when > 0:
        return ENOUGH
    is_days_later = one.when > 0 and one.when + _DAY < stamp.authored < math.inf
    return ENOUGH_DAYS_LATER if is_days_later else ENOUGH_LATER


def _may_hold(stamp: Stamp, one: _Timed, amended: bool) -> bool:  # noqa: FBT001
    if amended:
        return stamp.authored + SLACK < one.when <= stamp.committed + SLACK
    return one.when <= stamp.authored + SLACK and (one.tries < _MAX_TRIES or stamp.id == UNCOMMITTED)


def _moved(trails: Mapping[str, _Trail], changes: Sequence[Touched]) -> list[_Trail]:
    """For edits that were not found: new files where theirs went away, or that have its name in another folder."""
    lost = {
        path: _Trail(left) for path, trail in trails.items() if (left := [e for e in trail.edits if not e.sought.found])
    }
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in lost:
        by_name[_name(path)].append(path)
    for one in changes:
        gone = [path for path in one.removed if path in lost]
        for target in one.added:
            for path in (*gone[:_MAX_SOURCES], *by_name.get(_name(target), ())[:_MAX_SOURCES]):
                if path != target and (one.stamp, target) not in lost[path].places[-1:]:
                    lost[path].places.append((one.stamp, target))
    return [trail for trail in lost.values() if trail.places]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _evidence(found: Mapping[tuple[str, str], Added]) -> dict[str, SomeLines]:
    """Edits of one model on one prompt that a commit took in together are one act, as old as the last of them."""
    lines: dict[str, dict[str, dict[int, Line]]] = {}
    latest: dict[Generation, tuple[float, str | None]] = {}
    for (commit, _), added in found.items():
        for edit in added.writers.values():
            act = _act(edit, commit)
            latest[act] = max(latest.get(act, (0.0, None)), (_time(edit.generation), edit.generation.generated_at))
    for (commit, path), added in sorted(found.items()):
        for number, edit in sorted(added.writers.items()):
            act = _act(edit, commit)
            line = Line(None if edit.is_human else act._replace(generated_at=latest[act][1]))
            lines.setdefault(commit, {}).setdefault(path, {})[number] = line
    return {commit: SomeLines(paths) for commit, paths in lines.items()}


def _act(edit: Edit, commit: str) -> Generation:
    return edit.generation._replace(generated_at=None, commit=None if commit == UNCOMMITTED else commit)
