"""Where a function lay in an earlier commit, and which commits changed its logic."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.revert._source import Refusal, Source
from aiprov.revert._splice import Module
from aiprov_runtime._functions import code_hash

_MAX_COMMITS = 2000
_MAX_CANDIDATES = 50
_ALIKE = 0.5
_CLEARLY = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    commit: str
    path: str
    qualname: str


@dataclass(frozen=True, slots=True)
class Change:
    """One commit that changed a function's logic."""

    after: Place
    before: Place | None
    """Where the version before it is; None where the commit introduced the function."""


@dataclass(slots=True)
class History:
    """Reads versions of files, each parsed once."""

    repository: Repository
    _hashes: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _files: dict[str, frozenset[str]] = field(default_factory=dict)

    def files(self, commit: str) -> frozenset[str]:
        if commit not in self._files:
            self._files[commit] = frozenset(self.repository.files(commit))
        return self._files[commit]

    def module(self, commit: str, path: str) -> Module | None:
        """A file at a commit; None where it is absent, Refusal where it cannot be read."""
        data = self.repository.read(commit, path)
        return None if data is None else Module.read(Source.decode(data), what=f"{path} at {commit[:12]}")

    def names(self, commit: str, path: str) -> list[str]:
        """Functions of a file at a commit; none where it is absent or cannot be read."""
        try:
            module = self.module(commit, path)
        except Refusal:
            return []
        return list(module.functions) if module else []

    def code_hash(self, place: Place) -> str | None:
        """The logic of a function; None where it is not there."""
        hashes = self._hashes.setdefault((place.commit, place.path), {})
        if place.qualname not in hashes:
            try:
                module = self.module(place.commit, place.path)
            except Refusal:
                module = None
            nodes = module.nodes(place.qualname) if module else []
            hashes[place.qualname] = code_hash(nodes) if nodes else ""
        return hashes[place.qualname] or None

    def logic(self, place: Place) -> dict[str, str]:
        """Hashes of a function and of all that are nested in it, by what follows its qualname."""
        below = f"{place.qualname}.<locals>."
        names = [q for q in self.names(place.commit, place.path) if q == place.qualname or q.startswith(below)]
        found = {q: self.code_hash(Place(place.commit, place.path, q)) for q in names}
        return {q.removeprefix(place.qualname): value for q, value in found.items() if value}

    def locate(self, now: Place, commit: str) -> Place | None:
        """The same function at an earlier commit: same place, renamed file, else the one that is clearly it."""
        if self.code_hash(Place(commit, now.path, now.qualname)):
            return Place(commit, now.path, now.qualname)
        renamed = self._renamed(now, commit)
        if renamed is not None and self.code_hash(Place(commit, renamed, now.qualname)):
            return Place(commit, renamed, now.qualname)
        return self._moved_inside(now, commit, renamed or now.path) or self._moved_between(now, commit)

    def _renamed(self, now: Place, commit: str) -> str | None:
        path = now.path
        log = self.repository.run(
            "log", "--no-show-signature", "--follow", "-M", "--format=", "--name-status", "-z", "--no-ext-diff",
            "--end-of-options", f"{commit}..{now.commit}", "--", path,
        )  # fmt: skip
        fields = iter(log.decode("utf-8", "surrogateescape").split("\0"))
        for status in fields:
            status = status.lstrip("\n")  # noqa: PLW2901
            if status[:1] == "R":
                before, after = next(fields), next(fields)
                path = before if after == path else path
            elif status:
                next(fields, None)
        return path if path != now.path else None

    def _moved_inside(self, now: Place, commit: str, path: str) -> Place | None:
        """The only function of that name that came or went, as when it was put into a class."""
        name = now.qualname.rpartition(".")[2]
        then, today = self.names(commit, path), self.names(now.commit, now.path)
        gone = [q for q in then if q.rpartition(".")[2] == name and q not in today]
        new = [q for q in today if q.rpartition(".")[2] == name and q not in then]
        if len(gone) != 1 or new != [now.qualname]:
            return None
        place = Place(commit, path, gone[0])
        return place if self._likeness(now, place) >= _ALIKE else None

    def _moved_between(self, now: Place, commit: str) -> Place | None:
        """The one function of that qualname in another file that no longer has it."""
        name = now.qualname.rpartition(".")[2]
        found = self.repository.run(
            "grep", "-l", "-z", "-I", "-F", "-w", "--no-textconv", "-e", f"def {name}", commit, ok=(0, 1)
        )
        paths = [p.removeprefix(f"{commit}:") for p in found.decode("utf-8", "surrogateescape").split("\0") if p]
        places = [
            Place(commit, path, now.qualname)
            for path in [p for p in paths if p.endswith(".py") and p != now.path][:_MAX_CANDIDATES]
            if now.qualname in self.names(commit, path) and now.qualname not in self.names(now.commit, path)
        ]
        ranked = sorted(((self._likeness(now, place), place.path, place) for place in places), reverse=True)
        if not ranked or ranked[0][0] < _ALIKE or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _CLEARLY):
            return None
        return ranked[0][2]

    def _likeness(self, one: Place, other: Place) -> float:
        return difflib.SequenceMatcher(None, self._text(one), self._text(other)).ratio()

    def _text(self, place: Place) -> list[str]:
        module = self.module(place.commit, place.path)
        assert module is not None
        spans = [module.span(node) for node in module.nodes(place.qualname)]
        return [line.strip() for start, end in spans for line in module.lines[start:end] if line.strip()]

    def changes(self, place: Place, *, since: str | None = None) -> Iterator[Change]:
        """The commits that changed the function's logic, newest first; after `since` where it is given."""
        done: set[str] = set()
        start, count = place, 0
        while True:
            for commit, parents in self._log(start, since):
                count += 1
                if count > _MAX_COMMITS:
                    raise Refusal(f"over {_MAX_COMMITS} commits touched its file; name the revision with --to")
                if commit in done:
                    continue
                done.add(commit)
                here = Place(commit, start.path, start.qualname)
                before = self._before(here, parents)
                if before is None or not self._same_logic(here, before):
                    yield Change(here, before)
                if before is None:
                    return
                if (before.path, before.qualname) != (start.path, start.qualname):
                    start = before
                    break
            else:
                return

    def _log(self, place: Place, since: str | None) -> list[tuple[str, list[str]]]:
        revisions = place.commit if since is None else f"{since}..{place.commit}"
        log = self.repository.run(
            "log", "--no-show-signature", "--format=%H %P", "--end-of-options", revisions, "--", place.path
        )
        return [(commit, parents) for commit, *parents in (line.split() for line in log.decode().splitlines())]

    def _before(self, here: Place, parents: list[str]) -> Place | None:
        """The version that a commit started from; that of an unchanged parent where a merge has one."""
        found = [place for parent in parents if (place := self.locate(here, parent)) is not None]
        for place in found:
            if self._same_logic(here, place):
                return place
        return found[0] if found else None

    def _same_logic(self, one: Place, other: Place) -> bool:
        return self.code_hash(one) == self.code_hash(other) is not None
