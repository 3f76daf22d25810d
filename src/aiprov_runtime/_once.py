"""Tells an exception that is reported a second time from a new one, without keeping it alive or changing it."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import NamedTuple

from aiprov_runtime._explain import exceptions

_MAX_SIGHTINGS = 256
_MAX_DEPTH = 100


class Sighting(NamedTuple):
    kind: type[BaseException]
    path: tuple[int, ...]
    """The traceback's entries by identity, innermost first."""
    places: frozenset[int]
    """Which instructions of the handling frame were at work when it was seen."""


class Once:
    """Built-in exceptions take no weak reference, and an identity is used again as soon as its owner is gone.

    So an exception is known again by how its traceback goes on: it has grown outward from the one that was seen, or
    the frame that handles it has come to another instruction. A new exception at an old address has neither, unless
    code that lost one error in silence raises its twin, which is then taken for it.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[int, Sighting] = {}

    def is_first(self, error: BaseException) -> bool:
        """False where the exception, or one that it was raised from or while handling, was asked about before."""
        known = [self._is_known(raised.error) for raised in exceptions(error)]
        return not any(known)

    def _is_known(self, error: BaseException) -> bool:
        before = self._seen.pop(id(error), None)
        now = sighting(error)
        is_same = before is not None and goes_on(before, now)
        if is_same and before is not None and len(before.path) == len(now.path):
            now = now._replace(places=before.places | now.places)
        if len(self._seen) >= _MAX_SIGHTINGS:
            with suppress(RuntimeError, StopIteration):  # another thread is at it
                self._seen.pop(next(iter(self._seen)), None)
        self._seen[id(error)] = now
        return is_same


def sighting(error: BaseException) -> Sighting:
    head = error.__traceback__
    entries, entry = [], head
    while entry is not None:
        entries.append(id(entry))
        entry = entry.tb_next
    place = head.tb_frame.f_lasti if isinstance(head, TracebackType) else -1
    return Sighting(type(error), tuple(entries[: -_MAX_DEPTH - 1 : -1]), frozenset((place,)))


def goes_on(before: Sighting, now: Sighting) -> bool:
    if before.kind is not now.kind or not before.path or before.path != now.path[: len(before.path)]:
        return False
    return len(now.path) > len(before.path) or not now.places <= before.places
