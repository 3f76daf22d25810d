"""JSON objects one to a line, out of an array or printed over many lines, in bounded memory."""

from __future__ import annotations

import re
from typing import IO

_CHUNK = 4 * 1024 * 1024
# One match up to each bracket: whatever holds none, and strings whole. Possessive, and with an alternative for the end,
# so that no input makes it go back or start over.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"]*+")*+(?:([{}\[\]])|("[^"]*+)?\Z)')


def one_a_line(source: IO[bytes], target: IO[bytes], *, limit: int, chunk: int = _CHUNK) -> int:
    """Copy the outermost objects of `source`; returns how many were dropped for having no end or exceeding `limit`."""
    splitter = _Splitter(target, limit)
    escape = b""
    while read := source.read(chunk):
        whole = escape + read
        odd = (len(whole) - len(whole.rstrip(b"\\"))) % 2
        splitter.feed(whole[: len(whole) - odd])
        escape = b"\\" * odd
    return splitter.dropped + (splitter.depth > 0)


class _Splitter:
    def __init__(self, target: IO[bytes], limit: int) -> None:
        self.dropped = 0
        self.depth = 0
        self._target = target
        self._limit = limit
        self._held: list[bytes] = []
        self._in_string = False

    def feed(self, chunk: bytes) -> None:
        """`chunk` must not end within an escape."""
        plain = chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        start = position = 0
        if self._in_string:
            position = plain.find(b'"') + 1
            self._in_string = position == 0
        if not self._in_string:
            for found in _TO_BRACKET.finditer(plain, position):
                bracket = found[1]
                if bracket is None:
                    self._in_string |= found[2] is not None
                elif bracket == b"{" or (bracket == b"[" and self.depth):  # an array around all is no level
                    if not self.depth:
                        start = found.start(1)
                    self.depth += 1
                elif self.depth and bracket != b"[":
                    self.depth -= 1
                    if not self.depth:
                        self._finish(chunk[start : found.end()])
        if self.depth and sum(map(len, self._held)) <= self._limit:
            self._held.append(chunk[start:])

    def _finish(self, end: bytes) -> None:
        held = b"".join([*self._held, end])
        self._held = []
        if len(held) > self._limit:
            self.dropped += 1
        else:
            self._target.write(held.replace(b"\n", b" ") + b"\n")
