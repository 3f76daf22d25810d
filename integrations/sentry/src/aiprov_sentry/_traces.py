"""A transaction, or a segment of streamed spans, is a trace: which AI functions ran in it, where that is tracked."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from sentry_sdk import tracing
from sentry_sdk.scope import Scope

import aiprov_runtime
from aiprov_runtime import guard
from aiprov_sentry._seams import Method, replace

if TYPE_CHECKING:
    from aiprov_runtime import Trace

EXECUTED = "aiprov.executed"
_FAILED = frozenset(
    {"error", "internal_error", "unknown_error", "unavailable", "unimplemented", "deadline_exceeded", "data_loss"}
)
_MAX_DEPTH = 8
_guard = guard("sentry.trace")


class _Open(NamedTuple):
    root: Any
    trace: Trace
    errors: list[bool]
    """Not empty once an error was reported."""


_open: ContextVar[tuple[_Open, ...]] = ContextVar("aiprov_sentry_trace", default=())
"""The innermost first."""


def install() -> None:
    """Sampled or not: an error of a trace that is not sampled wants to know what ran before it as well."""
    if not aiprov_runtime.status().tracking.startswith("on"):
        return
    replace(Scope, "start_transaction", _starting_transaction)
    replace(tracing.Transaction, "finish", _finishing)
    try:
        from sentry_sdk import traces
    except ImportError:  # an SDK that does not stream
        return
    for name in ("StreamedSpan", "NoOpStreamedSpan"):
        owner = getattr(traces, name, None)
        replace(owner, "_start", _starting_span, slots=("_segment", "trace_id"))
        replace(owner, "_end", _ending_span, slots=("_segment", "_attributes"))


def executed(span_id: str | None) -> list[str]:
    """What ran so far in the trace of this context that began with this span."""
    return next((list(found.trace.executed) for found in _open.get() if found.root.span_id == span_id), [])


def note_error() -> None:
    """Every open trace of this context counts as failed, however it ends."""
    for found in _open.get():
        if not found.errors:
            found.errors.append(True)


def _begin(root: Any) -> None:
    trace = aiprov_runtime.begin_trace(root.trace_id)
    if trace is not None:
        _open.set((_Open(root, trace, []), *_open.get()[: _MAX_DEPTH - 1]))


def _finish(root: Any, status: str | None) -> None:
    traces = _open.get()
    for place, found in enumerate(traces):
        if found.root is root:
            _open.set(traces[place + 1 :])  # with those within it that nobody finished
            found.trace.finish(failed=bool(found.errors) or status in _FAILED)
            return


def _starting_transaction(original: Method) -> Method:
    def start_transaction(self: Any, *args: Any, **kwargs: Any) -> Any:
        transaction = original(self, *args, **kwargs)
        with _guard:
            if isinstance(transaction, tracing.Transaction):
                _begin(transaction)
        return transaction

    return start_transaction


def _finishing(original: Method) -> Method:
    def finish(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)  # `annotate` sees the transaction in here, with its trace open
        finally:
            with _guard:
                _finish(self, self.status)

    return finish


def _starting_span(original: Method) -> Method:
    def _start(self: Any) -> Any:
        with _guard:
            if self._segment is self:
                _begin(self)
        return original(self)

    return _start


def _ending_span(original: Method) -> Method:
    def _end(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._segment is not self:
            return original(self, *args, **kwargs)
        with _guard:
            functions = executed(self.span_id)
            if functions and EXECUTED not in self._attributes:
                self._attributes[EXECUTED] = functions
        try:
            return original(self, *args, **kwargs)
        finally:
            with _guard:
                is_client_error = str(self._attributes.get("http.response.status_code")).startswith("4")
                _finish(self, None if is_client_error else self.status)

    return _end
