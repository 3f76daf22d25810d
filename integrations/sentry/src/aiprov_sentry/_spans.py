"""At a span's start: the attributes of the AI-written code that starts it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sentry_sdk import tracing

from aiprov_runtime import guard, span_origin
from aiprov_sentry._seams import Method, replace

_guard = guard("sentry.span")


def install() -> None:
    """Each of these methods runs once for every span that is sampled, and never for another."""
    replace(getattr(tracing, "_SpanRecorder", None), "add", _recording)
    replace(tracing.Span, "init_span_recorder", _recording_transaction, slots=("_data",))
    try:
        from sentry_sdk import traces
    except ImportError:  # an SDK that does not stream
        return
    replace(getattr(traces, "StreamedSpan", None), "_start", _streaming, slots=("_attributes",))


# Each passes over the callers that are the SDK's own in any case: a frame that is not looked at costs nothing.


def _recording(original: Method) -> Method:
    def add(self: Any, span: Any) -> Any:
        result = original(self, span)
        try:
            caller = sys._getframe(2)  # noqa: SLF001  # as `logging` does
        except ValueError:
            return result
        found = span_origin(caller)
        if found is not None:
            with _guard:
                _fill(span, found)
        return result

    return add


def _recording_transaction(original: Method) -> Method:
    def init_span_recorder(self: Any, maxlen: int) -> Any:
        result = original(self, maxlen)
        with _guard:
            found = span_origin(sys._getframe(2))  # noqa: SLF001  # as above
            if found is not None:
                _fill(self, found)
        return result

    return init_span_recorder


def _fill(span: Any, found: Mapping[str, str | int]) -> None:
    span._data = {**found, **span._data}  # noqa: SLF001  # no public way to see what is there


def _streaming(original: Method) -> Method:
    def _start(self: Any) -> Any:
        try:
            caller = sys._getframe(3)  # noqa: SLF001  # as above
        except ValueError:
            return original(self)
        found = span_origin(caller)
        if found is not None:
            with _guard:
                self._attributes = {**found, **self._attributes}
        return original(self)

    return _start
