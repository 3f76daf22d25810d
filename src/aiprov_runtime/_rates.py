"""Calls, errors and durations by model and tool, added up in this process for whoever charts them."""

from __future__ import annotations

import threading
from collections import deque
from random import Random
from typing import NamedTuple

UNKNOWN, OTHER = "unknown", "other"
Pair = tuple[str, str]
"""Model and tool; `unknown` where the manifest does not say."""
_MAX_PENDING = 65_536
_MAX_DURATIONS = 1000


class Rate(NamedTuple):
    """What one model and tool came to since the last `drain`."""

    calls: int
    errors: int
    durations: tuple[float, ...]
    """Seconds; of more than 1,000 a random 1,000."""
    timed: int
    """How many durations there were."""


class Rates:
    """Bounded in pairs and in memory; adding never waits, so a signal handler or `__del__` may do it as well.

    A lock would be held over by a thread that is not scheduled, and for ever by a handler that interrupts its holder.
    So adding is one `append`, which CPython does at once, and the sums are made by whoever drains.
    """

    __slots__ = ("_draining", "_known", "_limit", "_pending", "_random", "lost")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[Pair] = set()
        self._random = Random()  # noqa: S311  # which ones to keep; the host's own generator keeps its sequence
        self.forget()

    def forget(self) -> None:
        """Start empty: for a forked child, whose parent still holds what it copied."""
        self._pending: deque[tuple[Pair, int, int, float | None]] = deque()
        self._draining = threading.Lock()
        self.lost = 0
        """What was not added, because 65,536 others waited for a `drain`."""

    def add_call(self, model: str | None, tool: str | None, *, count: int = 1) -> None:
        self._add(model, tool, calls=count)

    def add_error(self, model: str | None, tool: str | None) -> None:
        self._add(model, tool, errors=1)

    def add_duration(self, model: str | None, tool: str | None, *, seconds: float) -> None:
        self._add(model, tool, seconds=seconds)

    def _add(
        self, model: str | None, tool: str | None, *, calls: int = 0, errors: int = 0, seconds: float | None = None
    ) -> None:
        pending = self._pending
        if len(pending) < _MAX_PENDING:
            pending.append(((model or UNKNOWN, tool or UNKNOWN), calls, errors, seconds))
        else:
            self.lost += 1

    def drain(self) -> dict[Pair, Rate]:
        """All since the last time, and start anew; the first pairs that this process met keep their names for good."""
        sums: dict[Pair, _Sum] = {}
        with self._draining:
            for _ in range(len(self._pending)):
                pair, calls, errors, seconds = self._pending.popleft()
                named = self._named(pair)
                found = sums.get(named)
                if found is None:
                    found = sums[named] = _Sum()
                found.calls += calls
                found.errors += errors
                if seconds is not None:
                    found.keep(seconds, self._random)
        return {pair: Rate(s.calls, s.errors, tuple(s.durations), s.timed) for pair, s in sums.items()}

    def _named(self, pair: Pair) -> Pair:
        if pair not in self._known:
            if len(self._known) >= self._limit:
                return OTHER, OTHER
            self._known.add(pair)
        return pair


class _Sum:
    __slots__ = ("calls", "durations", "errors", "timed")

    def __init__(self) -> None:
        self.calls = self.errors = self.timed = 0
        self.durations: list[float] = []

    def keep(self, seconds: float, random: Random) -> None:
        """Every one of all has the same chance to stay."""
        self.timed += 1
        if len(self.durations) < _MAX_DURATIONS:
            self.durations.append(seconds)
        elif (place := random.randrange(self.timed)) < _MAX_DURATIONS:
            self.durations[place] = seconds
