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
    if error is not None and not _is_unraised(error):
        return aiprov_runtime.explain(error)
    if record is not None and record.thread not in (None, threading.get_ident()):
        return None  # a queue brought it here from the thread that logged it
    return aiprov_runtime.explain_stack(sys._getframe(1), skip=_REPORTERS)  # noqa: SLF001  # as `logging` does


def _is_unraised(error: BaseException) -> bool:
    """True where no traceback tells more than the stack that reports it."""
    return (
        error.__traceback__ is None
        and error.__cause__ is None
        and error.__context__ is None
        and not isinstance(error, BaseExceptionGroup)
    )
