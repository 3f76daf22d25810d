"""The text files of a revision or of the work tree, and how many lines each has, as git itself counts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

_OPTIONS = ("-z", "--raw", "--numstat", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")


@dataclass(frozen=True, slots=True)
class Range:
    """What `A..B` means to git: the tree of `until`, and of it what `since` does not reach."""

    until: str | None = None
    """None for the work tree."""
    since: str | None = None
    """None for all of the tree."""


def parse_range(text: str, repository: Repository) -> Range | None:
    """`A..B`, `A...B`, `A..`, `..B` or one revision; None where the text names none of them.

    Of B's tree, the three dots mean the same lines as two: those that came in on B's side.
    """
    dots = "..." if "..." in text else ".."
    first, found, second = text.partition(dots)
    if not found:
        commit = repository.resolve(text)
        return Range(commit) if commit else None
    since, until = repository.resolve(first or "HEAD"), repository.resolve(second or "HEAD")
    return Range(until, since) if since and until else None


def text_lines(repository: Repository, revision: str | None) -> dict[str, int]:
    """By path; no binary files, symbolic links, submodules, nor files that are not checked out, nor the manifest."""
    empty = repository.run("hash-object", "-t", "tree", "--stdin", data=b"").decode().strip()
    output = repository.run("diff", *_OPTIONS, empty, *((revision,) if revision else ()), "--")
    tokens = iter(output.split(b"\0"))
    regular: set[bytes] = set()
    found: dict[str, int] = {}
    for token in tokens:
        if token.startswith(b":"):
            path = next(tokens)
            if token.split(b" ")[1].startswith(b"100"):
                regular.add(path)
            continue
        added, _, rest = token.partition(b"\t")
        path = rest.partition(b"\t")[2]
        if added.isdigit() and path in regular:
            name = os.fsdecode(path)
            if name != MANIFEST_PATH and (revision or (repository.root / name).is_file()):
                found[name] = int(added)
    return found


def restrict(lines: dict[str, int], paths: Sequence[str]) -> dict[str, int]:
    """Only these files, and those below these folders; UsageError where one of them holds none."""
    if not paths:
        return lines
    for path in paths:
        if not any(_is_below(name, path) for name in lines):
            raise UsageError(f"{safe(path)}: neither a known revision nor a text file that git tracks")
    return {name: count for name, count in lines.items() if any(_is_below(name, path) for path in paths)}


def _is_below(name: str, path: str) -> bool:
    return path in (".", name) or name.startswith(f"{path}/")


def refuse_shallow(repository: Repository, asked: Range, inside: frozenset[str] | None) -> None:
    """UsageError where counted lines end at the cut of a shallow clone, where blame names the wrong writers."""
    if repository.run("rev-parse", "--is-shallow-repository").strip() != b"true":
        return
    where = os.fsdecode(repository.run("rev-parse", "--git-path", "shallow").rstrip(b"\n"))
    ends = (repository.root / where).read_bytes().decode("ascii", "replace").split()
    if inside is None:
        inside = frozenset(repository.run("rev-list", asked.until or "HEAD", "--").decode().split())
    if not inside.isdisjoint(ends):
        raise UsageError(
            "this clone is shallow, so the writers of older lines are not known: run `git fetch --unshallow`, "
            "or give a range that begins after the cut"
        )


def commits_between(repository: Repository, since: str, until: str) -> frozenset[str]:
    return frozenset(repository.run("rev-list", until, f"^{since}", "--").decode().split())


def touched_between(repository: Repository, since: str, until: str) -> frozenset[str]:
    """Paths that a commit of the range gave content of its own; blame finds lines of the range in no other file."""
    return frozenset(os.fsdecode(name) for name in _touched(repository, since, until))


def _touched(repository: Repository, since: str, until: str) -> Iterator[bytes]:
    output = repository.run(
        *(
            "-c",
            "log.showRoot=true",
            "log",
            "-c",
            "--no-renames",
            "--name-only",
            "-z",
            "--format=",
            "--no-show-signature",
        ),
        *(until, f"^{since}", "--"),
    )
    for name in output.split(b"\0"):
        yield name.removeprefix(b"\n")
