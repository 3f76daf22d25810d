"""The trace filter: works through ddtrace's public door alone, on traces that are complete or partly so."""

from __future__ import annotations

from ddtrace.trace import Span, TraceFilter

import aiprov_runtime
from aiprov_datadog import _judge, _measure
from aiprov_runtime import guard

_guard = guard("datadog.trace")


class AiprovTraceFilter(TraceFilter):
    """For `tracer.configure(trace_processors=[AiprovTraceFilter()])`; judges errors by what `error.stack` says."""

    def __init__(self) -> None:
        super().__init__()
        aiprov_runtime.ensure()

    def process_trace(self, trace: list[Span]) -> list[Span] | None:
        with _guard:
            for span in reversed(trace):  # those that started later first: an entry span hears from those below it
                _judge.settle(span)
                _measure.report(span)
        return trace
