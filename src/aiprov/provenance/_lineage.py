"""Who wrote the lines of a function, seen through commits that only re-formatted, moved or renamed it.

Blame stops at the last commit that touched a line. Where that commit left the function's logic alone (the canonical
hash is the same before and after), its lines are followed to the version before, node by node, and judged there. The
limit is the function: a commit that re-formats a function and changes its logic too is taken as the writer of every
line of it that it touched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, groupby

from aiprov.git import Repository
from aiprov.provenance._blame import Blame, blame
from aiprov.provenance._code import DEF, Code, Essence
from aiprov.provenance._history import History
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.sources import UNCOMMITTED
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import Generation

Place = tuple[str, str, int]
Version = tuple[str, str]
"""A commit and a path there."""
Tally = Counter[Generation | None]
_MAX_LEVELS = 1000
_MAX_SPANS = 100
_CACHED_TREES = 64
_CACHED_TEXTS = 1024


@dataclass(frozen=True, slots=True)
class FileFacts:
    tallies: dict[str, Tally]
    """Functions with at least one line by a model: how many lines each generation wrote, None for all the rest."""
    hashes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines of one function, by today's name, with the blame that named their places."""

    name: str
    places: list[Place]
    blame: Blame
    code: Code | None
    """Today's file, as long as the lines are the whole function with the logic that it has today."""


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    line: int
    code: Code | None
    holder: Place | None = None


@dataclass(frozen=True, slots=True)
class _Before:
    version: Version
    name: str
    lines: dict[int, int]


class Lineage:
    def __init__(self, repository: Repository, history: History, *, options: tuple[str, ...] = ()) -> None:
        self._repository = repository
        self._history = history
        self._options = options
        self._code: Callable[[str, str], Code | None] = lru_cache(_CACHED_TREES)(self._read_code)
        self._essence: Callable[[str, str], Essence | None] = lru_cache(_CACHED_TEXTS)(self._read_essence)
        self._before: Callable[[str, str, str, tuple[Version, ...], bool], tuple[str, str, str] | None]
        self._before = lru_cache(_CACHED_TEXTS * 8)(self._find_before)

    def examine(self, path: str, today: Blame, *, recorded: Iterable[str] = ()) -> FileFacts:
        """What history says of today's file, with hashes of the functions in question; raises SyntaxError."""
        concerned = any(self._history.concerns(commit) for commit in {place[0] for place in today.lines.values()})
        names = set(recorded)
        if not concerned and not names:
            return FileFacts({}, {})
        code = Code(plain_bytes(self._repository.root, path) or b"")
        places: dict[str, list[Place]] = defaultdict(list)
        for line, owner in code.counted() if concerned else ():
            if line in today.lines:
                places[owner].append(today.lines[line])
        tallies = self._tallies([_Group(name, found, today, code) for name, found in places.items()])
        tallies = {name: tally for name, tally in tallies.items() if any(tally.keys() - {None})}
        wanted = (names | tallies.keys()) & code.functions.keys()
        return FileFacts(tallies, {name: code.code_hash(name) for name in wanted})

    def _tallies(self, pending: list[_Group]) -> dict[str, Tally]:
        """Level by level: what a commit did not write is looked up in the version before, one blame for each."""
        tallies: dict[str, Tally] = defaultdict(Counter)
        for level in count():
            asked: dict[Version, list[_Asked]] = defaultdict(list)
            for group in pending:
                if group.code and level < _MAX_LEVELS and (rewound := self._rewind(group, group.code)):
                    version, lines = rewound
                    asked[version] += [_Asked(group.name, line, group.code) for line in lines]
                    continue
                for commit, path, lines in self._runs(group.places):
                    before = None
                    if level < _MAX_LEVELS:
                        before = self._follow(commit, path, lines, group)
                    for line in lines:
                        older = before.lines.get(line) if before else None
                        if before is None or older is None:
                            tallies[group.name][self._judge(commit, path, line)] += 1
                        else:
                            asked[before.version].append(_Asked(group.name, older, None, (commit, path, line)))
            if not asked:
                return tallies
            pending = [found for version, lines in asked.items() for found in self._look_up(version, lines, tallies)]
        raise AssertionError

    def _rewind(self, group: _Group, today: Code) -> tuple[Version, list[int]] | None:
        """The function as it was before the last commit on it, where that left its logic as it is today.

        So a formatter changes not even the count of lines.
        """
        place = self._history.order
        newest = min(
            {commit for commit, _, _ in group.places},
            key=lambda c: place.get(c, -1 if c == UNCOMMITTED else len(place)),
        )
        for commit, path, lines in self._runs(found for found in group.places if found[0] == newest):
            before = self._follow(commit, path, lines, group)
            old = self._code(*before.version) if before else None
            if before is None or old is None or old.body_hash(before.name) != today.body_hash(group.name):
                return None
            return before.version, [line for line, owner in old.counted() if owner == before.name]
        return None

    def _look_up(self, version: Version, asked: list[_Asked], tallies: dict[str, Tally]) -> list[_Group]:
        """Where these lines of a version come from; a line that blame does not know stays with who has it."""
        # Held to some lines, blame guesses otherwise which of several equal lines is the one that moved.
        whole = any(line.code for line in asked)
        options = (*self._options, *(() if whole else _ranges({line.line for line in asked})))
        blamed = blame(self._repository, version[1], revision=version[0], options=options)
        groups: dict[tuple[str, bool], _Group] = {}
        for line in asked:
            if found := blamed.lines.get(line.line):
                key = (line.name, line.code is None)
                groups.setdefault(key, _Group(line.name, [], blamed, line.code)).places.append(found)
            elif line.holder:
                tallies[line.name][self._judge(*line.holder)] += 1
        return list(groups.values())

    def _runs(self, places: Iterable[Place]) -> Iterator[tuple[str, str, list[int]]]:
        """Lines of one commit and path with nothing between them there that holds logic."""
        for (commit, path), found in groupby(sorted(places), key=lambda place: place[:2]):
            lines = [line for _, _, line in found]
            essence = self._essence(commit, path) if self._history.concerns(commit) else None
            if essence is None:
                yield commit, path, lines
                continue
            start = 0
            for index in range(1, len(lines) + 1):
                if index == len(lines) or any(essence.lines[lines[index - 1] : lines[index] - 1]):
                    yield commit, path, lines[start:index]
                    start = index

    def _judge(self, commit: str, path: str, line: int) -> Generation | None:
        said = self._history.evidence.get(commit)
        found = said.at(path, line) if said else None
        return found.generation if found else None

    def _follow(self, commit: str, path: str, lines: list[int], group: _Group) -> _Before | None:
        """The same lines in the version before, None where this commit is their origin."""
        previous = group.blame.previous.get((commit, path))
        module = group.name == MODULE
        if not self._history.concerns(commit):
            return None
        sources = tuple(self._sources(commit, path, lines, previous, module=module))
        code = self._code(commit, path) if sources else None
        owner = code.owner(lines[0]) if code else None
        before = self._before(commit, path, owner, sources, sources[0] == previous) if owner else None
        if before is None or code is None or owner is None:
            return None
        parent, old_path, name = before
        old = self._code(parent, old_path)
        assert old is not None  # it was found there
        return _Before((parent, old_path), name, code.counterparts(owner, old, name=name))

    def _sources(
        self, commit: str, path: str, lines: list[int], previous: Version | None, *, module: bool
    ) -> Iterator[Version]:
        """Earlier versions that hold the lines' essence: of this file, or else of files that gave code away."""
        new = self._essence(commit, path)
        if new is None or lines[-1] > len(new.lines):
            return
        text = b"".join(new.lines[lines[0] - 1 : lines[-1]]) if module else new.around(lines[0], lines[-1])
        if previous and (old := self._essence(*previous)) and text in old.text:
            yield previous
        elif not module and DEF in text:
            for other in self._others(commit, previous):
                if (old := self._essence(*other)) and text in old.text:
                    yield other

    def _others(self, commit: str, previous: Version | None) -> Iterator[Version]:
        parent = self._history.parents.get(commit)
        if parent:
            for path in self._history.changed.get(commit, ()):
                if (parent, path) != previous:
                    yield parent, path

    def _find_before(
        self,
        commit: str,
        path: str,
        owner: str,
        sources: tuple[Version, ...],
        is_previous: bool,  # noqa: FBT001
    ) -> tuple[str, str, str] | None:
        """Commit, path and qualname of the function before a commit that left its logic alone."""
        code = self._code(commit, path)
        if code is None:
            return None
        wanted = code.body_hash(owner)
        if is_previous and (old := self._code(*sources[0])) and owner in old.functions:
            return (*sources[0], owner) if old.body_hash(owner) == wanted else None
        if owner == MODULE:
            return None
        gone = [
            (*source, name)
            for source in sources
            for name in self._gone(commit, path if is_previous else source[1], source, wanted)
        ]
        same_name = [found for found in gone if _last(found[2]) == _last(owner)]
        candidates = same_name or gone
        return candidates[0] if len(candidates) == 1 else None

    def _gone(self, commit: str, there: str, source: Version, wanted: str) -> Iterator[str]:
        """Functions with this logic that the commit took away from where they were."""
        old = self._code(*source)
        now = self._code(commit, there)
        if old is None or (now is None and self._read(commit, there) is not None):
            return
        for name in old.functions:
            if name != MODULE and (now is None or name not in now.functions) and old.body_hash(name) == wanted:
                yield name

    def _read(self, commit: str, path: str) -> bytes | None:
        if commit == UNCOMMITTED:
            return plain_bytes(self._repository.root, path)
        return self._repository.read(commit, path)

    def _read_code(self, commit: str, path: str) -> Code | None:
        source = self._read(commit, path)
        try:
            return None if source is None else Code(source)
        except SyntaxError:
            return None

    def _read_essence(self, commit: str, path: str) -> Essence | None:
        source = self._read(commit, path)
        return None if source is None else Essence(source)


def _ranges(lines: Iterable[int]) -> tuple[str, ...]:
    """Options that hold blame to these lines; none where they are many, and all are as quick."""
    ordered = sorted(lines)
    groups = groupby(enumerate(ordered), key=lambda item: item[1] - item[0])
    spans = [[line for _, line in group] for _, group in groups]
    return tuple(f"-L{span[0]},{span[-1]}" for span in spans) if len(spans) <= _MAX_SPANS else ()


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]
