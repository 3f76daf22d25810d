"""Untrusted names in messages, and files read without following links."""

from __future__ import annotations

import sys
from pathlib import Path

PYTHON = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
"""Whose grammar sources are read with; a newer one may allow more."""
MAX_SOURCE = 16 * 1024 * 1024


def link_in(root: Path, path: str) -> str | None:
    """The first part of the path, from the end, that is a symbolic link."""
    full = root / path
    while full != root:
        if full.is_symlink():
            return str(full.relative_to(root))
        full = full.parent
    return None


def is_plain(root: Path, path: str, *, limit: int = MAX_SOURCE) -> bool:
    """A regular file that is read: not absent, behind a link or too large."""
    full = root / path
    try:
        return not link_in(root, path) and full.is_file() and full.stat().st_size <= limit
    except OSError:
        return False


def plain_bytes(root: Path, path: str, *, limit: int = MAX_SOURCE) -> bytes | None:
    """A regular file's content; None for what is absent, behind a link, no file or too large."""
    try:
        return (root / path).read_bytes() if is_plain(root, path, limit=limit) else None
    except OSError:
        return None
