"""The thread that sends what has added up: never the host's, and none while the process forks."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable

from aiprov_runtime import guard

_PATIENCE = 0.5


class Flusher:
    """Calls `flush` every `interval` seconds and once more at exit.

    Calls make no event that could carry a flush, the last errors before a service stands still must not wait for the
    next ones, and a name lookup of the client's may take seconds: hence a thread.
    """

    def __init__(
        self, flush: Callable[[], None], *, in_child: Callable[[], None] = lambda: None, interval: float = 10.0
    ) -> None:
        self._flush = flush
        self._in_child = in_child
        self._interval = interval
        self._due = time.monotonic() + interval
        self._thread: threading.Thread | None = None
        self._is_last = False

    def start(self) -> None:
        """Start, and keep to forks and exit from now on."""
        # After the client's own handlers, so that ours runs before them.
        os.register_at_fork(before=self._stop, after_in_parent=self._resume, after_in_child=self._begin_anew)
        atexit.register(self.finish)
        self._resume()

    def finish(self) -> None:
        """The last flush, in the thread: an exit waits half a second for it and no more."""
        self._is_last = True
        self._stop()

    def _resume(self) -> None:
        with guard("datadog.thread"):
            if self._thread is not None or self._is_last:  # two threads forked at once; or the process ends
                return
            # A lock to wait at, not an event: releasing it is safe even in a handler that interrupts a release.
            self._stopping = threading.Lock()
            self._stopping.acquire()
            self._thread = threading.Thread(
                target=self._run, args=(self._stopping,), name="aiprov-datadog", daemon=True
            )
            self._thread.start()

    def _stop(self) -> None:
        """Python 3.12 warns of a fork beside a running thread, and the fork would copy whatever lock it holds."""
        with guard("datadog.thread"):
            thread, self._thread = self._thread, None
            if thread is not None and thread is not threading.current_thread():
                self._stopping.release()
                thread.join(_PATIENCE)

    def _begin_anew(self) -> None:
        self._thread = None
        self._due = time.monotonic() + self._interval
        with guard("datadog.thread"):
            self._in_child()
        self._resume()

    def _run(self, stopping: threading.Lock) -> None:
        # Due at a time, which a fork does not put off: a process may fork every few seconds.
        while not stopping.acquire(timeout=max(0.0, self._due - time.monotonic())):
            self._due = time.monotonic() + self._interval
            self._send()
        if self._is_last:
            self._send()

    def _send(self) -> None:
        with guard("datadog.flush"):
            self._flush()
