"""A Python file as text that goes back to the very bytes it came from."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, replace

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_MAX_BYTES = 16 * 1024 * 1024


class Refusal(Exception):  # noqa: N818  # an answer, not a mistake
    """Why a function is not reverted, in one line that ends with what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """Text and the encoding that its cookie or byte order mark names."""

    text: str
    encoding: str = "utf-8"

    @classmethod
    def decode(cls, data: bytes) -> Source:
        if len(data) > _MAX_BYTES:
            raise Refusal(f"the file is over {_MAX_BYTES >> 20} MiB; revert by hand")
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
            text = data.decode(encoding)
            same = text.encode(encoding) == data
        except (SyntaxError, UnicodeError, LookupError):
            raise Refusal("the file cannot be decoded; mend its encoding first") from None
        if not same:
            raise Refusal(f"the file does not survive decoding as {encoding}; revert by hand")
        return cls(text, encoding)

    def encode(self) -> bytes:
        try:
            return self.text.encode(self.encoding)
        except UnicodeEncodeError:
            raise Refusal(f"the old text does not fit the file's encoding, {self.encoding}; revert by hand") from None

    def with_text(self, text: str) -> Source:
        return replace(self, text=text)


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split where Python's parser counts lines and nowhere else."""
    return _LINE.findall(text)


def ending(line: str) -> str:
    """The line's own terminator, empty for a last line without one."""
    return line[len(line.rstrip("\r\n")) :]


def only_ending(text: str) -> str | None:
    """The one terminator that a text uses; None where it mixes them or has none."""
    found = {ending(line) for line in split_lines(text)} - {""}
    return found.pop() if len(found) == 1 else None
