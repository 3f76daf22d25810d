"""Where the lines of one file were written, in a form that is kept and sent: numbers, and each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from aiprov.provenance.lines._blame import Blame
from aiprov.provenance.lines._code import Code
from aiprov.provenance.lines._lineage import FileOrigins, Place


class Run(NamedTuple):
    """Neighbouring lines that are neighbours where they were written too."""

    first: int
    size: int
    commit: int
    """Into the file's commits; -1 for lines older than all evidence."""
    path: int
    line: int


class Traced(msgspec.Struct, frozen=True, array_like=True):
    """One function."""

    runs: tuple[Run, ...]
    """By the lines of the oldest version that has today's logic."""
    today: tuple[tuple[int, int, int], ...] | None
    """Today's first line, how many, and the line in that version, where they differ."""


class Question(NamedTuple):
    """Whether evidence can be in a version of a file."""

    commit: int
    path: int
    answer: bool


class Origins(msgspec.Struct, array_like=True):
    """One version of one file."""

    commits: tuple[str, ...] = ()
    paths: tuple[bytes, ...] = ()
    """As git has them, in whatever encoding."""
    blame: tuple[Run, ...] = ()
    """Every line as plain blame has it."""
    functions: dict[str, Traced] = {}
    asked: tuple[Question, ...] = ()
    names: tuple[str, ...] | None = None
    """All functions; None for what is no Python."""
    hashes: dict[str, str] = {}
    """Of those functions that were asked about."""
    bounds: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """By path how far back blame looked."""
    error: str | None = None
    """Why nothing is known."""

    def path(self, number: int) -> str:
        return self.paths[number].decode("utf-8", "surrogateescape")

    def _places(self, run: Run) -> Iterator[Place | None]:
        if run.commit < 0:
            yield from [None] * run.size
        else:
            commit, path = self.commits[run.commit], self.path(run.path)
            yield from ((commit, path, run.line + offset) for offset in range(run.size))

    def by_line(self) -> Iterator[tuple[int, str, Place | None]]:
        """Today's lines that hold logic, with their function."""
        for name, traced in self.functions.items():
            origins = {run.first + n: place for run in traced.runs for n, place in enumerate(self._places(run))}
            if traced.today is None:
                yield from ((line, name, place) for line, place in origins.items())
                continue
            for first, count, there in traced.today:
                for offset in range(count):
                    if there + offset in origins:
                        yield first + offset, name, origins[there + offset]

    def plain(self) -> Iterator[tuple[int, Place | None]]:
        """Today's lines as blame has them."""
        for run in self.blame:
            for offset, place in enumerate(self._places(run)):
                yield run.first + offset, place


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Origins)


def encode(origins: Origins) -> bytes:
    return _ENCODER.encode(origins)


def decode(data: bytes) -> Origins | None:
    """None for what was not written by `encode`."""
    try:
        found = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return None
    commits, paths = len(found.commits), len(found.paths)
    runs = [*found.blame, *(run for traced in found.functions.values() for run in traced.runs)]
    sound = all(-1 <= run.commit < commits and (run.commit < 0 or 0 <= run.path < paths) for run in runs)
    sound = sound and all(0 <= path < paths for path, _ in found.bounds)
    sound = sound and all(0 <= q.commit < commits and 0 <= q.path < paths for q in found.asked)
    return found if sound else None


def pack(blamed: Blame, found: FileOrigins, code: Code | None, hashes: Mapping[str, str]) -> Origins:
    commits: dict[str, int] = {}
    paths: dict[str, int] = {}

    def run_of(first: int, place: Place | None) -> Run:
        if place is None:
            return Run(first, 1, -1, 0, 0)
        commit, path, line = place
        return Run(first, 1, commits.setdefault(commit, len(commits)), paths.setdefault(path, len(paths)), line)

    def runs_of(places: Iterable[tuple[int, Place | None]]) -> tuple[Run, ...]:
        runs: list[Run] = []
        for first, place in places:
            run = run_of(first, place)
            if runs and _continues(runs[-1], run):
                runs[-1] = runs[-1]._replace(size=runs[-1].size + 1)
            else:
                runs.append(run)
        return tuple(runs)

    blame = runs_of(sorted({**dict.fromkeys(blamed.older), **blamed.lines}.items()))
    functions = {
        name: Traced(runs_of(sorted(written.places.items())), _spans(written.today))
        for name, written in found.functions.items()
    }
    asked = tuple(
        Question(commits.setdefault(commit, len(commits)), paths.setdefault(path, len(paths)), answer)
        for (commit, path), answer in found.asked.items()
    )
    bounds = tuple((paths.setdefault(path, len(paths)), bound) for path, bound in found.bounds.items())
    names = tuple(code.functions) if code else None
    return Origins(
        tuple(commits),
        tuple(path.encode("utf-8", "surrogateescape") for path in paths),
        blame,
        functions,
        asked,
        names,
        dict(hashes),
        bounds,
    )


def _continues(run: Run, other: Run) -> bool:
    if run.first + run.size != other.first or run.commit != other.commit:
        return False
    return run.commit < 0 or (run.path == other.path and run.line + run.size == other.line)


def _spans(today: Mapping[int, int] | None) -> tuple[tuple[int, int, int], ...] | None:
    if today is None:
        return None
    spans: list[tuple[int, int, int]] = []
    for line, there in sorted(today.items()):
        if spans and spans[-1][0] + spans[-1][1] == line and spans[-1][2] + spans[-1][1] == there:
            first, count, start = spans[-1]
            spans[-1] = (first, count + 1, start)
        else:
            spans.append((line, 1, there))
    return tuple(spans)
