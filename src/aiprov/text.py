"""Untrusted text on its way to a terminal, a page or a log."""

from __future__ import annotations

import re

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def safe(text: str, *, limit: int = 500) -> str:
    """One line without control, escape, zero-width or bidirectional characters, each shown as its code."""
    shown = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\n", "\\n").replace("\t", " "))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
