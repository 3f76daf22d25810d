"""The files of a work tree that a scan reads, by names that a manifest can hold."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from aiprov.git import Repository
from aiprov.provenance._text import is_plain, plain_bytes
from aiprov.provenance.sources.sidecar import SUFFIX
from aiprov_runtime._manifest import MAX_KEY, check_path

IGNORE_REVS = ".git-blame-ignore-revs"
_IGNORED_LINE = re.compile(rb"\s*(?:(?:[0-9a-f]{40}|[0-9a-f]{64})\s*)?(?:#.*)?", re.IGNORECASE)
_UNFIT_NAME = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Files:
    python: tuple[str, ...]
    all: tuple[str, ...]
    unnameable: int
    absent: frozenset[str]
    """Tracked, but left out of this work tree by a sparse checkout."""
    blobs: dict[str, str]
    """What the index holds of each Python file; none where git sees that the file differs."""
    too_large: tuple[str, ...] = ()
    """Python files that nobody reads."""


def list_files(repository: Repository) -> Files:
    """Regular tracked files, with sidecars that are not tracked yet."""
    tracked = _indexed(repository)
    others = repository.run("ls-files", "-z", "--others", "--exclude-standard").split(b"\0")
    names = tracked.keys() | {name for name in others if name.endswith(SUFFIX.encode())}
    python: list[str] = []
    every: list[str] = []
    blobs: dict[str, str] = {}
    too_large: list[str] = []
    unnameable = 0
    for raw in sorted(names):
        name = _name(raw)
        if name is None:
            unnameable += raw.endswith(b".py")
            continue
        every.append(name)
        if name.endswith(".py") and is_plain(repository.root, name):
            python.append(name)
            if blob := tracked.get(raw, _Entry()).blob:
                blobs[name] = blob
        elif name.endswith(".py") and is_plain(repository.root, name, limit=sys.maxsize):
            too_large.append(name)
    absent = frozenset(filter(None, (_name(raw) for raw, entry in tracked.items() if entry.is_absent)))
    return Files(tuple(python), tuple(every), unnameable, absent, blobs, tuple(too_large))


def blobs_of(repository: Repository, commit: str | None) -> dict[str, str | None]:
    """Regular files that a source can name, of a commit or the work tree; None where the content may be another."""
    if commit is None:
        tracked = {raw.decode(): entry.blob for raw, entry in _indexed(repository).items() if _is_text(raw)}
        return {name: blob for name, blob in tracked.items() if is_plain(repository.root, name)}
    entries = repository.run("ls-tree", "-r", "-z", "--end-of-options", commit).split(b"\0")
    rows = (entry.partition(b"\t") for entry in entries if entry.startswith(b"100"))
    return {raw.decode(): head.split(b" ")[2].decode() for head, _, raw in rows if _is_text(raw)}


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Entry:
    blob: str | None = None
    """None where git sees that the file differs, or was told not to look."""
    is_absent: bool = False


def _indexed(repository: Repository) -> dict[bytes, _Entry]:
    touched = set(repository.run("diff-files", "--name-only", "-z").split(b"\0"))
    found: dict[bytes, _Entry] = {}
    for entry in repository.run("ls-files", "-v", "-s", "-z").split(b"\0"):
        head, _, raw = entry.partition(b"\t")
        if head[2:5] == b"100":
            is_sound = head.startswith(b"H ") and raw not in touched
            found[raw] = _Entry(head.split(b" ")[2].decode() if is_sound else None, is_absent=head[:1] in b"Ss")
    return found


def blame_options(repository: Repository, limit: str | None) -> tuple[tuple[str, ...], list[str]]:
    """How every blame of this scan is asked, and what is wrong with the list of commits to look through."""
    options = [f"^{limit}"] if limit else []
    listed = plain_bytes(repository.root, IGNORE_REVS)
    if listed is None:
        return tuple(options), []
    for number, line in enumerate(listed.split(b"\n"), 1):
        if not _IGNORED_LINE.fullmatch(line):
            return tuple(options), [f"{IGNORE_REVS}:{number}: not a full commit id; the file is not honoured"]
    return (f"--ignore-revs-file={IGNORE_REVS}", *options), []


def _name(raw: bytes) -> str | None:
    """The name as text, where a manifest can hold it."""
    try:
        name = raw.decode()
        check_path(name)
    except ValueError:
        return None
    return None if _UNFIT_NAME.search(name) or len(name) > MAX_KEY else name
