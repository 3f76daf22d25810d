"""A transaction, or a segment of streamed spans, is a trace: which AI functions ran in it, where that is tracked."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Any, NamedTuple

from sentry_sdk import tracing
from sentry_sdk.scope import Scope

import aiprov_runtime
from aiprov_runtime import Trace, guard
from aiprov_runtime._settings import resolve
from aiprov_sentry._seams import Method, replace

EXECUTED = "aiprov.executed"
_FAILED = frozenset(
    {"error", "internal_error", "unknown_error", "unavailable", "unimplemented", "deadline_exceeded", "data_loss"}
)
_guard = guard("sentry.trace")


class _Open(NamedTuple):
    root: Any
    trace: Trace
    errors: list[object]
    """Not empty once an error was reported."""


_open: ContextVar[_Open | None] = ContextVar("aiprov_sentry_trace", default=None)


def install() -> None:
    """Sampled or not: an error of a trace that is not sampled wants to know what ran before it as well."""
    if not resolve({})[0].track or sys.version_info < (3, 12):
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
    """What ran so far in the trace that is open in this context, if it began with this span."""
    found = _open.get()
    return list(found.trace.executed) if found is not None and found.root.span_id == span_id else []


def note_error() -> None:
    """The open trace counts as failed, however it ends."""
    found = _open.get()
    if found is not None and not found.errors:
        found.errors.append(True)


def _begin(root: Any) -> None:
    trace = aiprov_runtime.begin_trace(root.trace_id)
    if trace is not None:
        _open.set(_Open(root, trace, []))


def _finish(root: Any, status: str | None) -> None:
    found = _open.get()
    if found is not None and found.root is root:
        _open.set(None)
        found.trace.finish(failed=bool(found.errors) or status in _FAILED)


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
