"""Sums by model and tool: bounded, never waited for, and nobody's twice."""

from __future__ import annotations

import gc
import random
import signal
import subprocess
import sys
import threading

import pytest

from aiprov_runtime._rates import Rate, Rates


def test_adds_up_by_model_and_tool_and_starts_anew():
    rates = Rates(10)
    rates.add_call("m", "t", count=3)
    rates.add_call("m", "t")
    rates.add_error("m", "t")
    rates.add_error("m", "other tool")
    rates.add_duration("m", "t", seconds=0.5)

    assert {("m", "t"): Rate(4, 1, (0.5,), 1), ("m", "other tool"): Rate(0, 1, (), 0)} == rates.drain()
    assert {} == rates.drain()


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_known_has_a_name(nothing: str | None):
    rates = Rates(10)
    rates.add_error(nothing, nothing)

    assert {("unknown", "unknown"): Rate(0, 1, (), 0)} == rates.drain()


def test_pairs_beyond_the_limit_are_one_and_the_first_keep_their_names_for_good():
    rates = Rates(2)
    for name in ("a", "b", "c", "d"):
        rates.add_error(name, "t")
    first = rates.drain()
    rates.add_error("d", "t")
    rates.add_error("b", "t")

    assert {("a", "t"): 1, ("b", "t"): 1, ("other", "other"): 2} == {pair: rate.errors for pair, rate in first.items()}
    assert {("other", "other"): 1, ("b", "t"): 1} == {pair: rate.errors for pair, rate in rates.drain().items()}


def test_of_very_many_durations_a_fair_sample_stays():
    rates = Rates(1)
    for number in range(20_000):
        rates.add_duration("m", "t", seconds=float(number))
    (rate,) = rates.drain().values()

    assert (1000, 20_000) == (len(rate.durations), rate.timed)
    assert 8_000 < sum(rate.durations) / 1000 < 12_000  # ten standard errors to each side


def test_memory_is_bounded_where_nobody_drains():
    rates = Rates(1)
    for _ in range(70_000):
        rates.add_error("m", "t")

    assert (65_536, 70_000 - 65_536) == (rates.drain()["m", "t"].errors, rates.lost)


def test_threads_lose_nothing_while_another_drains():
    rates = Rates(5)
    found = 0
    workers = [threading.Thread(target=lambda: [rates.add_error("m", "t") for _ in range(5000)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        found += sum(rate.errors for rate in rates.drain().values())
    found += sum(rate.errors for rate in rates.drain().values())

    assert 20_000 == found


def test_a_signal_handler_may_add_while_sums_are_made():
    rates = Rates(5)
    before = signal.signal(signal.SIGALRM, lambda *_: rates.add_error("m", "handler"))
    found = 0
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(300):
            rates.add_error("m", "t")
            found += sum(rate.errors for (_, tool), rate in rates.drain().items() if tool == "t")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert 300 == found


def test_the_garbage_collector_may_add():
    rates = Rates(5)

    class Span:
        def __del__(self) -> None:
            rates.add_duration("m", "t", seconds=1.0)

    span = Span()
    span.itself = span  # type: ignore[attr-defined]
    del span
    gc.collect()

    assert {("m", "t"): Rate(0, 0, (1.0,), 1)} == rates.drain()


FORK = """
import os
from aiprov_runtime._rates import Rates
rates = Rates(1)
rates.add_error("a", "t")
rates.drain()
rates.add_error("a", "t")
rates._draining.acquire()  # as another thread of the parent's may do
child = os.fork()
if child:
    rates._draining.release()
    os.waitpid(child, 0)
else:
    rates.forget()
    rates.add_error("a", "t")
    rates.add_error("b", "t")
print("parent" if child else "child", sorted((pair, rate.errors) for pair, rate in rates.drain().items()), flush=True)
"""


def test_a_forked_child_starts_empty_even_where_the_parent_was_draining():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60)

    assert ["child [(('a', 't'), 1), (('other', 'other'), 1)]", "parent [(('a', 't'), 1)]"] == done.stdout.splitlines()


def test_the_hosts_random_numbers_stay_theirs():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    rates = Rates(1)
    for _ in range(2000):
        rates.add_duration("m", "t", seconds=1.0)
    rates.drain()

    assert expected == random.random()
