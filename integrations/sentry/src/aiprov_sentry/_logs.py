"""Our tags on the log lines of exceptions that Sentry's own logs product takes (`enable_logs=True`), and only there."""

from __future__ import annotations

import logging
from typing import Any

from sentry_sdk.integrations import logging as sentry_logging

from aiprov_runtime import guard
from aiprov_sentry._judge import judge
from aiprov_sentry._seams import Method, replace

_guard = guard("sentry.log")
_OURS = ("aiprov.", "code.function.name", "code.file.path", "code.line.number")


def install() -> None:
    """`before_send_log` is the user's; the handler that makes a log line of a record is all that is left."""
    handler = getattr(sentry_logging, "SentryLogsHandler", None)
    if handler is not None:
        replace(handler, "_extra_from_record", _extra_with_tags)
    for name in ("EventHandler", "BreadcrumbHandler"):
        replace(getattr(sentry_logging, name, None), "_extra_from_record", _extra_without_ours)


def _extra_with_tags(original: Method) -> Method:
    def _extra_from_record(self: Any, record: logging.LogRecord) -> Any:
        extra = original(self, record)
        with _guard:
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            if error is not None and "aiprov.manifest" not in extra:
                explanation = judge(error, record)
                if explanation is not None:
                    return {**explanation.tags(), **extra}
        return extra

    return _extra_from_record


def _extra_without_ours(original: Method) -> Method:
    """Of an event's extra data and a breadcrumb's the SDK keeps ten keys: ours would push the user's own out."""

    def _extra_from_record(self: Any, record: logging.LogRecord) -> Any:
        extra = original(self, record)
        with _guard:
            if "aiprov.manifest" in extra:  # the event has them as tags
                return {name: value for name, value in extra.items() if not str(name).startswith(_OURS)}
        return extra

    return _extra_from_record
