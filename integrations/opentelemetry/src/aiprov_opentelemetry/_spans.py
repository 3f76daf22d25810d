"""At a span's start: the AI function that starts it. At the end of a process's part of a trace: which ones ran."""

from __future__ import annotations

import concurrent.futures.thread
import sys
from types import FrameType
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, Tracer
from opentelemetry.trace import StatusCode

from aiprov_opentelemetry import _attributes, _errors
from aiprov_opentelemetry._judge import is_enabled
from aiprov_runtime import Trace, _runtime, begin_trace, guard, span_origin

if TYPE_CHECKING:
    from opentelemetry.context import Context

_MAX_TRACES = 10_000
"""Open at one time; the oldest gives way, as it may be of a span that nobody ends."""
_traces: dict[int, Trace] = {}
"""By the id of its local root, for every processor of ours: two on one provider make no two traces."""
_start_guard, _end_guard = guard("opentelemetry.start"), guard("opentelemetry.end")
_START = Tracer.start_span.__code__
_POOL = concurrent.futures.thread.__name__


class AiprovSpanProcessor(SpanProcessor):
    """For `provider.add_span_processor`, in any place among the others."""

    def __init__(self) -> None:
        with guard("opentelemetry.install"):
            if is_enabled():
                _errors.install()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002  # the interface
        try:
            frame: FrameType | None = sys._getframe(3)  # noqa: SLF001  # as `logging` does
        except ValueError:
            frame = None
        if frame is None or frame.f_code is not _START:
            frame = _beyond_sdk(sys._getframe(1))  # noqa: SLF001
            if frame is None:
                return
        found = span_origin(frame)
        active = _runtime._active  # noqa: SLF001  # `init` may put another in its place at any time
        is_tracking = active is not None and active.settings.track
        if found is not None or is_tracking:
            with _start_guard:
                if found is not None and not _attributes.ours(span):
                    _attributes.put(span, found)
                if is_tracking and (span.parent is None or span.parent.is_remote):
                    _begin(span)

    def _on_ending(self, span: Span) -> None:
        if _traces:
            with _end_guard:
                _finish(span)

    def on_end(self, span: ReadableSpan) -> None:
        if _traces:  # an SDK that knows no `_on_ending`
            with _end_guard:
                _finish(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  # the interface
        """Nothing is held back; the base of old SDKs answers None, which keeps a provider from flushing the others."""
        return True


def _beyond_sdk(frame: FrameType | None) -> FrameType | None:
    """The frame that calls the SDK; None on a thread of a pool, whose stack is not the application's."""
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("opentelemetry."):
        frame = frame.f_back
    return None if frame is None or frame.f_globals.get("__name__") == _POOL else frame


def _begin(span: Span) -> None:
    """A process's part of a trace begins with this span."""
    context = span.get_span_context()
    if context.span_id not in _traces:
        trace = begin_trace(f"{context.trace_id:032x}")
        if trace is not None:
            if len(_traces) >= _MAX_TRACES:
                _traces.pop(next(iter(_traces)), None)
            _traces[context.span_id] = trace


def _finish(span: ReadableSpan) -> None:
    context = span.get_span_context()
    trace = None if context is None else _traces.pop(context.span_id, None)
    if trace is not None:
        executed = _attributes.listed("executed", trace.executed)
        trace.finish(failed=span.status.status_code is StatusCode.ERROR)
        if executed:
            _attributes.put(span, executed)
