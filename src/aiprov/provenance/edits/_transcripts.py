"""What the transcripts of coding agents have in common: files of JSON lines, folders that belong to this repository."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import msgspec

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance._models import normalise
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.edits._edits import Edit, edit_of_blocks, find_edits
from aiprov.provenance.edits._toolcalls import Put
from aiprov.provenance.sources import CommitText, OnCommits
from aiprov_runtime._manifest import Generation, check_path

EVIDENCE = "transcript"
STRENGTH = 45
MAX_LINE = 64 * 1024 * 1024
MAX_FILES = 20_000
_decode = msgspec.json.Decoder().decode
# Agents set up further work trees inside of the one that they work for.
_NESTED_TREE = re.compile(r"(?:\.claude/worktrees|\.worktrees|\.codex/worktrees)/[^/]+/(?=.)")


@dataclass(frozen=True, slots=True)
class Places:
    """Where this repository lies on this machine: its root and its other work trees."""

    roots: tuple[str, ...]

    @classmethod
    def of(cls, repository: Repository) -> Places:
        listed = repository.run("worktree", "list", "--porcelain").split(b"\n")
        trees = [os.fsdecode(entry[9:]) for entry in listed if entry.startswith(b"worktree ")]
        given = [str(repository.root), *trees]
        roots = {path.rstrip("/") for root in given for path in (root, os.path.realpath(root))}
        return cls(tuple(sorted(roots - {""}, key=lambda root: (-len(root), root))))

    def holds(self, folder: str) -> bool:
        return any(folder == root or folder.startswith(root + "/") for root in self.roots)

    def locate(self, path: str, cwd: str) -> str | None:
        """Relative to the repository's root, None for what lies outside or cannot be in a manifest."""
        if "\0" in path or not path:
            return None
        full = os.path.normpath(path if path.startswith("/") else f"{cwd}/{path}")
        root = next((root for root in self.roots if full.startswith(root + "/")), None)
        if root is None:
            return None
        name = _NESTED_TREE.sub("", full[len(root) + 1 :], count=1)
        try:
            check_path(name)
        except ValueError:
            return None
        return name


@dataclass(slots=True)
class Session:
    """Where a reader stands in a transcript: what the next call of a tool would be the work of."""

    locate: Callable[[str, str], str | None]
    tool: str
    evidence: str = EVIDENCE
    cwd: str = ""
    model: str = ""
    prompt: str = ""
    edits: list[Edit] = field(default_factory=list)

    def put(self, puts: Iterable[Put], *, when: str, model: str | None = None, prompt: str | None = None) -> None:
        generation = act(
            self.tool,
            self.model if model is None else model,
            self.prompt if prompt is None else prompt,
            when,
            evidence=self.evidence,
        )
        for one in puts:
            path = self.locate(one.path, self.cwd)
            edit = edit_of_blocks(path, one.blocks, generation) if path else None
            if edit:
                self.edits.append(edit)


def act(tool: str, model: str, prompt: str, when: str, *, evidence: str) -> Generation:
    """A generation in the manifest's spelling; what is not known is None."""
    name, raw = normalise(model)
    moment = _times.from_iso(when)
    return Generation(
        model=name,
        raw_model=raw,
        tool=tool,
        prompt_hash=_hashed(prompt),
        generated_at=moment if moment and moment.endswith("Z") else None,
        evidence=evidence,
    )


@lru_cache(256)
def _hashed(prompt: str) -> str | None:
    try:
        return prompt_hash(prompt)
    except UsageError:
        return None


def objects(path: Path, *, within: Callable[[bytes], bool] = bool) -> Iterator[Mapping[str, object]]:
    """The JSON objects of a file of lines; what is cut off, garbled or not `within` is passed over."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            if within(line) and (found := parsed(line)) is not None:
                yield found


def parsed(data: bytes) -> Mapping[str, object] | None:
    try:
        found = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def inner(value: object, *keys: str) -> Mapping[str, object]:
    """The object below these keys, an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def files_below(folder: Path, pattern: str) -> list[Path]:
    """Regular files, in a fixed order."""
    found: list[Path] = []
    for path in folder.glob(pattern):
        if path.is_file() and not path.is_symlink():
            found.append(path)
        if len(found) >= MAX_FILES:
            break
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Transcripts:
    """A commit source over one agent's folder; `read_edits` gives the edits of all sessions in these places."""

    folder: Path
    read_edits: Callable[[Path, Places], tuple[Sequence[Edit], int]]
    """And how many of its files could not be read."""
    name: str = EVIDENCE
    strength: int = STRENGTH

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        try:
            if not self.folder.is_dir():
                return OnCommits()
            edits, unread = self.read_edits(self.folder, Places.of(repository))
        except OSError:
            return OnCommits()
        ignored = (f"{unread} transcripts of {PurePosixPath(self.folder).name} cannot be read",) if unread else ()
        return OnCommits(find_edits(repository, edits, commits), ignored)


def read_each(paths: Iterable[Path], read: Callable[[Path], Iterable[Edit]]) -> tuple[list[Edit], int]:
    """All edits of these files, and how many files could not be read."""
    edits: list[Edit] = []
    unread = 0
    for path in paths:
        try:
            edits += read(path)
        except OSError:
            unread += 1
    return edits, unread
