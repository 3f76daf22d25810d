"""Where the bytes come from: a file, or standard input kept in a file of its own."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.text import safe

HEAD = 256 * 1024
_KNOWN = {
    b"\x1f\x8b": "gzip data; unpack it first: `zcat FILE | aiprov spike -`",
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it first: `zstdcat FILE | aiprov spike -`",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\xff\xfe": "UTF-16 text; convert it first: `iconv -f UTF-16 -t UTF-8`",
    b"\xfe\xff": "UTF-16 text; convert it first: `iconv -f UTF-16 -t UTF-8`",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A regular file on disk; `name` is what the user called it, made safe to print."""

    name: str
    path: Path
    head: bytes


@contextmanager
def opened(source: str) -> Iterator[Source]:
    """The file to read; pipes and standard input are copied to disk first, because the readers seek."""
    name = safe(source)
    with tempfile.TemporaryDirectory(prefix="aiprov-") as scratch:
        path = Path(source)
        if source == "-":
            name, path = "standard input", Path(scratch, "stdin")
            with path.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, HEAD)
        elif not stat.S_ISREG(mode := _mode(source, name)):
            if stat.S_ISDIR(mode):
                raise UsageError(f"{name}: a directory; name a file of error events")
            with path.open("rb") as pipe, Path(scratch, "pipe").open("wb") as copy:
                shutil.copyfileobj(pipe, copy, HEAD)
            path = Path(scratch, "pipe")
        with path.open("rb") as file:
            head = file.read(HEAD)
        for magic, what in _KNOWN.items():
            if head.startswith(magic):
                raise UsageError(f"{name}: {what}")
        yield Source(name, path.resolve(), head)


def _mode(source: str, name: str) -> int:
    try:
        return os.stat(source).st_mode  # noqa: PTH116  # a Path of "" is the current directory
    except (OSError, ValueError):
        raise UsageError(f"{name}: no such file") from None


def pattern(path: Path) -> str:
    """A path for DuckDB, whose file names are glob patterns."""
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", str(path))
