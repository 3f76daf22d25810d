"""What every test shares: whatever our own guard swallowed fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aiprov_runtime import _guard


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
