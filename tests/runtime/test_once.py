"""One exception is new once, however often it is reported; the next one is new again, at whatever address it lies."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable

import pytest

from aiprov_runtime._once import Once


class OwnError(Exception):
    pass


def fail(kind: type[Exception]) -> None:
    raise kind


def passes(once: Once, found: list[bool], *, kind: type[Exception] = ValueError) -> None:
    try:
        fail(kind)
    except kind as error:
        found.append(once.is_first(error))
        raise


def test_logged_and_raised_again():
    once, found = Once(), []
    try:
        passes(once, found)
    except ValueError as error:
        found.append(once.is_first(error))

    assert [True, False] == found


def test_logged_at_one_place_of_every_level_of_a_recursion():
    once, found = Once(), []

    def level(left: int) -> None:
        try:
            level(left - 1) if left else fail(ValueError)
        except ValueError as error:
            found.append(once.is_first(error))
            raise

    for _ in range(3):
        with contextlib.suppress(ValueError):
            level(4)

    assert [True, False, False, False, False] * 3 == found


def test_reported_at_two_places_of_one_handler():
    once, found = Once(), []
    try:
        fail(KeyError)
    except KeyError as error:
        found.append(once.is_first(error))
        found.append(once.is_first(error))

    assert [True, False] == found


@pytest.mark.parametrize("kind", [ValueError, OwnError])
def test_every_round_of_a_loop_fails_anew(kind: type[Exception]):
    once, found = Once(), []
    for _ in range(100):
        try:
            fail(kind)
        except kind as error:
            found.append(once.is_first(error))

    assert [True] * 100 == found


def test_every_round_of_a_loop_that_logs_twice():
    once, found = Once(), []
    for _ in range(50):
        try:
            passes(once, found)
        except ValueError as error:
            found.append(once.is_first(error))

    assert [True, False] * 50 == found


def test_attempts_are_errors_each_and_the_last_one_passed_on_is_none_more():
    once, found = Once(), []

    def attempt() -> None:
        for left in (2, 1, 0):
            try:
                fail(ValueError)
            except ValueError as error:
                found.append(once.is_first(error))
                if not left:
                    raise

    for _ in range(5):
        try:
            attempt()
        except ValueError as error:
            found.append(once.is_first(error))

    assert [True, True, True, False] * 5 == found


@pytest.mark.parametrize("explicit", [True, False])
def test_an_error_that_wraps_a_reported_one(explicit):
    once, found = Once(), []

    def wrap() -> None:
        try:
            fail(ValueError)
        except ValueError as error:
            found.append(once.is_first(error))
            if explicit:
                raise OwnError from error
            raise OwnError  # noqa: B904  # as a context, not a cause

    for _ in range(20):
        try:
            wrap()
        except OwnError as error:
            found.append(once.is_first(error))

    assert [True, False] * 20 == found


def test_a_group_of_which_one_was_reported():
    once, found = Once(), []
    try:
        try:
            fail(ValueError)
        except ValueError as error:
            found.append(once.is_first(error))
            raise ExceptionGroup("all", [error]) from None
    except ExceptionGroup as group:
        found.append(once.is_first(group))

    assert [True, False] == found


def test_two_errors_in_turns():
    once, found = Once(), []

    def turn(inner: Callable[[], None]) -> None:
        try:
            fail(KeyError)
        except KeyError as error:
            found.append(once.is_first(error))
            inner()
            found.append(once.is_first(error))

    def other() -> None:
        try:
            passes(once, found, kind=OSError)
        except OSError as error:
            error.__context__ = None
            found.append(once.is_first(error))

    turn(other)

    assert found[0] is True
    assert found[-1] is False
    assert found[2] is False


def test_errors_that_were_never_raised():
    once = Once()
    kept = [ValueError(n) for n in range(500)]

    assert [True] * 500 == [once.is_first(error) for error in kept]
    assert 256 == len(once._seen)


def test_keeps_nothing_alive_and_changes_nothing():
    once = Once()

    class Held:
        pass

    def fails(held: Held) -> None:
        raise OwnError(held)

    def report() -> tuple[weakref.ref[Held], object, object]:
        held = Held()
        try:
            fails(held)
        except OwnError as error:
            before = pickled(error)
            once.is_first(error)
            return weakref.ref(held), before, pickled(error)
        raise AssertionError

    def pickled(error: Exception) -> object:
        return [str(part) for part in error.__reduce__()], str(error.__traceback__)

    held, before, after = report()
    gc.collect()

    assert held() is None
    assert before == after


def test_one_never_raised_makes_none_known():
    once, found = Once(), []
    for _ in range(20):
        found.append(once.is_first(ValueError()))
        try:
            fail(ValueError)
        except ValueError as error:
            found.append(once.is_first(error))

    assert [True] * 40 == found


def test_a_very_deep_traceback_is_known_by_its_innermost_part():
    once, found = Once(), []

    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        fail(ValueError)

    def logs() -> None:
        try:
            deep(500)
        except ValueError as error:
            found.append(once.is_first(error))
            raise

    try:
        logs()
    except ValueError as error:
        found.append(once.is_first(error))

    assert [True, False] == found
