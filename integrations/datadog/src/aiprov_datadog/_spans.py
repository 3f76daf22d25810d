"""Tags spans while their stack and their exception are there, through what ddtrace keeps to itself.

Each piece is looked for before it is used; where one is missing, the filter does what it can.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from ddtrace.trace import Span, tracer

import aiprov_runtime
from aiprov_datadog import _judge, _measure, _metrics, _tags
from aiprov_runtime import _runtime, guard, guarded, span_origin
from aiprov_runtime._guard import warn

try:
    from ddtrace._trace.processor import SpanProcessor
    from ddtrace.internal import core
except ImportError:
    SpanProcessor = object  # type: ignore[assignment,misc]
    core = None  # type: ignore[assignment]

_TRACE = "aiprov.trace"
_NEEDS = ("_parent", "_get_ctx_item", "_set_ctx_item", "_set_ctx_items")


def install() -> None:
    """Tag every span of this process from now on; a second call changes nothing."""
    with guard("datadog.install"):
        aiprov_runtime.ensure()
        if (_hook() or _append_filter()) and tracer.enabled:
            _metrics.use_traces()
        _inject_into_logs()


class AiprovSpanProcessor(SpanProcessor):  # type: ignore[misc,unused-ignore]  # `object` where it is missing
    """Called by every tracer of the process, and not touched by `tracer.configure`.

    Most spans are none of ours, so what can go wrong, and its guard, comes only where there is something to do.
    """

    def on_span_start(self, span: Span) -> None:
        found = span_origin(sys._getframe(1))  # noqa: SLF001  # the tracer's, which is there for certain
        if found is not None:
            _begin(span, found)
        if span._parent is None:  # noqa: SLF001  # looked for before anything is hooked
            _begin_trace(span)

    def on_span_finish(self, span: Span) -> None:
        if (
            span.error
            or span._parent is None  # noqa: SLF001  # as above
            or (_metrics.is_installed() and span._get_ctx_item(_tags.OURS) is not None)  # noqa: SLF001  # as above
        ):
            _finish(span)

    def shutdown(self, timeout: float | None) -> None:
        """Nothing is held back, so nothing has to be flushed."""


@guarded("datadog.error")
def on_exception(span: Span, _kind: type[BaseException], error: BaseException, _tb: TracebackType | None) -> None:
    """Judge the exception itself, while it is at hand."""
    found = aiprov_runtime.explain(error)
    if found is not None:
        _judge.judge_error(span, found)
        if found.suspect is not None and _metrics.is_installed():
            _measure.note(span, error)


@guarded("datadog.start")
def _begin(span: Span, found: _tags.Tags) -> None:
    _tags.begin(span, found)


@guarded("datadog.start")
def _begin_trace(span: Span) -> None:
    """The release is told once a trace; another tag would cost every span a twentieth of its own time."""
    active = _runtime._active  # noqa: SLF001  # `init` may put another in its place at any time
    if active is not None and active.lookups is not None:
        _tags.add(span, {"aiprov.manifest": active.lookups.manifest})
        if active.settings.track:
            _tags.remember(span, _TRACE, aiprov_runtime.begin_trace(_trace_id(span.trace_id)))


@guarded("datadog.finish")
def _finish(span: Span) -> None:
    _judge.settle(span)
    if _metrics.is_installed():
        _measure.report(span)
    trace = span._get_ctx_item(_TRACE)  # noqa: SLF001  # as above
    if trace is not None:
        _tags.add_executed(span, trace.executed)
        trace.finish(failed=bool(span.error))


def _trace_id(number: int) -> str:
    """As ddtrace writes it beside log records."""
    return f"{number:032x}" if number >= 1 << 64 else str(number)


def _hook() -> bool:
    """Anew where it was done before: ddtrace-run may drop what was imported, and let it be imported once more."""
    processor: Any = AiprovSpanProcessor()
    listen: Any = getattr(core, "on", None)
    needs = [(processor, "register"), (processor, "__processors__"), (listen, "__call__")]
    if not all(hasattr(owner, name) for owner, name in [*needs, *((Span, name) for name in _NEEDS)]):
        return False
    for earlier in [found for found in processor.__processors__ if type(found).__module__ == __name__]:
        earlier.unregister()
    processor.register()
    listen("span.exception", on_exception, name="aiprov")
    return True


def _append_filter() -> bool:
    """`configure` puts its list in place of the one in force, so that one has to be known."""
    from aiprov_datadog._filter import AiprovTraceFilter

    aggregator = getattr(tracer, "_span_aggregator", None)
    known = getattr(aggregator, "user_processors", None)
    if not isinstance(known, list):
        warn("ddtrace %s: add AiprovTraceFilter() to the list in tracer.configure(trace_processors=[…])", _version())
        return False
    if not any(isinstance(found, AiprovTraceFilter) for found in known):
        tracer.configure(trace_processors=[*known, AiprovTraceFilter()])
    return True


def _version() -> str:
    import ddtrace

    return str(getattr(ddtrace, "__version__", "?"))


def _inject_into_logs() -> None:
    """Only where it was asked for; ddtrace's own default is no such wish."""
    if os.environ.get("DD_LOGS_INJECTION", "").strip().lower() in ("1", "true", "structured"):
        from aiprov_runtime.logs import install_record_factory

        install_record_factory()
