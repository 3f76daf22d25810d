"""Hooks that feed the local sink: uncaught exceptions, those of threads, and those logged as errors."""

from __future__ import annotations

import logging
import sys
import threading
import weakref
from collections.abc import Callable
from types import TracebackType

from aiprov_runtime import logs
from aiprov_runtime._explain import Explanation
from aiprov_runtime._guard import guard

Write = Callable[[BaseException, Explanation | None, str], object]
Explain = Callable[[BaseException], Explanation | None]

_last = threading.local()


def hook(write: Write, explain: Explain) -> None:
    """Install all hooks, each in front of the one that was there; call it once in a process."""
    _hook_uncaught(write, explain)
    _hook_threads(write, explain)
    logs.on_exception(lambda record, error, found: _logged(write, record, error, found))


def is_repeated(error: BaseException, route: str) -> bool:
    """True where this thread has just reported the same exception by another route, as in `log.exception(); raise`.

    Only a class written in Python lets its exceptions be known again without being held.
    """
    seen, by = getattr(_last, "seen", (None, route))
    if seen is not None and seen() is error and by != route:
        return True
    _last.seen = (weakref.ref(error) if type(error).__weakrefoffset__ else None, route)
    return False


def _hook_uncaught(write: Write, explain: Explain) -> None:
    previous = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        with guard("capture"):
            if isinstance(error, Exception):
                write(error, explain(error), "excepthook")
        previous(kind, error, traceback)

    sys.excepthook = excepthook


def _hook_threads(write: Write, explain: Explain) -> None:
    previous = threading.excepthook

    def excepthook(arguments: threading.ExceptHookArgs) -> None:
        with guard("capture"):
            if isinstance(arguments.exc_value, Exception):
                write(arguments.exc_value, explain(arguments.exc_value), "excepthook")
        previous(arguments)

    threading.excepthook = excepthook


def _logged(write: Write, record: logging.LogRecord, error: BaseException, found: Explanation | None) -> None:
    with guard("capture"):
        if record.levelno >= logging.ERROR and isinstance(error, Exception):
            write(error, found, "log")
