"""`git blame --incremental` as a table: which commit each line came from, and where it stood there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiprov.git import Repository

_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')
_ESCAPED = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b'"': 34, b"\\": 92}


@dataclass(frozen=True, slots=True)
class Blame:
    lines: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """By today's line: commit, path and line there. Work that is not committed has a commit of zeros."""
    previous: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By commit and path: the parent that blame compared with, and the path there."""


def blame(repository: Repository, path: str, *, revision: str | None = None, options: tuple[str, ...] = ()) -> Blame:
    """Of the work tree where no revision is given; GitError where git cannot."""
    output = repository.run(
        *("-c", "blame.ignoreRevsFile=", "blame", "--incremental", "-w", "-M", "--no-textconv", *options),
        *((revision,) if revision else ()),
        *("--", path),
    )
    result = Blame()
    header: list[bytes] = []
    before: bytes | None = None
    for line in output.split(b"\n"):
        if not header:
            header = line.split(b" ")
            continue
        key, _, value = line.partition(b" ")
        if key == b"previous":
            before = value
        elif key == b"filename":
            commit, there, here, count = header[0].decode(), int(header[1]), int(header[2]), int(header[3])
            origin = unquoted(value)
            for offset in range(count):
                result.lines[here + offset] = (commit, origin, there + offset)
            if before is not None:
                parent, _, name = before.partition(b" ")
                result.previous[commit, origin] = (parent.decode(), unquoted(name))
            header, before = [], None
    return result


def unquoted(name: bytes) -> str:
    """A path as git writes it, with quotes and escapes where it needs some."""
    if name.startswith(b'"') and name.endswith(b'"'):
        name = _ESCAPE.sub(lambda m: bytes([_ESCAPED.get(m[1]) or int(m[1], 8) & 255]), name[1:-1])
    return name.decode("utf-8", "surrogateescape")
