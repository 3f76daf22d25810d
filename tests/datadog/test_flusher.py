"""The thread that sends: at its interval, at exit, never across a fork, and never waited for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from aiprov_datadog._flusher import Flusher


class Flushes:
    """Counts, and lets a test wait for a number."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def reach(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, timeout=10)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "aiprov-datadog"]


def test_flushes_at_its_interval_in_one_daemon_thread():
    flushes = Flushes()
    flusher = Flusher(flushes, interval=0.001)
    flusher._resume()

    assert flushes.reach(3)
    assert [True] == [thread.daemon for thread in threads()]

    flusher.finish()
    assert [] == threads()


def test_the_end_flushes_once_more_and_once():
    flushes = Flushes()
    flusher = Flusher(flushes, interval=1000)
    flusher._resume()

    flusher.finish()
    flusher.finish()

    assert (1, []) == (flushes.count, threads())


def test_a_fork_finds_no_thread_and_both_sides_go_on():
    flushes = Flushes()
    flusher = Flusher(flushes, interval=1000)
    flusher._resume()

    flusher._stop()
    assert (0, []) == (flushes.count, threads())
    flusher._resume()
    assert 1 == len(threads())

    flusher.finish()
    assert 1 == flushes.count


def test_forks_more_often_than_the_interval_put_no_flush_off():
    flushes = Flushes()
    flusher = Flusher(flushes, interval=0.5)
    flusher._resume()
    until = time.monotonic() + 10
    while not flushes.count and time.monotonic() < until:
        flusher._stop()
        flusher._resume()
    flusher._stop()

    assert 1 == flushes.count


def test_a_stop_inside_a_stop_does_no_harm():
    def flush() -> None:
        flusher._stop()  # as one that forks would do

    flusher = Flusher(flush, interval=0.05)
    flusher._resume()
    thread = flusher._thread
    assert thread is not None

    flusher._stop()
    flusher._stop()
    thread.join(10)

    assert not thread.is_alive()


def test_two_forks_at_once_and_one_at_the_end_leave_one_thread_and_none():
    flusher = Flusher(lambda: None, interval=1000)
    flusher._resume()
    flusher._resume()
    assert 1 == len(threads())

    flusher.finish()
    flusher._resume()
    assert [] == threads()


def test_a_flush_that_fails_is_followed_by_the_next(swallowed: list[tuple[str, Exception]]):
    flushes = Flushes()

    def fail() -> None:
        flushes()
        raise OSError("no agent")

    flusher = Flusher(fail, interval=0.001)
    flusher._resume()
    assert flushes.reach(3)
    flusher.finish()

    assert {"datadog.flush"} == {place for place, _ in swallowed}
    swallowed.clear()


def test_an_exit_waits_half_a_second_for_a_flush_that_hangs():
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait()

    flusher = Flusher(hang, interval=0.001)
    flusher._resume()
    assert begun.wait(10)
    before = time.monotonic()

    flusher.finish()

    assert time.monotonic() - before < 5
    (thread,) = threads()
    go_on.set()
    thread.join(10)


FORKS = """
import os, sys, threading, warnings
from aiprov_datadog._flusher import Flusher

warnings.simplefilter("error")
who, flushed = "parent", []
def in_child():
    global who
    who = "child"
flusher = Flusher(lambda: print(who, flush=True), in_child=in_child, interval=1000)
flusher.start()
child = os.fork()
if child == 0:
    print(len([t for t in threading.enumerate() if t.name == "aiprov-datadog"]), flush=True)
    sys.exit(0)
os.waitpid(child, 0)
print(len([t for t in threading.enumerate() if t.name == "aiprov-datadog"]), flush=True)
"""


def test_after_a_fork_each_process_flushes_its_own_at_exit_and_python_warns_of_no_thread():
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60)

    assert (["1", "child", "1", "parent"], "") == (done.stdout.split(), done.stderr)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_killed_ends(ending: signal.Signals):
    program = "from aiprov_datadog._flusher import Flusher\nFlusher(print).start()\nprint(1, flush=True)\ninput()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"1\n" == process.stdout.readline()

    process.send_signal(ending)

    with process:
        assert -ending == process.wait(20)


def test_forks_are_quick_beside_the_thread():
    """The thread of one process ends and starts anew for each of its forks."""
    flusher = Flusher(lambda: None, interval=1000)
    flusher._resume()
    before = time.perf_counter()
    for _ in range(20):
        flusher._stop()
        flusher._resume()
    spent = (time.perf_counter() - before) / 20
    flusher.finish()

    assert spent < 0.05
