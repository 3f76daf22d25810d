"""What commits took away and put in, in bulk: a quick answer to whether lines can have come from somewhere else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from aiprov.git import Repository
from aiprov.provenance.lines._blame import unquoted
from aiprov.provenance.lines._code import bare
from aiprov.provenance.sources import UNCOMMITTED

_CHUNK = 500
_MAX_BYTES = 256 * 1024 * 1024
_COMMIT = re.compile(rb"^([0-9a-f]{40}|[0-9a-f]{64})\n", re.MULTILINE)
_FILE = re.compile(rb"^--- ([^\n]+)\n\+\+\+ ([^\n]+)\n", re.MULTILINE)
_DEF_NAME = re.compile(rb"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@.*\n", re.MULTILINE)


def read_patches(repository: Repository, commits: Sequence[str], *, limit: int = _MAX_BYTES) -> dict[str, bytes]:
    """The Python part of each commit's patch; empty for merges, none for what goes beyond the limit."""
    found: dict[str, bytes] = {}
    size = 0
    for start in range(0, len(commits), _CHUNK):
        if size > limit:
            break
        chunk = commits[start : start + _CHUNK]
        output = repository.run(
            *("--no-literal-pathspecs", "diff-tree", "--stdin", "-r", "-p", "-U0", "-w", "--root", "--no-renames"),
            *("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", "--", "*.py"),
            data=("\n".join(chunk) + "\n").encode(),
        )
        size += len(output)
        parts = _COMMIT.split(output)
        found |= dict.fromkeys(chunk, b"")
        found |= {commit.decode(): patch for commit, patch in zip(parts[1::2], parts[2::2], strict=True)}
    return found


@dataclass(slots=True)
class _Patch:
    lost: dict[str, bytes] = field(default_factory=dict)
    """By file all that was taken away, without what a formatter may change."""
    gained: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """By file and line."""
    taken: dict[str, set[bytes]] = field(default_factory=dict)
    """By file the names of functions whose first line was taken away."""
    given: dict[str, set[bytes]] = field(default_factory=dict)


class Patches:
    def __init__(self, repository: Repository, texts: Mapping[str, bytes]) -> None:
        self._repository = repository
        self._texts = dict(texts)
        self._read = lru_cache(256)(self._parse)

    def load(self, commits: Collection[str]) -> None:
        """Read those that are not there yet, so that what was read beforehand changes no answer."""
        missing = [commit for commit in commits if commit not in self._texts and commit != UNCOMMITTED]
        if missing:
            self._texts |= read_patches(self._repository, missing)

    def loses(self, commit: str) -> bool:
        """Whether the commit took any line away, without which it moved none; True where not known, as of merges."""
        return not self._texts.get(commit) or bool(self._read(commit).lost)

    def may_come(self, commit: str, path: str, line: int) -> bool:
        """Whether the commit took away, from whatever file, what this line holds; True where not known."""
        if not self._texts.get(commit):
            return True
        patch = self._read(commit)
        text = patch.gained.get(path, {}).get(line)
        return text is None or any(text in gone for gone in patch.lost.values())

    def moves(self, commit: str, path: str, name: str) -> bool:
        """Whether the commit took a function of this name out of another file and put one into this one."""
        if not self._texts.get(commit):
            return False
        patch, raw = self._read(commit), name.encode()
        return raw in patch.given.get(path, ()) and any(raw in names for at, names in patch.taken.items() if at != path)

    def _parse(self, commit: str) -> _Patch:
        patch = _Patch()
        parts = _FILE.split(self._texts[commit])
        for old, new, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            hunks = _HUNK.split(text)
            gone: list[bytes] = []
            numbers: list[int] = []
            came: list[bytes] = []
            for first, count, body in zip(hunks[1::3], hunks[2::3], hunks[3::3], strict=True):
                rows = body.split(b"\n")
                gone += [row[1:] for row in rows if row[:1] == b"-"]
                came += [row[1:] for row in rows if row[:1] == b"+"]
                numbers += range(int(first), int(first) + int(count or 1))
            if gone:
                patch.taken[_name(old)] = set(_DEF_NAME.findall(b"\n".join(gone)))
                patch.lost[_name(old)] = bare(b"\n".join(gone)).replace(b"\n", b"")
            if came and len(came) == len(numbers):
                patch.given[_name(new)] = set(_DEF_NAME.findall(b"\n".join(came)))
                patch.gained[_name(new)] = dict(zip(numbers, bare(b"\n".join(came)).split(b"\n"), strict=True))
        return patch


def _name(shown: bytes) -> str:
    """Without the prefix, and without the tab that ends a name with spaces in it."""
    return unquoted(shown.removesuffix(b"\t"))[2:]
