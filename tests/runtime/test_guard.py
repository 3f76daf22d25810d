from __future__ import annotations

import logging

import pytest

from aiprov_runtime import _guard, guard, guarded


def test_exceptions_are_swallowed_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture, swallowed: list[tuple[str, Exception]]
):
    for _ in range(3):
        with guard("place"):
            raise ValueError("first line\nsecond line" + "x" * 1000)

    assert {"place": 3} == _guard.failures
    expected = "aiprov: place failed and was skipped: ValueError: first line; further ones are only counted"
    assert [("aiprov", logging.WARNING, expected)] == caplog.record_tuples
    assert ["place"] * 3 == [place for place, _ in swallowed]
    swallowed.clear()


@pytest.mark.parametrize("kind", [MemoryError, RecursionError, StopIteration, UnicodeDecodeError])
def test_every_exception_is_swallowed(kind: type[Exception], swallowed: list[tuple[str, Exception]]):
    error = kind("utf-8", b"x", 0, 1, "bad") if kind is UnicodeDecodeError else kind()
    with guard("place"):
        raise error

    assert [("place", error)] == swallowed
    swallowed.clear()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes(kind: type[BaseException]):
    with pytest.raises(kind), guard("place"):
        raise kind

    assert {} == _guard.failures


class BadStrError(Exception):
    def __str__(self) -> str:
        raise ValueError


def test_an_error_that_cannot_be_printed(swallowed: list[tuple[str, Exception]]):
    with guard("place"):
        raise BadStrError

    assert {"place": 1} == _guard.failures
    swallowed.clear()


def test_a_listener_that_fails_does_not_keep_the_log_line_back(caplog: pytest.LogCaptureFixture):
    def listener(_place: str, _error: Exception) -> None:
        raise OSError

    _guard.on_error = listener
    with guard("place"):
        raise ValueError("why")

    assert ["aiprov: place failed and was skipped: ValueError: why; further ones are only counted"] == caplog.messages


def test_a_log_handler_that_fails_does_not_reach_the_host(swallowed: list[tuple[str, Exception]]):
    class Broken(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            raise RuntimeError

    handler = Broken()
    logging.getLogger("aiprov").addHandler(handler)
    try:
        with guard("place"):
            raise ValueError
    finally:
        logging.getLogger("aiprov").removeHandler(handler)

    assert ["place"] == [place for place, _ in swallowed]
    swallowed.clear()


def test_a_guarded_function_gives_its_result_or_none(swallowed: list[tuple[str, Exception]]):
    divide = guarded("divide")(lambda a, *, by: a / by)

    assert [3.0, None] == [divide(6, by=2), divide(6, by=0)]
    assert {"divide": 1} == _guard.failures
    assert ["divide"] == [place for place, _ in swallowed]
    swallowed.clear()


def test_a_guarded_function_lets_an_interrupt_pass():
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded("place")(interrupted)()
