"""Where an edit's lines stand among the lines that a commit added to a file.

What counts as found: a run of an edit's lines that stands together in the commit and says enough to be no chance
(`ENOUGH` letters and digits in the first commit after the edit on this file, more in later ones, and one place
only), with what lies close around it in both; and a shorter run where it is a whole block, stands in one place only,
and the commit is that first one or holds a longer run of the same edit. Of several edits on one line the last one
wrote it.
"""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from aiprov.provenance.edits._edits import Edit, line_digest

ENOUGH = 20
ENOUGH_LATER = 60
ENOUGH_DAYS_LATER = 200
ENOUGH_AT_FIRST = 6
_GAP = 3
_MAX_PLACES = 64
_LONG = 50
_WORD = re.compile(r"\w+")
_KEYWORDS = frozenset({*keyword.kwlist, "self", "cls"})


@dataclass(slots=True)
class Sought:
    """An edit, and which of its lines have not been found yet."""

    edit: Edit
    left: list[list[bytes | None]] = field(init=False)
    digests: frozenset[bytes] = field(init=False)
    size: int = field(init=False)
    found: int = 0

    def __post_init__(self) -> None:
        self.left = [list(block) for block in self.edit.blocks]
        self.digests = frozenset(digest for block in self.edit.blocks for digest in block)
        self.size = sum(map(len, self.left))


@dataclass(frozen=True, slots=True)
class _Run:
    """Lines `start` to `start + length` of a block, at a place among the added lines."""

    block: int
    start: int
    place: int
    length: int


_Repeated = dict[tuple[bytes, ...], list[tuple[Sought, _Run]]]
"""By the digests of a run."""


class AddedLine(NamedTuple):
    number: int
    text: str
    hunk: int
    """Lines of one hunk stand together in the file."""


class Added:
    """What a commit added to one file, as digests."""

    def __init__(self, lines: Sequence[AddedLine]) -> None:
        self._lines = lines
        self._digests = [_digest(line.text) for line in lines]
        self._places: dict[bytes, list[int]] = defaultdict(list)
        for place, digest in enumerate(self._digests):
            self._places[digest].append(place)
        self.writers: dict[int, Edit] = {}
        """By line number."""
        self._free = [True] * len(lines)

    def match(self, edits: Sequence[Sought], *, enough: Sequence[int]) -> None:
        """Find what there is of these edits, the newest first, in runs that say `enough` for each of them."""
        known = self._places.keys()
        repeated: _Repeated = defaultdict(list)
        for one, needed in zip(edits, enough, strict=True):
            if one.digests.isdisjoint(known):
                continue
            anchored = False
            for block in range(len(one.left)):
                anchored |= self._anchor(one, block, needed, repeated)
            if anchored or needed <= ENOUGH:
                self._take_short(one, 1 if anchored else ENOUGH_AT_FIRST, repeated)
        for digests, runs in repeated.items():
            self._share(digests, runs)

    def _anchor(self, one: Sought, block: int, enough: int, repeated: _Repeated) -> bool:
        """Take every run that says enough and stands in one place; what stands in several is noted for later."""
        anchored = False
        left = one.left[block]
        by_rarity = sorted(
            (at for at, digest in enumerate(left) if digest and 0 < self._copies(digest) <= _MAX_PLACES),
            key=lambda at: (self._copies(left[at]), at),
        )
        seen: set[tuple[int, int]] = set()
        for at in by_rarity:
            if left[at] is None or any(start <= at < end for start, end in seen):
                continue
            runs = [self._run(left, block, at, place) for place in self._free_places(left[at])]
            longest = max((run.length for run in runs), default=0)
            best = [run for run in runs if run.length == longest]
            if not best or self._says(best[0]) < enough:
                if longest > _LONG:
                    seen.add((best[0].start, best[0].start + longest))
                continue
            if len(best) == 1:
                self._take(one, best[0])
                self._take_around(one, best[0])
                anchored = True
            else:
                run = best[0]
                seen.add((run.start, run.start + run.length))
                repeated[tuple(self._digests[run.place : run.place + run.length])].append((one, run))
        return anchored

    def _copies(self, digest: bytes | None) -> int:
        return len(self._places.get(digest or b"", ()))

    def _free_places(self, digest: bytes | None) -> list[int]:
        return [place for place in self._places.get(digest or b"", ()) if self._free[place]]

    def _run(self, left: Sequence[bytes | None], block: int, at: int, place: int) -> _Run:
        """The longest run through one line of the block at one place."""
        before = 0
        while at - before > 0 and self._joins(left[at - before - 1], place - before - 1, place):
            before += 1
        after = 1
        while at + after < len(left) and self._joins(left[at + after], place + after, place):
            after += 1
        return _Run(block, at - before, place - before, before + after)

    def _joins(self, digest: bytes | None, place: int, to: int) -> bool:
        return (
            0 <= place < len(self._lines)
            and self._free[place]
            and self._digests[place] == digest
            and self._lines[place].hunk == self._lines[to].hunk
        )

    def _says(self, run: _Run) -> int:
        return sum(_says(self._lines[place].text) for place in range(run.place, run.place + run.length))

    def _take(self, one: Sought, run: _Run) -> None:
        for offset in range(run.length):
            self._free[run.place + offset] = False
            one.left[run.block][run.start + offset] = None
            one.found += 1
            self.writers[self._lines[run.place + offset].number] = one.edit

    def _take_around(self, one: Sought, run: _Run) -> None:
        """What was changed since in a block's middle does not part its ends."""
        left = one.left[run.block]
        for step in (1, -1):
            at, place = (run.start, run.place) if step < 0 else (run.start + run.length - 1, run.place + run.length - 1)
            while pair := self._next_pair(left, at, place, step):
                at, place = pair
                self._take(one, _Run(run.block, at, place, 1))

    def _next_pair(self, left: Sequence[bytes | None], at: int, place: int, step: int) -> tuple[int, int] | None:
        for total in range(2, 2 * _GAP + 1):
            for ahead in range(max(1, total - _GAP), min(_GAP, total - 1) + 1):
                here, there = at + step * ahead, place + step * (total - ahead)
                if (
                    0 <= here < len(left)
                    and 0 <= there < len(self._lines)
                    and left[here] is not None
                    and self._free[there]
                    and self._digests[there] == left[here]
                    and abs(self._lines[there].number - self._lines[place].number) <= 2 * _GAP
                ):
                    return here, there
        return None

    def _take_short(self, one: Sought, enough: int, repeated: _Repeated) -> None:
        """Whole blocks that say little, where they stand in one place only."""
        for block, left in enumerate(one.left):
            if not left or None in left:
                continue
            runs = [self._run(left, block, 0, place) for place in self._free_places(left[0])[:_MAX_PLACES]]
            whole = [run for run in runs if run.start == 0 and run.length == len(left)]
            if whole and enough <= self._says(whole[0]) < ENOUGH:
                if len(whole) == 1:
                    self._take(one, whole[0])
                else:
                    repeated[one.edit.blocks[block]].append((one, whole[0]))

    def _share(self, digests: tuple[bytes, ...], runs: list[tuple[Sought, _Run]]) -> None:
        """Runs that stand in several places are taken only where the edits account for all of these."""
        places = [
            place
            for place in self._free_places(digests[0])
            if tuple(self._digests[place : place + len(digests)]) == digests
            and all(self._free[place : place + len(digests)])
        ]
        if len(runs) >= len(places):
            for (one, run), place in zip(runs, places, strict=False):
                if all(one.left[run.block][run.start : run.start + run.length]) and all(
                    self._free[place : place + run.length]
                ):
                    self._take(one, _Run(run.block, run.start, place, run.length))


@lru_cache(1 << 16)
def _digest(text: str) -> bytes:
    return line_digest(text)


@lru_cache(1 << 16)
def _says(text: str) -> int:
    """Its letters and digits, a keyword for one: nothing for `)`, two for `return None`."""
    return sum(1 if word in _KEYWORDS else len(word) for word in _WORD.findall(text))
