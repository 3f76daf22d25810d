"""Who wrote the lines of a function, seen through commits that only re-formatted, moved or renamed it.

Blame stops at the last commit that touched a line. Where that commit left the function's logic alone (the canonical
hash is the same before and after), its lines are followed to the version before, node by node, and judged there. The
limit is the function: a commit that re-formats a function and changes its logic too is taken as the writer of every
line of it that it touched. One that moves a function to another file and edits it there wrote the lines that differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import count, groupby

from aiprov.git import Repository
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.lines._blame import Blame, blame
from aiprov.provenance.lines._code import Code, Essence
from aiprov.provenance.lines._history import Reach
from aiprov.provenance.lines._patches import Patches
from aiprov.provenance.sources import UNCOMMITTED
from aiprov_runtime._functions import MODULE

Place = tuple[str, str, int]
"""Commit, path and line."""
Version = tuple[str, str]
"""A commit and a path there."""
_MAX_LEVELS = 1000
_MAX_SPANS = 100
_MAX_LINES = 2000
_CACHED_TREES = 64
_CACHED_TEXTS = 256


@dataclass(frozen=True, slots=True)
class Trail:
    """What following lines needs of history; none of it is what a source says."""

    parents: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reach: Reach = field(default_factory=Reach)
    patches: Mapping[str, bytes] = field(default_factory=dict)
    full: bool = False
    """Blame looks at all of history, not only where evidence can be."""


@dataclass(slots=True)
class Written:
    """Where a function's lines were written, in the oldest version that has its logic."""

    places: dict[int, Place | None] = field(default_factory=dict)
    """By that version's line; None where it is older than all evidence."""
    today: dict[int, int] | None = None
    """Today's lines and that version's, where they differ."""


@dataclass(frozen=True, slots=True)
class FileOrigins:
    functions: dict[str, Written]
    asked: dict[Version, bool]
    """Every question to `Reach` that these answers hang on."""
    bounds: dict[str, tuple[str, ...]]
    """By path how far back blame looked."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines of one function, by today's name, with the blame that named their places."""

    name: str
    places: dict[int, Place]
    blame: Blame
    code: Code | None
    """Today's file, as long as the lines are the whole function with the logic that it has today."""


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    key: int
    line: int
    code: Code | None
    holder: Place | None = None


@dataclass(frozen=True, slots=True)
class _Before:
    version: Version
    name: str
    lines: dict[int, int]


class Lineage:
    def __init__(self, repository: Repository, trail: Trail, *, options: tuple[str, ...] = ()) -> None:
        self._repository = repository
        self._trail = trail
        self._options = options
        self._patches = Patches(repository, trail.patches)
        self._asked: dict[Version, bool] = {}
        self._bounds: dict[str, tuple[str, ...]] = {}
        self._parsed: Callable[[bytes], Code | None] = lru_cache(_CACHED_TREES)(_parse)
        self._essence: Callable[[str, str], Essence | None] = lru_cache(_CACHED_TEXTS)(self._read_essence)
        self._read: Callable[[str, str], bytes | None] = lru_cache(_CACHED_TEXTS)(self._read_version)
        self._before: Callable[[str, str, str, tuple[Version, ...], bool], tuple[str, str, str] | None]
        self._before = lru_cache(_CACHED_TEXTS * 8)(self._find_before)
        self._edited: Callable[[str, str, str, Version | None], _Before | None]
        self._edited = lru_cache(_CACHED_TEXTS * 8)(self._find_edited)

    def blame(self, path: str, *, revision: str | None = None, lines: tuple[str, ...] = ()) -> Blame:
        """No further back than evidence reaches, unless all of history is wanted."""
        bound = () if self._trail.full else self._trail.reach.bound(path)
        self._bounds[path] = bound
        return blame(self._repository, path, revision=revision, options=(*self._options, *bound, *lines))

    def examine(self, path: str, code: Code | None, *, revision: str | None = None) -> tuple[Blame, FileOrigins]:
        """Today's blame, and where the lines with logic were written."""
        self._asked, self._bounds = {}, {}
        today = self.blame(path, revision=revision)
        if code is None:
            return today, FileOrigins({}, {}, self._bounds)
        written: dict[str, Written] = defaultdict(Written)
        places: dict[str, dict[int, Place]] = defaultdict(dict)
        for line, owner in code.counted():
            if line in today.lines:
                places[owner][line] = today.lines[line]
            elif line in today.older:
                written[owner].places[line] = None
        self._resolve([_Group(name, found, today, code) for name, found in places.items()], written)
        return today, FileOrigins(dict(written), self._asked, self._bounds)

    def _concerns(self, commit: str, path: str) -> bool:
        answer = self._trail.reach.concerns(commit, path)
        self._asked[commit, path] = answer
        return answer

    def _resolve(self, pending: list[_Group], written: dict[str, Written]) -> None:
        """Level by level: what a commit did not write is looked up in the version before, one blame for each."""
        for level in count():
            asked: dict[Version, list[_Asked]] = defaultdict(list)
            self._patches.load(
                {place[0] for group in pending for place in group.places.values() if self._concerns(*place[:2])}
            )
            for group in pending:
                places = written[group.name].places
                if group.code and level < _MAX_LEVELS and (rewound := self._rewind(group, group.code)):
                    version, lines, today = rewound
                    written[group.name].today = today
                    known = self._concerns(*version)
                    places.clear()
                    places.update(dict.fromkeys(lines))
                    asked[version] += [_Asked(group.name, line, line, group.code) for line in lines if known]
                    continue
                for commit, path, keys, may_follow in self._runs(group.places, _last(group.name)):
                    lines = [group.places[key][2] for key in keys]
                    before = self._follow(commit, path, lines, group) if may_follow and level < _MAX_LEVELS else None
                    known = before is not None and self._concerns(*before.version)
                    for key in keys:
                        place = group.places[key]
                        older = before.lines.get(place[2]) if before else None
                        if before is None or older is None:
                            places[key] = place
                        elif known:
                            asked[before.version].append(_Asked(group.name, key, older, None, place))
                        else:
                            places[key] = None
            if not asked:
                return
            pending = [found for version, lines in asked.items() for found in self._look_up(version, lines, written)]

    def _rewind(self, group: _Group, today: Code) -> tuple[Version, list[int], dict[int, int]] | None:
        """The function as it was before the last commit on it, where that left its logic as it is today.

        So a formatter changes not even the count of lines.
        """
        place = self._trail.reach.order
        newest = min(
            {commit for commit, _, _ in group.places.values()},
            key=lambda c: place.get(c, -1 if c == UNCOMMITTED else len(place)),
        )
        places = {key: at for key, at in group.places.items() if at[0] == newest}
        for commit, path, keys, may_follow in self._runs(places, _last(group.name)):
            before = self._follow(commit, path, [places[key][2] for key in keys], group) if may_follow else None
            old = self._code(*before.version) if before else None
            if before is None or old is None or old.body_hash(before.name) != today.body_hash(group.name):
                return None
            lines = [line for line, owner in old.counted() if owner == before.name]
            pairs = today.counterparts(group.name, old, name=before.name)
            here = [line for line, owner in today.counted() if owner == group.name]
            return before.version, lines, {line: pairs[line] for line in here if line in pairs}
        return None

    def _look_up(self, version: Version, asked: list[_Asked], written: dict[str, Written]) -> list[_Group]:
        """Where these lines of a version come from; a line that blame does not know stays with who has it."""
        # Held to some lines, blame guesses otherwise which of several equal lines is the one that moved.
        whole = any(line.code for line in asked)
        lines = () if whole else _ranges({line.line for line in asked})
        blamed = self.blame(version[1], revision=version[0], lines=lines)
        groups: dict[tuple[str, bool], _Group] = {}
        for line in asked:
            if found := blamed.lines.get(line.line):
                key = (line.name, line.code is None)
                groups.setdefault(key, _Group(line.name, {}, blamed, line.code)).places[line.key] = found
            elif line.line in blamed.older:
                written[line.name].places[line.key] = None
            elif line.holder:
                written[line.name].places[line.key] = line.holder
        return list(groups.values())

    def _runs(self, places: dict[int, Place], name: str) -> Iterator[tuple[str, str, list[int], bool]]:
        """Keys of lines of one commit and path with nothing between them there that holds logic.

        Last stands whether they may have come from elsewhere.
        """
        ordered = sorted(places, key=places.__getitem__)
        for (commit, path), found in groupby(ordered, key=lambda key: places[key][:2]):
            keys = list(found)
            essence = self._essence(commit, path) if self._may_follow(commit, path, keys, places, name) else None
            if essence is None:
                yield commit, path, keys, False
                continue
            start = 0
            for index in range(1, len(keys) + 1):
                if index == len(keys) or any(essence.lines[places[keys[index - 1]][2] : places[keys[index]][2] - 1]):
                    yield commit, path, keys[start:index], True
                    start = index

    def _may_follow(self, commit: str, path: str, keys: list[int], places: dict[int, Place], name: str) -> bool:
        if not self._concerns(commit, path) or not self._patches.loses(commit):
            return False
        if self._patches.moves(commit, path, name):
            return True
        # Lines side by side are in one run, which stands or falls as a whole.
        last, whole = -1, False
        for key in keys:
            line = places[key][2]
            if line != last + 1 and whole:
                return True
            whole = (whole or line != last + 1) and self._patches.may_come(commit, path, line)
            last = line
        return whole

    def _follow(self, commit: str, path: str, lines: list[int], group: _Group) -> _Before | None:
        """The same lines in the version before, None where this commit is their origin."""
        previous = group.blame.previous.get((commit, path))
        module = group.name == MODULE
        whole = all(self._patches.may_come(commit, path, line) for line in lines)
        moved = self._patches.moves(commit, path, _last(group.name))
        sources = tuple(self._sources(commit, path, lines, previous, module=module)) if whole else ()
        code = self._code(commit, path) if sources or moved else None
        owner = code.owner(lines[0]) if code else None
        if code is None or owner is None:
            return None
        before = self._before(commit, path, owner, sources, sources[0] == previous) if sources else None
        if before is None:
            return self._edited(commit, path, owner, previous) if moved else None
        parent, old_path, name = before
        old = self._code(parent, old_path)
        assert old is not None  # it was found there
        return _Before((parent, old_path), name, code.counterparts(owner, old, name=name))

    def _find_edited(self, commit: str, path: str, owner: str, previous: Version | None) -> _Before | None:
        """The one function of this name that the commit took out of another file, where at least half of it is left.

        What it moved and edited at once is followed line by line: only the lines that it changed are its own.
        """
        found: list[tuple[Version, str, Code]] = []
        word = _last(owner).encode()
        for version in self._others(commit, previous):
            source = self._read(*version)
            if source is not None and word in source and (old := self._code(*version)):
                names = [name for name in self._taken(commit, version, old) if _last(name) == _last(owner)]
                found += [(version, name, old) for name in names]
        code = self._code(commit, path)
        if len(found) != 1 or code is None:
            return None
        version, name, old = found[0]
        before = self._texts(version, old, name)
        now = self._texts((commit, path), code, owner)
        blocks = SequenceMatcher(None, [text for _, text in before], [text for _, text in now], autojunk=False)
        lines = {
            now[block.b + step][0]: before[block.a + step][0]
            for block in blocks.get_matching_blocks()
            for step in range(block.size)
        }
        return _Before(version, name, lines) if 2 * len(lines) >= len(before) else None

    def _texts(self, version: Version, code: Code, name: str) -> list[tuple[int, bytes]]:
        text = (self._read(*version) or b"").split(b"\n")
        return [(line, text[line - 1].strip()) for line, owner in code.counted() if owner == name][:_MAX_LINES]

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
        elif not module:
            for other in self._others(commit, previous):
                if (old := self._essence(*other)) and text in old.text:
                    yield other

    def _others(self, commit: str, previous: Version | None) -> Iterator[Version]:
        parent = self._trail.parents.get(commit)
        if parent:
            for path in self._trail.changed.get(commit, ()):
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
        if old := self._code(*source):
            yield from (name for name in self._taken(commit, (source[0], there), old) if old.body_hash(name) == wanted)

    def _taken(self, commit: str, version: Version, old: Code) -> Iterator[str]:
        """Functions that are no more where they were before the commit."""
        now = self._code(commit, version[1])
        if now is None and self._read(commit, version[1]) is not None:
            return
        yield from (name for name in old.functions if name != MODULE and (now is None or name not in now.functions))

    def _read_version(self, commit: str, path: str) -> bytes | None:
        if commit == UNCOMMITTED:
            return plain_bytes(self._repository.root, path)
        return self._repository.read(commit, path)

    def _code(self, commit: str, path: str) -> Code | None:
        source = self._read(commit, path)
        return None if source is None else self._parsed(source)

    def _read_essence(self, commit: str, path: str) -> Essence | None:
        source = self._read(commit, path)
        return None if source is None else Essence(source)


def _parse(source: bytes) -> Code | None:
    try:
        return Code(source)
    except SyntaxError:
        return None


def _ranges(lines: Iterable[int]) -> tuple[str, ...]:
    """Options that hold blame to these lines; none where they are many, and all are as quick."""
    ordered = sorted(lines)
    groups = groupby(enumerate(ordered), key=lambda item: item[1] - item[0])
    spans = [[line for _, line in group] for _, group in groups]
    return tuple(f"-L{span[0]},{span[-1]}" for span in spans) if len(spans) <= _MAX_SPANS else ()


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]
