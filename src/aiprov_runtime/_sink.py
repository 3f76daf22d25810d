"""The local sink: error events as JSON lines in a file of bounded size that several processes share."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

from aiprov_runtime._explain import Explanation, Frame, Raised, exceptions, frames_of

EVENT_SCHEMA, FAILURE_SCHEMA = "aiprov.event/1", "aiprov.failure/1"
_MAX_FRAMES = 100
_MAX_EVENT_EXCEPTIONS = 16
_MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Sink:
    """Appends one line per event; the file is opened for each, so forks and other processes need no care."""

    path: str
    max_bytes: int
    files: int
    release: str | None = None
    environment: str | None = None
    clock: Callable[[], float] = time.time

    def event(
        self,
        error: BaseException,
        explanation: Explanation | None,
        is_application: Callable[[CodeType], bool],
        *,
        user: str | None = None,
        trace: str | None = None,
    ) -> None:
        """Write one error; exception messages and local variables stay out of the file."""
        raised = exceptions(error)[:_MAX_EVENT_EXCEPTIONS]
        self._append(
            {
                "schema": EVENT_SCHEMA,
                "timestamp": _timestamp(self.clock()),
                "release": self.release,
                "environment": self.environment,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "thread": threading.get_ident(),
                "trace": trace,
                "user": user,
                "manifest": explanation.manifest if explanation else None,
                "exceptions": [_described(r, is_application) for r in raised],
                "aiprov": explanation.tags() if explanation else {},
            }
        )

    def failure(self, place: str, error: Exception, count: int) -> None:
        """Note a failure of our own, so that `aiprov doctor` can count over processes."""
        self._append(
            {
                "schema": FAILURE_SCHEMA,
                "timestamp": _timestamp(self.clock()),
                "pid": os.getpid(),
                "place": place,
                "error": type(error).__name__,
                "count": count,
            }
        )

    def _append(self, content: dict[str, object]) -> None:
        # ASCII, so that a cut or mixed-up line stays readable and surrogates survive.
        line = json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if os.fstat(descriptor).st_size + len(line) > self.max_bytes and self._rotate():
                os.close(descriptor)
                descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _rotate(self) -> bool:
        """Shift FILE to FILE.1 and so on, unless a thread or process is at it; whoever comes second finds it done."""
        with _file_lock(self.path + ".lock") as held:
            if not held or os.stat(self.path).st_size < self.max_bytes // 2:
                return held
            for number in range(self.files - 1, 0, -1):
                if os.path.exists(f"{self.path}.{number}"):
                    os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
            os.replace(self.path, f"{self.path}.1")
        return True


class _file_lock:  # noqa: N801  # reads as the statement it is used in
    """True when nobody else holds the lock; never waits."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> bool:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            import fcntl

            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows renames no open file, which serves as the lock
            return True
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _timestamp(seconds: float) -> str:
    whole, fraction = divmod(int(seconds * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{fraction:06d}Z"


def _described(raised: Raised, is_application: Callable[[CodeType], bool]) -> dict[str, object]:
    kind = type(raised.error)
    frames = frames_of(raised.error.__traceback__)
    if len(frames) > _MAX_FRAMES:  # of a deep recursion the entry and the raise say most
        frames = frames[: _MAX_FRAMES // 5] + frames[-_MAX_FRAMES * 4 // 5 :]
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}"[:_MAX_TEXT],
        "relation": raised.relation,
        "parent": raised.parent,
        "frames": [_frame(frame, is_application) for frame in frames],
    }


def _frame(frame: Frame, is_application: Callable[[CodeType], bool]) -> dict[str, object]:
    code, _, line = frame
    file = code.co_filename if code.co_filename.startswith("<") else os.path.abspath(code.co_filename)
    return {
        "file": file[-_MAX_TEXT:],
        "line": line,
        "function": code.co_qualname[:_MAX_TEXT],
        "app": is_application(code),
    }
