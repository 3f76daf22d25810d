"""What is known of an exception, on the log record that tells of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from opentelemetry.sdk._logs import LogRecordProcessor

import aiprov_runtime
from aiprov_opentelemetry import _attributes
from aiprov_opentelemetry._judge import judge
from aiprov_runtime import Explanation, guard, guarded
from aiprov_runtime._printed import explain_printed

_TYPE, _STACKTRACE = "exception.type", "exception.stacktrace"
_HANDLER_FRAMES = 10


class AiprovLogRecordProcessor(LogRecordProcessor):
    """For `provider.add_log_record_processor`, in front of whatever exports."""

    def __init__(self) -> None:
        with guard("opentelemetry.install"):
            aiprov_runtime.ensure()

    @guarded("opentelemetry.log")
    def on_emit(self, log_record: Any) -> None:
        record = log_record.log_record
        attributes = record.attributes
        error = getattr(record, "exception", None)
        if error is None and not (attributes and _TYPE in attributes):
            return
        found = _explain(error, attributes)
        if found is not None and isinstance(attributes, MutableMapping) and "aiprov.manifest" not in attributes:
            limit = getattr(attributes, "maxlen", None)
            values = _attributes.without(attributes, _attributes.of_error(found))
            if limit is None or len(attributes) + len(values) <= limit:
                attributes.update(values)

    emit = on_emit
    """As SDKs before 1.35 call it."""

    def shutdown(self) -> None:
        """Nothing is held back."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  # the interface
        return True


def _explain(error: BaseException | None, attributes: Any) -> Explanation | None:
    """By the exception itself; a handler of `logging` hands on its text alone, but is still on the stack."""
    if error is None:
        error = _of_handler()
    if error is not None:
        return judge(error)
    stack = attributes.get(_STACKTRACE)
    return explain_printed(stack) if isinstance(stack, str) else None


def _of_handler() -> BaseException | None:
    """The exception of the `logging.LogRecord` that is being emitted."""
    frame = sys._getframe(1)  # noqa: SLF001  # as `logging` does
    for _ in range(_HANDLER_FRAMES):
        record = frame.f_locals.get("record") if frame.f_code.co_name == "emit" else None
        if isinstance(record, logging.LogRecord):
            return record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None
