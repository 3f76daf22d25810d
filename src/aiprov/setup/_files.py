"""Files as they are and as they would be: read with care, shown as a diff, written all or none."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.provenance._store import write_atomically
from aiprov.provenance._text import link_in
from aiprov.text import safe

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Edit:
    """None stands for no file."""

    path: Path
    name: str
    """As a person knows it: relative to the root."""
    before: bytes | None
    after: bytes | None
    mode: int | None = None
    """Of a new file; one that is there keeps its own."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text with Unix line ends, and what it takes to write it back as it was."""

    text: str
    newline: str = "\n"
    bom: bool = False

    def encoded(self, text: str) -> bytes:
        return (codecs.BOM_UTF8 if self.bom else b"") + text.replace("\n", self.newline).encode()


def read(path: Path, *, root: Path, name: str) -> bytes | None:
    """UsageError for whatever must not be replaced: a link, no plain file, a read-only or very large one."""
    inside = path.is_relative_to(root)
    link = link_in(root, str(path.relative_to(root))) if inside else name if path.is_symlink() else None
    if link:
        raise UsageError(f"{safe(link)} is a symbolic link; change the file that it points to by hand")
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{safe(name)} is not a file")
    if found.st_size > MAX_BYTES:
        raise UsageError(f"{safe(name)} is larger than {MAX_BYTES >> 20} MiB")
    if not found.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise UsageError(f"{safe(name)} is read-only; make it writable first")
    return path.read_bytes()


def parse(data: bytes, *, name: str) -> Source:
    """UsageError where the bytes are no UTF-8, or where line ends are mixed and could not be written back."""
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{safe(name)}: not UTF-8 at byte {error.start}; change it by hand") from None
    newline = "\r\n" if "\r\n" in text else "\n"
    source = Source(text.replace("\r\n", "\n"), newline, bom)
    if source.encoded(source.text) != data:
        raise UsageError(f"{safe(name)}: Windows and Unix line ends in one file; choose one first")
    return source


def write(edits: Sequence[Edit]) -> None:
    """Every file or none: where one cannot be written, those before it are put back."""
    done: list[Edit] = []
    made: list[Path] = []
    try:
        for edit in edits:
            made += _make_parents(edit.path)
            done.append(edit)
            _put(edit.path, edit.after, mode=edit.mode)
    except OSError as error:
        for edit in reversed(done):
            with contextlib.suppress(OSError):
                _put(edit.path, edit.before, mode=edit.mode)
        _remove_empty(reversed(made))
        blame = safe(edit.name)  # of the loop
        raise UsageError(f"{blame}: {error.strerror or error}; nothing was changed") from None
    for edit in edits:
        if edit.after is None:
            _remove_empty(edit.path.parents)


def _put(path: Path, data: bytes | None, *, mode: int | None) -> None:
    if data is None:
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
    write_atomically(path, data, mode=mode)


def _make_parents(path: Path) -> list[Path]:
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return list(reversed(missing))


def _remove_empty(folders: Iterable[Path]) -> None:
    """The innermost first, up to one that holds something."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def diff(edits: Sequence[Edit]) -> str:
    """As `git diff` shows it."""
    return "".join(line for edit in edits for line in _diff(edit))


def _diff(edit: Edit) -> Iterator[str]:
    before, after = (
        [] if data is None else data.decode("utf-8", "replace").splitlines(keepends=True)
        for data in (edit.before, edit.after)
    )
    old = "/dev/null" if edit.before is None else f"a/{edit.name}"
    new = "/dev/null" if edit.after is None else f"b/{edit.name}"
    for line in difflib.unified_diff(before, after, old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
