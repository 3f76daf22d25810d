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
    older: set[int] = field(default_factory=set)
    """Lines from before the commits that were asked about; all others are in `lines`."""
    previous: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By commit and path: the parent that blame compared with, and the path there."""


def blame(repository: Repository, path: str, *, revision: str | None = None, options: tuple[str, ...] = ()) -> Blame:
    """Of the work tree where no revision is given; GitError where git cannot."""
    output = repository.run(
        *("-c", "blame.ignoreRevsFile=", "blame", "--incremental", "-w", "-M", "--root", "--no-textconv", *options),
        *((revision,) if revision else ()),
        *("--", path),
    )
    result = Blame()
    header: list[bytes] = []
    before: bytes | None = None
    is_older = False
    for line in output.split(b"\n"):
        if not header:
            header = line.split(b" ")
            continue
        key, _, value = line.partition(b" ")
        if key == b"previous":
            before = value
        elif key == b"boundary":
            is_older = True
        elif key == b"filename":
            commit, there, here, count = header[0].decode(), int(header[1]), int(header[2]), int(header[3])
            origin = unquoted(value)
            if is_older:
                result.older.update(range(here, here + count))
            else:
                result.lines.update({here + offset: (commit, origin, there + offset) for offset in range(count)})
            if before is not None:
                parent, _, name = before.partition(b" ")
                result.previous[commit, origin] = (parent.decode(), unquoted(name))
            header, before, is_older = [], None, False
    return result


def unquoted(name: bytes) -> str:
    """A path as git writes it, with quotes and escapes where it needs some."""
    if name.startswith(b'"') and name.endswith(b'"'):
        name = _ESCAPE.sub(lambda m: bytes([_ESCAPED.get(m[1]) or int(m[1], 8) & 255]), name[1:-1])
    return name.decode("utf-8", "surrogateescape")
