"""The one place where `Exception` is caught: what a host calls must never raise, and never stay silent about why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

failures: dict[str, int] = {}
"""Swallowed exceptions in this process, by the place they were swallowed at."""
on_error: Callable[[str, Exception], None] | None = None
"""Told of every swallowed exception; the local sink and the tests listen here."""


class guard:  # noqa: N801  # reads as the statement it is used in
    """Swallow, count and log once whatever goes wrong inside; KeyboardInterrupt and its like pass through."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        _report(self.place, error)
        return True


def guarded(place: str) -> Callable[[Callable[P, T]], Callable[P, T | None]]:
    """`guard` around a whole function, at half the price; None where it failed."""

    def decorate(function: Callable[P, T]) -> Callable[P, T | None]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  # the guard
                _report(place, error)
                return None

        return call

    return decorate


def _report(place: str, error: Exception) -> None:
    count = failures[place] = failures.get(place, 0) + 1
    with suppress(Exception):  # the sink itself may be what failed
        if on_error is not None:
            on_error(place, error)
    with suppress(Exception):  # a log handler of the host's that raises is no reason to fail its request
        if count == 1:
            warn("%s failed and was skipped: %s; further ones are only counted", place, _brief(error))


def warn(message: str, *arguments: object) -> None:
    """Say something in the host's log, under the name `aiprov`."""
    import logging

    logging.getLogger("aiprov").warning(f"aiprov: {message}", *arguments)  # noqa: G004  # one prefix for all


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
