"""Our keys on log records and structlog events of exceptions: a filter, a record factory, a processor."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from types import FrameType, TracebackType
from typing import Any

import aiprov_runtime
from aiprov_runtime._explain import Explanation
from aiprov_runtime._guard import guard

__all__ = ["ProvenanceFilter", "add_provenance", "install_record_factory"]

Judged = Callable[[logging.LogRecord, BaseException, Explanation | None], object]

_REPORTERS = ("aiprov_runtime", "logging")
_FRAMES_TO_MAKE_RECORD = 12
_guard = guard("logs")


def install_record_factory() -> None:
    """Add our keys to every log record of an exception from now on, in front of the record factory in force.

    A second call changes nothing, but where somebody has replaced the factory since.
    """
    with _guard:
        _Factory.annotates = True
        _Factory.install()


class ProvenanceFilter(logging.Filter):
    """Adds our keys to each record of an exception that passes its logger or handler; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        with _guard:
            error = _exception(record.exc_info)
            if error is not None and "aiprov.manifest" not in record.__dict__:
                stack = None if _is_from_elsewhere(record) else sys._getframe(1)  # noqa: SLF001  # as `logging` does
                _merge(record.__dict__, aiprov_runtime.explain(error, stack=stack, skip=_REPORTERS))
        return True


def add_provenance(
    _logger: object, _method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor; put it before or after the one that formats the exception."""
    with _guard:
        error = _exception(event_dict.get("exc_info"))
        if error is None:
            error = _formatted(event_dict.get("exception"))
        if error is not None and "aiprov.manifest" not in event_dict:
            _merge(event_dict, aiprov_runtime.explain(error, stack=sys._getframe(1), skip=_REPORTERS))  # noqa: SLF001  # as `logging` does
    return event_dict


class _Factory:
    """One link in the chain of record factories; of several of ours only the newest works."""

    __slots__ = ("_previous",)

    annotates = False
    captures: tuple[Judged, ...] = ()
    newest: _Factory | None = None

    def __init__(self, previous: Callable[..., logging.LogRecord]) -> None:
        self._previous = previous

    @classmethod
    def install(cls) -> None:
        current = logging.getLogRecordFactory()
        if isinstance(current, cls):
            cls.newest = current
            return
        cls.newest = cls(current)
        logging.setLogRecordFactory(cls.newest)

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._previous(*args, **kwargs)
        if getattr(record, "exc_info", None) and self is _Factory.newest:
            with _guard:
                error = _exception(record.exc_info)
                if error is not None:
                    self._add(record, error, sys._getframe(1))  # noqa: SLF001  # as `logging` does
        return record

    def _add(self, record: logging.LogRecord, error: BaseException, caller: FrameType) -> None:
        found = aiprov_runtime.explain(error, stack=caller, skip=_REPORTERS)
        if self.annotates:
            _merge(record.__dict__, found, taken=_extra(caller))
        for capture in self.captures:
            capture(record, error, found)


def on_exception(capture: Judged) -> None:
    """Tell `capture` as well of every exception that a log record carries, with what is known of it."""
    _Factory.captures += (capture,)
    _Factory.install()


def _merge(
    target: MutableMapping[str, Any], found: Explanation | None, *, taken: Mapping[str, object] | None = None
) -> None:
    """What is there already stays."""
    if found is None:
        return
    code = {name: value for name, value in found.context().items() if name.startswith("code.")}
    for name, value in (found.tags() | code).items():
        if name not in target and not (taken and name in taken):
            target[name] = value


def _exception(given: object) -> BaseException | None:
    """Of whatever `logging` and structlog take as `exc_info`."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        error = given[1] if len(given) > 1 else None
        return error if isinstance(error, BaseException) else None
    return sys.exception() if given else None


def _extra(frame: FrameType | None) -> Mapping[str, object] | None:
    """The `extra=` of the call being logged: `logging` raises where a record has one of its names already."""
    for _ in range(_FRAMES_TO_MAKE_RECORD):
        if frame is None:
            return None
        if frame.f_code.co_name == "makeRecord":
            extra = frame.f_locals.get("extra")
            return extra if isinstance(extra, Mapping) else None
        frame = frame.f_back
    return None


def _formatted(text: object) -> BaseException | None:
    """The exception being handled, where a processor before us has put it into words."""
    error = sys.exception()
    place = _innermost(error.__traceback__) if error is not None else None
    if error is None or place is None:
        return None
    file, line = place
    if isinstance(text, str):
        return error if f'"{file}", line {line},' in text else None
    if isinstance(text, list):
        frames = [entry.get("frames") for entry in text if isinstance(entry, Mapping)]
        places = [(f[-1].get("filename"), f[-1].get("lineno")) for f in frames if f and isinstance(f[-1], Mapping)]
        return error if place in places else None
    return None


def _innermost(traceback: TracebackType | None) -> tuple[str, int] | None:
    place = None
    while traceback is not None:
        place = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return place


def _is_from_elsewhere(record: logging.LogRecord) -> bool:
    """A queue may bring a record from another thread, whose stack is not ours to see."""
    return record.thread not in (None, threading.get_ident())
