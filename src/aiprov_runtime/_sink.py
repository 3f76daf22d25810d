"""The local sink: error events as JSON lines in a file of bounded size that several processes share."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType

from aiprov_runtime._explain import Explanation, Frame, Raised, exceptions, frames_of, line_of
from aiprov_runtime._paths import absolute

EVENT_SCHEMA, FAILURE_SCHEMA = "aiprov.event/1", "aiprov.failure/1"
TRACE_SCHEMA, CALLS_SCHEMA = "aiprov.trace/1", "aiprov.calls/1"
_MAX_CALLS = 1000
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
        is_tracking: bool = False,
    ) -> None:
        """Write one error; exception messages and local variables stay out of the file."""
        raised = exceptions(error)[:_MAX_EVENT_EXCEPTIONS]
        content = {
            **self._head(EVENT_SCHEMA),
            "thread": threading.get_ident(),
            "trace": trace,
            "user": user,
            "manifest": explanation.manifest if explanation else None,
            "exceptions": [_described(r, is_application) for r in raised],
            "aiprov": explanation.tags() if explanation else {},
        }
        if is_tracking:
            content["executed"] = _names(explanation.executed if explanation else ())
        self._append(content)

    def trace(
        self,
        executed: Iterable[str],
        *,
        failed: bool,
        weight: float,
        manifest: str | None,
        trace: str | None,
        user: str | None,
    ) -> None:
        """Write which functions ran in one trace, for comparing the failed ones with the others."""
        self._append(
            {
                **self._head(TRACE_SCHEMA),
                "trace": trace,
                "user": user,
                "manifest": manifest,
                "failed": failed,
                "executed": _names(executed),
                "weight": weight,
            }
        )

    def calls(self, found: Iterable[tuple[str, int]], *, manifest: str | None) -> None:
        """Write how often each function was called since the last such line of this process."""
        remaining = [(name[-_MAX_TEXT:], number) for name, number in found]
        while remaining:
            part, remaining = remaining[:_MAX_CALLS], remaining[_MAX_CALLS:]
            self._append({**self._head(CALLS_SCHEMA), "manifest": manifest, "calls": dict(part)})

    def _head(self, schema: str) -> dict[str, object]:
        return {
            "schema": schema,
            "timestamp": _timestamp(self.clock()),
            "release": self.release,
            "environment": self.environment,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

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
        line = _line(content)
        if not self._write(line, limit=self.max_bytes - len(line)):
            self._rotate()
            if not self._write(line, limit=2 * self.max_bytes):
                raise OSError(errno.EFBIG, "twice its size, while another process starts a new file", self.path)

    def _write(self, line: bytes, *, limit: int) -> bool:
        """False, and nothing written, where the file is larger than `limit`."""
        with _opened(self.path, os.O_APPEND) as descriptor:
            if 0 < os.fstat(descriptor).st_size > limit:
                return False
            os.write(descriptor, line)
        return True

    def _rotate(self) -> None:
        """Shift FILE to FILE.1 and so on, unless a thread or process is at it; whoever comes second finds it done."""
        with _opened(self.path + ".lock") as descriptor:
            if not _lock(descriptor) or os.stat(self.path).st_size < self.max_bytes // 2:
                return
            for number in range(self.files - 1, 0, -1):
                if os.path.exists(f"{self.path}.{number}"):
                    os.replace(f"{self.path}.{number}", f"{self.path}.{number + 1}")
            os.replace(self.path, f"{self.path}.1")


@contextmanager
def _opened(path: str, flags: int = 0) -> Iterator[int]:
    # Without waiting: a pipe that nobody reads is an error and no reason for a host to hang.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | flags, 0o640)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """True when nobody else holds the lock; never waits, and closing the file ends it."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows renames no open file, which serves as the lock
        return True
    except BlockingIOError:
        return False
    return True


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
    code = frame[0]
    file = code.co_filename if code.co_filename.startswith("<") else absolute(code.co_filename)
    return {
        "file": file[-_MAX_TEXT:],
        "line": line_of(frame),
        "function": code.co_qualname[:_MAX_TEXT],
        "app": is_application(code),
    }


def _names(functions: Iterable[str]) -> list[str]:
    return [name[-_MAX_TEXT:] for name in functions]


def _line(content: object) -> bytes:
    """ASCII, so that a cut or mixed-up line stays readable."""
    line = json.dumps(content, separators=(",", ":"), allow_nan=False)
    if "\\ud" in line:  # a surrogate: JSON can carry it alone, and few readers take that
        whole = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        line = json.dumps(json.loads(whole), separators=(",", ":"))
    return line.encode() + b"\n"
