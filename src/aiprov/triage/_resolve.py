"""From a frame of a deployed program to a function of the repository, at the revision that was running."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from aiprov.events import Frame
from aiprov.triage._codebase import Codebase
from aiprov_runtime._functions import MODULE, Region, owner, region_at

_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages)/|/lib(?:64)?/python3(?:\.\d+)?t?/|/python3\d+\.zip/", re.IGNORECASE
)
_CODE = re.compile(r"<[^>]*>$")

How = Literal["line", "qualname", "name", "none"]
_HOWS: tuple[How, ...] = ("line", "qualname", "name", "none")


@dataclass(frozen=True, slots=True)
class Place:
    """`how` says what the match rests on; "none" is code of ours that could not be named."""

    key: str
    how: How = "line"

    @property
    def path(self) -> str:
        return self.key.partition("::")[0]

    @property
    def qualname(self) -> str:
        return self.key.partition("::")[2]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which deployed files count as the application's, by pattern; they win over every other rule."""

    app: tuple[str, ...] = ()
    not_app: tuple[str, ...] = ()

    def forced(self, file: str) -> bool | None:
        if any(_matches(file, pattern) for pattern in self.not_app):
            return False
        return True if any(_matches(file, pattern) for pattern in self.app) else None


def _matches(file: str, pattern: str) -> bool:
    """A glob over the whole path, or one or more of its parts written plainly."""
    if any(c in pattern for c in "*?["):
        return fnmatchcase(file, pattern)
    return f"/{pattern.strip('/')}/" in f"/{file.removesuffix('.py')}/" or f"/{pattern.strip('/')}/" in f"/{file}/"


@dataclass(slots=True)
class Resolver:
    """Answers are kept per (revision, file, line, function), so cost follows distinct frames."""

    codebase: Codebase
    scope: Scope = field(default_factory=Scope)
    ambiguous: set[str] = field(default_factory=set)
    """Deployed files that fit two or more files of the repository."""
    hidden: set[str] = field(default_factory=set)
    """Files under site-packages that the repository holds too."""
    _trees: dict[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    _paths: dict[tuple[str, str], tuple[str | None, int]] = field(default_factory=dict)
    _moved: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _hows: dict[str, set[How]] = field(default_factory=dict)
    _places: dict[tuple[str, str, int | None, str | None, bool | None], Place | None] = field(default_factory=dict)

    def follow(self, revisions: Sequence[str]) -> None:
        """Name a file by its path at the last of these revisions, so that a move between two is no new code."""
        for revision in dict.fromkeys(revisions[:-1]):
            renames = self.codebase.renames(revision, revisions[-1]) if revision != revisions[-1] else {}
            self._moved[revision] = {old: new for new, old in renames.items()}

    def place(self, frame: Frame, revision: str | None) -> Place | None:
        """None for library code."""
        key = (revision or "", frame.file, frame.line, frame.function, frame.app)
        if key not in self._places:
            found = self._place(frame, revision)
            moved = self._moved.get(revision or "", {}).get(found.path) if found is not None else None
            if found is not None and moved is not None and found.how != "none":
                found = Place(f"{moved}::{found.qualname}", found.how)
            self._places[key] = found
            if found is not None:
                self._hows.setdefault(found.key, set()).add(found.how)
        return self._places[key]

    def how(self, key: str) -> How:
        """The best ground on which any frame was matched to a function."""
        return min(self._hows.get(key, {"none"}), key=_HOWS.index)

    def _place(self, frame: Frame, revision: str | None) -> Place | None:
        file = frame.file.replace("\\", "/")
        forced = self.scope.forced(file)
        if forced is False or (not forced and _CODE.search(file)):
            return None
        library = not forced and _LIBRARY.search(file) is not None
        if library and frame.app is not True:
            if revision is not None and self._in_repository(file, revision):
                self.hidden.add(file)
            return None
        path, tail = self.path(file, revision) if revision else (None, 0)
        if path is None or revision is None:
            # A flag of the source's alone makes nothing a library, and nothing the repository's either.
            return None if library or (frame.app is False and not forced) else _unresolved(file, frame.function)
        place = self._function(frame, revision, path)
        if tail == 1 and "/" in path:  # only the file's own name agrees, so the function has to as well
            agreed = place is not None and place.how == "line" and place.qualname != MODULE and frame.function
            return Place(place.key, "name") if place and agreed else _unresolved(file, frame.function)
        return place or _unresolved(path, frame.function)

    def _in_repository(self, file: str, revision: str) -> bool:
        """By two parts or more; a bare file name under site-packages says nothing."""
        return self.path(file, revision)[1] > 1

    def path(self, file: str, revision: str) -> tuple[str | None, int]:
        """The one repository file that shares the longest tail with a deployed path, and how many parts that is."""
        if (revision, file) not in self._paths:
            self._paths[revision, file] = self._suffix(file, revision)
        return self._paths[revision, file]

    def _suffix(self, file: str, revision: str) -> tuple[str | None, int]:
        parts = [part for part in file.split("/") if part not in ("", ".")]
        candidates = self._tree(revision).get(parts[-1], ()) if parts else ()
        ranked = [(_common(parts, path.split("/")), path) for path in candidates]
        longest = max((length for length, _ in ranked), default=0)
        best = [path for length, path in ranked if length == longest]
        # Where the whole of one path fits, the others would need a folder cut off on the way to production.
        best = [path for path in best if path.count("/") + 1 == longest] or best
        if len(best) > 1:
            self.ambiguous.add(file)
        return (best[0], longest) if len(best) == 1 else (None, 0)

    def _tree(self, revision: str) -> Mapping[str, Sequence[str]]:
        if revision not in self._trees:
            tree: dict[str, list[str]] = {}
            for path in self.codebase.paths(revision):
                tree.setdefault(path.rpartition("/")[2], []).append(path)
            self._trees[revision] = tree
        return self._trees[revision]

    def _function(self, frame: Frame, revision: str, path: str) -> Place | None:
        functions = self.codebase.regions(revision, path)
        name = frame.function or ""
        if not functions:
            manifest = self.codebase.manifest(revision)
            recorded = manifest is not None and owner(name) in manifest.files.get(path, {})
            return Place(f"{path}::{owner(name)}", "qualname") if recorded else None
        return match(functions, line=frame.line, name=name, path=path)


def match(functions: Mapping[str, Region], *, line: int | None, name: str, path: str) -> Place | None:
    """The function by line where its name agrees, else by qualname, else by a name that only one function has."""
    named = owner(name) if name and not (name[0] == "<" and "." not in name and name != MODULE) else ""
    last = named.rpartition(".")[2]
    at = None if line is None else region_at(dict(functions), line)
    if at is not None and _agrees(functions, at, named=named, line=line or 0):
        return Place(f"{path}::{at.qualname}")
    if named in functions:
        inside = line is not None and any(start <= line <= end for start, end in functions[named].spans)
        return Place(f"{path}::{named}", "line" if inside and named != MODULE else "qualname")
    same_name = [qualname for qualname in functions if last and qualname.rpartition(".")[2] == last]
    return Place(f"{path}::{same_name[0]}", "name") if len(same_name) == 1 else None


def _agrees(functions: Mapping[str, Region], at: Region, *, named: str, line: int) -> bool:
    """Whether a frame with this name can stand on this line."""
    if at.qualname == MODULE and line > max((region.end for region in functions.values()), default=0):
        return False
    if not named or named == at.qualname:
        return True
    last = named.rpartition(".")[2]
    if at.qualname == MODULE:  # a class body runs as its own frame and belongs to the module
        is_class = any(f".{last}." in f".{qualname}" for qualname in functions)
        return is_class and all(qualname.rpartition(".")[2] != last for qualname in functions)
    # A bare name is all that a traceback holds; a whole qualname must agree as a whole.
    return "." not in named and at.qualname.rpartition(".")[2] == last


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return length


def _unresolved(file: str, function: str | None) -> Place:
    return Place(f"{'/'.join(file.split('/')[-2:])}::{function or '?'}", "none")
