"""Hashes of ranges of lines, as other tools take them: over the text, with or without its last line's end."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

_SPELLED = re.compile(r"(sha-?256|murmur3)(?:[-_]x?[0-9_x]+)?:([0-9a-f]{8,64})")
_MURMUR_32, _MURMUR_128 = 8, 32
_ENDS = (b"\n", b"\r\n")
_WORD = re.compile(rb"\w+")
_ENOUGH = 20
_WIDTH = 100
_LEAD = 4

Digest = Callable[[bytes], tuple[str, ...]]


class ContentHash:
    """A hash that can be taken again; a truncated one counts from eight digits up."""

    def __init__(self, digest: Digest, wanted: str) -> None:
        self.digest = digest
        self.wanted = wanted

    @classmethod
    def parse(cls, text: str | None) -> ContentHash | None:
        """None for what is no hash, or one of an algorithm that is not known here."""
        found = _SPELLED.fullmatch((text or "").strip().lower())
        if found is None:
            return None
        digest = _sha256(len(found[2])) if found[1].startswith("sha") else _murmur3(len(found[2]))
        return cls(digest, found[2]) if digest else None

    def fits(self, lines: Sequence[bytes]) -> bool:
        return any(self.wanted in self.digest(text) for text in spellings(lines))


def spellings(lines: Sequence[bytes]) -> Iterator[bytes]:
    for end in _ENDS:
        text = end.join(lines)
        yield text
        yield text + end


@cache
def _sha256(length: int) -> Digest:
    return lambda data: (hashlib.sha256(data).hexdigest()[:length],)


@cache
def _murmur3(length: int) -> Digest | None:
    """The specification leaves open which of the family; each has its length, and some an order of bytes."""
    try:
        import mmh3
    except ImportError:  # then these hashes stay unverified
        return None
    if length == _MURMUR_32:
        return lambda data: (f"{mmh3.hash(data, signed=False):08x}",)
    return _orders(mmh3.hash128) if length == _MURMUR_128 else None


def _orders(hash128: Callable[..., int]) -> Digest:
    """The two halves either way round, and the bytes as they lie in memory."""

    def digest(data: bytes) -> tuple[str, ...]:
        value = hash128(data, signed=False)
        text = f"{value:032x}"
        return text, text[16:] + text[:16], value.to_bytes(16, "little").hex()

    return digest


@dataclass(slots=True)
class Budget:
    """Bytes that may still be hashed in search of moved text."""

    left: int = 1024 * 1024 * 1024

    def take(self, size: int) -> bool:
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass(slots=True)
class Version:
    """One commit's text of a file, and the numbers of the lines that are new in it."""

    lines: Sequence[bytes]
    new: frozenset[int]
    budget: Budget
    _tables: dict[tuple[Digest, int], dict[str, list[int]]] = field(default_factory=dict)

    def new_in(self, start: int, length: int) -> list[int]:
        return [number for number in range(start, min(start + length, len(self.lines) + 1)) if number in self.new]

    def has(self, hashed: ContentHash, start: int, length: int) -> bool:
        """Text of this hash came in where it is said to be."""
        if start + length - 1 > len(self.lines) or not self.new_in(start, length):
            return False
        return self.budget.take(length * _WIDTH) and hashed.fits(self.lines[start - 1 : start - 1 + length])

    def find(self, hashed: ContentHash, length: int) -> int | None:
        """The one place where text of this hash came in; None where there are several, or it says too little."""
        places = [place for place in self._places(hashed, length) if self.new_in(place, length)]
        if len(places) != 1 or not _says_enough(self.lines[places[0] - 1 : places[0] - 1 + length]):
            return None
        return places[0]

    def _places(self, hashed: ContentHash, length: int) -> list[int]:
        """An edit begins with what it adds, or a few lines before that."""
        key = (hashed.digest, length)
        if key not in self._tables:
            last = len(self.lines) - length + 1
            starts = sorted({n - lead for n in self.new for lead in range(_LEAD) if 1 <= n - lead <= last})
            width = sum(map(len, self.lines)) // max(1, len(self.lines)) + 1
            if not self.budget.take(2 * len(starts) * length * width):
                return []
            table: dict[str, list[int]] = defaultdict(list)
            for place in starts:
                text = b"\n".join(self.lines[place - 1 : place - 1 + length])
                for digest in (*hashed.digest(text), *hashed.digest(text + b"\n")):
                    table[digest].append(place)
            self._tables[key] = table
        return self._tables[key].get(hashed.wanted, [])

    def is_run(self, start: int, length: int, claimed: Collection[int]) -> bool:
        """All of these lines are new, and no new line that nobody claims adjoins them; blank lines do not count."""
        if start + length - 1 > len(self.lines):
            return False
        inside = [number for number in range(start, start + length) if self._says(number)]
        return (
            bool(inside)
            and self.new.issuperset(inside)
            and self._ends(inside[0], -1, claimed)
            and self._ends(inside[-1], 1, claimed)
        )

    def _ends(self, number: int, step: int, claimed: Collection[int]) -> bool:
        number += step
        while 1 <= number <= len(self.lines) and (number in claimed or not self._says(number)):
            if number in claimed and self._says(number) and number not in self.new:
                return False
            number += step
        return number not in self.new

    def _says(self, number: int) -> bool:
        return bool(self.lines[number - 1].strip()) if number <= len(self.lines) else False


def _says_enough(lines: Sequence[bytes]) -> bool:
    """So much that it stands elsewhere by no chance."""
    return sum(len(word) for line in lines for word in _WORD.findall(line)) >= _ENOUGH
