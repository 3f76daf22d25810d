"""What every test shares: whatever our own guard swallowed fails the test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from aiprov_runtime import _guard

# A shell that starts us in the background ignores Ctrl-C on behalf of every process below; its tests need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def swallowed() -> Iterator[list[tuple[str, Exception]]]:
    """Everything that the guard kept from the host; a test that expects some clears the list."""
    seen: list[tuple[str, Exception]] = []
    before = _guard.on_error
    _guard.on_error = lambda place, error: seen.append((place, error))
    _guard.failures.clear()
    yield seen
    _guard.on_error = before
    _guard.failures.clear()

    assert seen == []
