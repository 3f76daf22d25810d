"""Which of the two to judge: an exception by its traceback, or the stack that reports one that was never raised."""

from __future__ import annotations

import sys

import aiprov_runtime
from aiprov_runtime import Explanation

_REPORTERS = ("aiprov_opentelemetry", "aiprov_runtime", "contextlib", "logging", "opentelemetry", "sentry_sdk")


def judge(error: BaseException) -> Explanation | None:
    """None while no manifest is loaded."""
    hints = (error.__traceback__, error.__cause__, error.__context__)
    if any(hint is not None for hint in hints) or isinstance(error, BaseExceptionGroup):
        return aiprov_runtime.explain(error)
    return aiprov_runtime.explain_stack(sys._getframe(1), skip=_REPORTERS)  # noqa: SLF001  # as `logging` does
