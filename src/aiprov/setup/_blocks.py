"""Lines between two marks, in files where `#` starts a comment."""

from __future__ import annotations

import re

START, END = "# >>> aiprov init >>>", "# <<< aiprov init <<<"
_BLOCK = re.compile(rf"[ \t]*{re.escape(START)}\n.*?{re.escape(END)}(?:\n|\Z)", re.DOTALL)


def marked(lines: str, *, indent: str = "") -> str:
    """The lines, each with the indent, between the marks."""
    return "".join(f"{indent}{line}\n" if line else "\n" for line in (START, *lines.splitlines(), END))


def is_marked(text: str) -> bool:
    return _BLOCK.search(text) is not None


def without_marked(text: str) -> str:
    return _BLOCK.sub("", text)


def appended(text: str, lines: str) -> str:
    """At the end, on lines of their own."""
    return f"{text}\n{lines}" if text and not text.endswith("\n") else text + lines


def without_line(text: str, line: str) -> str:
    return re.sub(rf"^{re.escape(line)}(?:\n|\Z)", "", text, flags=re.MULTILINE)
