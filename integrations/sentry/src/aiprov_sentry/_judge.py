"""Which of the two to judge: an exception by its traceback, or the stack that reports something."""

from __future__ import annotations

import sys
import threading
from typing import Any

import aiprov_runtime
from aiprov_runtime import Explanation

_REPORTERS = ("aiprov_runtime", "aiprov_sentry", "logging", "sentry_sdk")


def judge(error: BaseException | None, record: Any = None) -> Explanation | None:
    """None while no manifest is loaded, and for what happened on a stack that is not ours to see."""
    stack = None
    if getattr(record, "thread", None) in (None, threading.get_ident()):  # else a queue brought it from its thread
        stack = sys._getframe(1)  # noqa: SLF001  # as `logging` does
    if stack is None and (error is None or error.__traceback__ is None):
        return None
    if error is None:
        return aiprov_runtime.explain_stack(stack, skip=_REPORTERS)
    return aiprov_runtime.explain(error, stack=stack, skip=_REPORTERS)
