"""Hooks that feed the local sink: uncaught exceptions, those of threads, and those logged as errors."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from aiprov_runtime._guard import guard

Capture = Callable[[BaseException], object]


def hook(capture: Capture) -> None:
    """Install all hooks, each in front of the one that was there; call it once in a process."""
    _hook_uncaught(capture)
    _hook_threads(capture)
    _hook_logging(capture)


def _hook_uncaught(capture: Capture) -> None:
    previous = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        with guard("capture.excepthook"):
            if isinstance(error, Exception):
                capture(error)
        previous(kind, error, traceback)

    sys.excepthook = excepthook


def _hook_threads(capture: Capture) -> None:
    previous = threading.excepthook

    def excepthook(arguments: threading.ExceptHookArgs) -> None:
        with guard("capture.threading"):
            if isinstance(arguments.exc_value, Exception):
                capture(arguments.exc_value)
        previous(arguments)

    threading.excepthook = excepthook


def _hook_logging(capture: Capture) -> None:
    """A record factory: a handler on the root logger would turn the host's own `basicConfig` into a no-op."""
    previous = logging.getLogRecordFactory()

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = previous(*args, **kwargs)
        with guard("capture.logging"):
            if record.exc_info and record.levelno >= logging.ERROR:
                error = record.exc_info[1]
                if isinstance(error, Exception):
                    capture(error)
        return record

    logging.setLogRecordFactory(factory)
