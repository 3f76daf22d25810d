"""One edit that a tool made, as a transcript or a hook tells of it, found again in the commit that took it in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a hook that records an edit must not wait for git's machinery to be imported
    from aiprov.git import Repository
    from aiprov.provenance.sources import CommitText, SomeLines
    from aiprov_runtime._manifest import Generation

# Two texts whose differing parts have more pairs of lines than this are compared without regard to order.
_MAX_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class Edit:
    """What one act of a model put into one file; it holds digests of lines and no text."""

    path: str
    """Relative to the repository's root, with `/`."""
    generation: Generation
    """With `generated_at`; its `commit` is filled in where the edit is found."""
    blocks: tuple[tuple[bytes, ...], ...]
    """Runs of lines that the edit added, each line as `line_digest` of it; lines that it only repeated are left out."""
    is_human: bool = False
    """The record says that a person wrote these lines."""


def line_digest(line: str) -> bytes:
    """Eight bytes that stand for a line, whatever its indentation and white space; empty for a blank line."""
    text = "".join(line.split())
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() if text else b""


def find_edits(repository: Repository, edits: Sequence[Edit], commits: Sequence[CommitText]) -> dict[str, SomeLines]:
    """By commit, and under UNCOMMITTED, the lines that these edits put there; `commits` are the newest first."""
    from aiprov.provenance.edits._found import find

    return find(repository, edits, commits)


def edit_of(path: str, before: str, after: str, generation: Generation) -> Edit | None:
    """What turned one text into the other, each a whole file or a piece of one; None where no line was added."""
    return edit_of_blocks(path, added_blocks(before, after), generation)


def edit_of_blocks(path: str, blocks: Iterable[Sequence[bytes]], generation: Generation) -> Edit | None:
    """From runs of digests; None where they hold no line."""
    kept = tuple(run for block in blocks if (run := tuple(filter(None, block))))
    return Edit(path, generation, kept) if kept else None


def digests(text: str) -> list[bytes]:
    """Of the lines of a text that are not blank."""
    return [digest for line in text.split("\n") if (digest := line_digest(line))]


def added_blocks(before: str, after: str) -> list[list[bytes]]:
    """The runs of lines that `after` has and `before` has not."""
    lines = _lines(after)
    old, new = digests(before), [line.digest for line in lines]
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old, middle = old[start : len(old) - end], new[start : len(new) - end]
    if len(old) * len(middle) > _MAX_PAIRS:
        return _unknown_runs(frozenset(old), middle)
    spans = [(not old, start, start + len(middle))] if middle else []
    if old and middle:
        codes = SequenceMatcher(None, old, middle, autojunk=False).get_opcodes()
        spans = [(tag == "insert", start + i, start + j) for tag, _, _, i, j in codes if tag in ("replace", "insert")]
    edges = [0, *(edge for _, first, last in spans for edge in (first, last)), len(new)]
    found: list[list[bytes]] = []
    for place, (is_insert, first, last) in enumerate(spans):
        free = range(edges[2 * place], edges[2 * place + 3])
        at = _begin(lines, range(first, last), free) if is_insert else first
        found.append(new[at : at + last - first])
    return found


class _Line(NamedTuple):
    digest: bytes
    indent: int
    follows_text: bool


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    follows_text = False
    for line in text.split("\n"):
        digest = line_digest(line)
        if digest:
            found.append(_Line(digest, len(line) - len(line.lstrip()), follows_text))
        follows_text = bool(digest)
    return found


def _begin(lines: Sequence[_Line], run: range, free: range) -> int:
    """Where a run begins that could as well stand some lines up or down: least indented, then after a gap.

    So a new function is not the last line of the one above it and all of its own but the last.
    """
    first, last = run.start, run.stop
    while first > free.start and lines[first - 1].digest == lines[first + len(run) - 1].digest:
        first -= 1
    while last < free.stop and lines[last - len(run)].digest == lines[last].digest:
        last += 1
    places = range(first, last - len(run) + 1)
    return min(places, key=lambda at: (lines[at].indent, lines[at].follows_text, -at))


def _unknown_runs(known: frozenset[bytes], new: Sequence[bytes]) -> list[list[bytes]]:
    runs: list[list[bytes]] = [[]]
    for digest in new:
        if digest not in known:
            runs[-1].append(digest)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
