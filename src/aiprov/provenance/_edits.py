"""One edit that a tool made, as a transcript or a hook tells of it, found again in the commit that took it in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiprov_runtime._manifest import Generation


@dataclass(frozen=True, slots=True)
class Edit:
    """What one act of a model put into one file; it holds digests of lines and no text."""

    path: str
    """Relative to the repository's root, with `/`."""
    generation: Generation
    """With `generated_at`; its `commit` is filled in where the edit is found."""
    blocks: tuple[tuple[bytes, ...], ...]
    """Runs of lines that the edit added, each line as `line_digest` of it; lines that it only repeated are left out."""
    is_human: bool = False
    """The record says that a person wrote these lines."""


def line_digest(line: str) -> bytes:
    """Eight bytes that stand for a line, whatever its indentation and white space; empty for a blank line."""
    text = "".join(line.split())
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest() if text else b""
