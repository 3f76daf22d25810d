"""Which commits touched some paths, and the lines that they added there: a few git processes for all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.provenance.edits._match import AddedLine
from aiprov.provenance.lines._blame import unquoted
from aiprov.provenance.sources import UNCOMMITTED

_CHUNK = 500
_MAX_PATHSPECS = 100
_MAX_ADDED_FILES = 100
_NAMES = ("-r", "-z", "--root", "-c", "--no-renames", "--name-status", "--format=%x01%H")
_PATCH = (
    "-p",
    "-U0",
    "-w",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_HUNK = re.compile(rb"(@@+) .*?\+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a commit was authored, and when it was last rewritten."""

    id: str
    authored: float
    committed: float


@dataclass(slots=True)
class Touched:
    """One commit's part in the paths that were asked for."""

    stamp: Stamp
    paths: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    added: list[str] = field(default_factory=list)
    """All files that are new in it, asked for or not; what was moved stands among them."""


def stamps(repository: Repository, commits: Sequence[str]) -> list[Stamp]:
    if not commits:
        return []
    output = repository.run(
        *("log", "--no-walk=unsorted", "--stdin", "-s", "--no-show-signature", "--no-notes", "--format=%H %at %ct"),
        data="\n".join(commits).encode(),
    )
    found: list[Stamp] = []
    for line in output.decode("ascii", "replace").splitlines():
        commit, _, times = line.partition(" ")
        authored, _, committed = times.partition(" ")
        found.append(Stamp(commit, _seconds(authored), _seconds(committed)))
    return found


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0.0  # noqa: PLR2004


def touched(repository: Repository, commits: Sequence[Stamp], paths: Collection[str]) -> list[Touched]:
    """The commits that changed one of these paths or brought new files, in the order given."""
    found: list[Touched] = []
    if commits:
        by_id = {stamp.id: stamp for stamp in commits}
        output = repository.run(
            "diff-tree", "--stdin", *_NAMES, data="".join(f"{stamp.id}\n" for stamp in commits).encode()
        )
        fields = iter(output.split(b"\0"))
        one = Touched(commits[0])
        for raw in fields:
            status = raw.strip()
            if status[:1] == b"\x01":
                one = Touched(by_id[status[1:].decode()])
                found.append(one)
            elif status:
                _note(one, status, next(fields, b""), paths)
    return [one for one in found if one.paths or one.removed or one.added]


def touched_now(repository: Repository, paths: Collection[str]) -> Touched:
    """The work tree, as far as git tracks it."""
    fields = iter(
        repository.run("diff", "HEAD", "-z", "--no-renames", "--name-status", "--no-ext-diff", "--").split(b"\0")
    )
    found = Touched(Stamp(UNCOMMITTED, math.inf, math.inf))
    for status in fields:
        if status:
            _note(found, status, next(fields, b""), paths)
    return found


def _note(into: Touched, status: bytes, name: bytes, paths: Collection[str]) -> None:
    path = name.decode("utf-8", "surrogateescape")
    if status == b"A" and len(into.added) < _MAX_ADDED_FILES:
        into.added.append(path)
    if path in paths:
        (into.removed if status == b"D" else into.paths).add(path)


def added_lines(repository: Repository, wanted: dict[str, set[str]]) -> Iterator[tuple[str, str, list[AddedLine]]]:
    """Commit, path and the lines that are new there; blank ones are left out, and white space alone is no change."""
    commits = [commit for commit, paths in wanted.items() if paths and commit != UNCOMMITTED]
    for start in range(0, len(commits), _CHUNK):
        chunk = commits[start : start + _CHUNK]
        limit = _pathspecs({path for commit in chunk for path in wanted[commit]})
        output = repository.run(
            *("diff-tree", "--stdin", "-r", "--root", "-c", *_PATCH, "--format=%x01%H", "--", *limit),
            data="".join(f"{commit}\n" for commit in chunk).encode(),
        )
        yield from _parse(output, wanted, "")
    if wanted.get(UNCOMMITTED):
        output = repository.run("diff", "HEAD", *_PATCH, "--", *_pathspecs(wanted[UNCOMMITTED]))
        yield from _parse(output, wanted, UNCOMMITTED)


def _pathspecs(paths: set[str]) -> list[str]:
    """Git looks at each of them for each name, so many take longer than all names do."""
    return sorted(paths) if len(paths) <= _MAX_PATHSPECS else []


def _parse(output: bytes, wanted: dict[str, set[str]], commit: str) -> Iterator[tuple[str, str, list[AddedLine]]]:
    for section in _sections(output):
        if section[0][:1] == b"\x01":
            commit = section[0][1:].decode("ascii", "replace")
            continue
        path = next((_path(line) for line in section if line.startswith(b"+++ ")), None)
        if path is not None and path in wanted.get(commit, ()) and (lines := list(_added(section))):
            yield commit, path, lines


def _sections(output: bytes) -> Iterator[list[bytes]]:
    """A commit's line, or one file's patch; within a patch no line of a file begins like these."""
    section: list[bytes] = []
    for line in output.split(b"\n"):
        if line[:1] == b"\x01" or line.startswith(b"diff "):
            if section:
                yield section
            section = []
        if line:
            section.append(line)
    if section:
        yield section


def _path(line: bytes) -> str:
    """Of a header `+++ b/path`."""
    return unquoted(line[4:].removesuffix(b"\t")).removeprefix("b/")


def _added(patch: Sequence[bytes]) -> Iterator[AddedLine]:
    """In a merge's patch each line has a sign for each parent: what is new to all of them counts."""
    signs, number, hunk = b"", 0, 0
    for line in patch:
        if found := _HUNK.match(line):
            signs, number, hunk = b"+" * (len(found[1]) - 1), int(found[2]), hunk + 1
            continue
        sign = line[: len(signs)]
        if not signs or b"-" in sign or line[:1] == b"\\":
            continue
        text = line[len(signs) :].decode("utf-8", "surrogateescape")
        if sign == signs and text.strip():
            yield AddedLine(number, text, hunk)
        number += 1
