"""The journal of edits that hooks keep below the git directory: `aiprov/edits.jsonl`, one edit a line, no text in it.

It is only ever appended to, by one write a line, so any number of hooks may run at once. When it is large it becomes
`edits.old.jsonl`, and what that held is forgotten.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiprov.provenance.edits._edits import Edit
from aiprov_runtime._manifest import Generation, check_path

FOLDER = "aiprov"
NAME = "edits.jsonl"
OLD_NAME = "edits.old.jsonl"
MAX_BYTES = 32 * 1024 * 1024
MAX_LINE = 8 * 1024 * 1024
_DIGEST = 16  # hex digits
_SCHEMA = "aiprov.edit/1"


def append(git: Path, edits: Iterable[Edit], *, limit: int = MAX_BYTES) -> None:
    """Into the journal of this common git directory; OSError where it cannot be written."""
    lines = [line for edit in edits if len(line := _line(edit)) <= MAX_LINE]
    if not lines:
        return
    folder = git / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    # Each line also begins on a new one, so that one cut short by a full disk spoils no other.
    data = b"".join(b"\n" + line for line in lines)
    descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
        if os.fstat(descriptor).st_size > limit:
            _turn_over(folder, descriptor, limit)
    finally:
        os.close(descriptor)


def _turn_over(folder: Path, descriptor: int, limit: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    here, there = os.fstat(descriptor), (folder / NAME).stat()
    if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) and there.st_size > limit:
        (folder / NAME).replace(folder / OLD_NAME)


def _line(edit: Edit) -> bytes:
    facts = {
        "schema": _SCHEMA,
        "path": edit.path,
        **edit.generation.as_leaf(),
        "blocks": [b"".join(block).hex() for block in edit.blocks],
    }
    return json.dumps(facts, separators=(",", ":")).encode() + b"\n"


def read(git: Path, *, path: str | None = None, last: int | None = None) -> Iterator[Edit]:
    """The oldest first; of one path only, or only what stands in the last bytes, where a hook asks."""
    wanted = json.dumps(path).encode() if path is not None else b""
    for name in (OLD_NAME, NAME) if last is None else (NAME,):
        try:
            descriptor = os.open(git / FOLDER / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            continue
        with os.fdopen(descriptor, "rb") as file:
            if last is not None:
                file.seek(max(0, os.fstat(descriptor).st_size - last))
            while line := file.readline(MAX_LINE + 1):
                if wanted in line and (edit := _edit(line)) and path in (None, edit.path):
                    yield edit


def _edit(line: bytes) -> Edit | None:
    """None for what is garbled, cut off or of a later version."""
    try:
        facts = json.loads(line)
        if not isinstance(facts, dict) or facts.get("schema") != _SCHEMA:
            return None
        path, blocks = facts["path"], [bytes.fromhex(block) for block in facts["blocks"]]
        check_path(path)
        generation = Generation.from_leaf(facts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    size = _DIGEST // 2
    runs = tuple(tuple(block[at : at + size] for at in range(0, len(block) // size * size, size)) for block in blocks)
    return Edit(path, generation, tuple(filter(None, runs)))
