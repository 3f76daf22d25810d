"""DogStatsD metrics: calls, errors and durations by model and tool, through the application's own `datadog.statsd`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aiprov_runtime import guard
from aiprov_runtime._rates import Rates

Names = tuple[str | None, str | None]
"""Model and tool, None where the manifest does not say."""
_MAX_PASSED = 1024


class Finished(NamedTuple):
    """A finished span, in plain values."""

    id: int
    parent: int | None
    seconds: float
    started_by: Names | None = None
    """Of the AI function that started the span; None where none did."""
    failed: bool = False
    suspect: Names | None = None
    """Of the AI function on the path of the error that ended the span; None where there is none."""


rates = Rates(50)
_passed: dict[int, None] = {}


def use_traces() -> None:
    """Errors are counted where traces finish from now on, and no longer where they are logged."""


def record(spans: Sequence[Finished]) -> None:
    """Add a trace, or a part of one, in the order in which its spans started.

    An error that leaves several spans is counted at the innermost of them that knows its suspect.
    """
    with guard("datadog.record"):
        for span in reversed(spans):
            if span.started_by is not None:
                rates.add_duration(*span.started_by, seconds=span.seconds)
            if span.failed:
                _add_error(span)


def _add_error(span: Finished) -> None:
    is_passed = span.id in _passed
    _passed.pop(span.id, None)
    if not is_passed:
        if span.suspect is None:
            return
        rates.add_error(*span.suspect)
    if span.parent is not None and len(_passed) < _MAX_PASSED:
        _passed[span.parent] = None
