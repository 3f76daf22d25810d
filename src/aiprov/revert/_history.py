"""Where a function lay in an earlier commit, and which commits changed its logic."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.revert._source import Refusal, Source, split_lines
from aiprov_runtime._functions import Region, regions

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
    _regions: dict[tuple[str, str], dict[str, Region]] = field(default_factory=dict)
    _files: dict[str, frozenset[str]] = field(default_factory=dict)

    def files(self, commit: str) -> frozenset[str]:
        if commit not in self._files:
            self._files[commit] = frozenset(self.repository.files(commit))
        return self._files[commit]

    def source(self, commit: str, path: str) -> Source | None:
        data = self.repository.read(commit, path)
        return None if data is None else Source.decode(data)

    def regions(self, commit: str, path: str) -> dict[str, Region]:
        """Functions of a file at a commit; empty where it is absent or cannot be read."""
        key = (commit, path)
        if key not in self._regions:
            try:
                source = self.source(commit, path)
                self._regions[key] = {} if source is None else regions(source.text)
            except (Refusal, SyntaxError):
                self._regions[key] = {}
        return self._regions[key]

    def region(self, place: Place) -> Region | None:
        return self.regions(place.commit, place.path).get(place.qualname)

    def locate(self, now: Place, commit: str) -> Place | None:
        """The same function at an earlier commit: same place, renamed file, else the one that is clearly it."""
        if now.qualname in self.regions(commit, now.path):
            return Place(commit, now.path, now.qualname)
        renamed = self._renamed(now, commit)
        if renamed is not None and now.qualname in self.regions(commit, renamed):
            return Place(commit, renamed, now.qualname)
        return self._moved_inside(now, commit, renamed or now.path) or self._moved_between(now, commit)

    def _renamed(self, now: Place, commit: str) -> str | None:
        path = now.path
        log = self.repository.run(
            "log", "--follow", "-M", "--format=", "--name-status", "-z", "--no-ext-diff", "--end-of-options",
            f"{commit}..{now.commit}", "--", path,
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
        then, today = self.regions(commit, path), self.regions(now.commit, now.path)
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
            if now.qualname in self.regions(commit, path) and now.qualname not in self.regions(now.commit, path)
        ]
        ranked = sorted(((self._likeness(now, place), place.path, place) for place in places), reverse=True)
        if not ranked or ranked[0][0] < _ALIKE or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _CLEARLY):
            return None
        return ranked[0][2]

    def _likeness(self, one: Place, other: Place) -> float:
        return difflib.SequenceMatcher(None, self._text(one), self._text(other)).ratio()

    def _text(self, place: Place) -> list[str]:
        source, region = self.source(place.commit, place.path), self.region(place)
        assert source is not None
        assert region is not None
        lines = split_lines(source.text)
        return [line.strip() for start, end in region.spans for line in lines[start - 1 : end] if line.strip()]

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
        log = self.repository.run("log", "--format=%H %P", "--end-of-options", revisions, "--", place.path)
        return [(commit, parents) for commit, *parents in (line.split() for line in log.decode().splitlines())]

    def _before(self, here: Place, parents: list[str]) -> Place | None:
        """The version that a commit started from; that of an unchanged parent where a merge has one."""
        region = self.region(here)
        found = [place for parent in parents if (place := self._in_parent(here, parent)) is not None]
        for place in found:
            earlier = self.region(place)
            if region is not None and earlier is not None and earlier.code_hash == region.code_hash:
                return place
        return found[0] if found else None

    def _in_parent(self, here: Place, parent: str) -> Place | None:
        if here.qualname in self.regions(parent, here.path):
            return Place(parent, here.path, here.qualname)
        return self.locate(here, parent)

    def _same_logic(self, one: Place, other: Place) -> bool:
        a, b = self.region(one), self.region(other)
        return a is not None and b is not None and a.code_hash == b.code_hash
