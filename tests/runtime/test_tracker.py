"""The tracker beside a stand-in for `sys.monitoring`, on every Python; and what it writes to the local sink."""

from __future__ import annotations

import json
import sys
import types
from collections import Counter
from contextvars import copy_context
from pathlib import Path

import pytest
from runtime._app import GENERATION, OTHER, ai, human, index, raised, run, write

from aiprov_runtime import _reports, _runtime
from aiprov_runtime._manifest import Record
from aiprov_runtime._settings import resolve
from aiprov_runtime._sink import Sink
from aiprov_runtime._tracking import Bag, Trace, Tracker, bag_of, begin, current, executed, unavailable

SOURCE = "def parse(): return lambda: 1\ndef other(): pass\ndef person(): pass\nclass Shop: pass\n"
RECORDS = {"parse": ai(), "other": Record("mixed", OTHER.id), "person": human(), "Shop": ai(), "<module>": ai()}
CLOCK = 1_795_000_000.0
PY_START = 1


class Interpreter:
    """`sys.monitoring` as far as it is used."""

    DISABLE = object()
    events = types.SimpleNamespace(PY_START=PY_START)

    def __init__(self, *taken: int) -> None:
        self.tools = {tool: f"tool {tool}" for tool in taken}
        self.on: dict[int, int] = {}
        self.callback = None
        self.local: list[tuple[str, int, int]] = []

    def get_tool(self, tool):
        return self.tools.get(tool)

    def use_tool_id(self, tool, name):
        self.tools[tool] = name

    def free_tool_id(self, tool):
        del self.tools[tool]

    def register_callback(self, tool, event, callback):
        assert (tool in self.tools, event) == (True, PY_START)
        self.callback = callback

    def set_events(self, tool, events):
        self.on[tool] = events

    def set_local_events(self, tool, code, events):
        self.local.append((code.co_name, self.on[tool], events))


@pytest.fixture
def shop(tmp_path: Path):
    write(tmp_path / "shop.py", SOURCE)
    return run(tmp_path / "shop.py")


@pytest.fixture
def interpreter() -> Interpreter:
    return Interpreter()


@pytest.fixture
def tracker(interpreter: Interpreter, tmp_path: Path) -> Tracker:
    tracker = Tracker(monitoring=interpreter, clock=lambda: CLOCK)
    tracker.start(index({"shop.py": RECORDS}, OTHER, root=tmp_path))
    return tracker


def begun(write=lambda *_: None, trace: str | None = None) -> Trace:
    return begin(trace, write)


def alone(test):
    """In a context of its own, as the trace is kept there."""
    return copy_context().run(test)


def test_functions_of_models_are_counted_and_others_switched_off(shop, interpreter, tracker):
    codes = {
        "parse": shop.parse.__code__,
        "lambda": shop.parse().__code__,
        "other": shop.other.__code__,
        "person": shop.person.__code__,
        "module": compile(SOURCE, shop.parse.__code__.co_filename, "exec"),
        "library": json.dumps.__code__,
    }
    answers = {name: [interpreter.callback(code, 0) for _ in range(2)] for name, code in codes.items()}

    off = [Interpreter.DISABLE] * 2
    on = [None, None]
    assert answers == {"parse": on, "lambda": on, "other": on, "person": off, "module": off, "library": off}
    assert tracker.calls() == {(GENERATION.model, "claude-code"): 2, ("", "cursor"): 2}
    assert dict(tracker.report()) == {"shop.py::parse": 2, "shop.py::other": 2}
    interpreter.callback(shop.parse.__code__, 0)
    assert (dict(tracker.report()), dict(tracker.report())) == ({"shop.py::parse": 1}, {})


def test_what_ran_is_in_the_bag_of_the_context(shop, interpreter, tracker):
    def test():
        trace = begun()
        for function in (shop.other, shop.parse, shop.other, shop.parse()):
            interpreter.callback(function.__code__, 0)
        assert executed() == trace.executed == ("shop.py::other", "shop.py::parse")
        trace.finish(failed=False)
        interpreter.callback(shop.parse.__code__, 0)
        return executed(), trace.executed

    assert alone(test) == ((), ("shop.py::other", "shop.py::parse"))
    assert tracker.reason == ""


def test_another_index_switches_on_what_was_passed_over(shop, interpreter, tracker, tmp_path):
    for function in (shop.person, shop.parse, json.dumps):
        interpreter.callback(function.__code__, 0)
    tracker.start(index({"shop.py": {"person": ai()}}, root=tmp_path))

    assert interpreter.local == [("person", 0, PY_START), ("person", 0, 0)]
    assert interpreter.on == {5: PY_START}
    assert interpreter.callback(shop.person.__code__, 0) is None
    assert interpreter.callback(shop.parse.__code__, 0) is Interpreter.DISABLE


def test_code_that_is_gone_is_held_no_longer(tmp_path, interpreter, tracker):
    path = str(tmp_path / "shop.py")
    held = []
    for _ in range(3):
        code = next(c for c in compile(SOURCE, path, "exec").co_consts if getattr(c, "co_name", "") == "person")
        interpreter.callback(code, 0)
        held.append(len(tracker._passed))
        del code

    assert (held, tracker._passed) == ([1, 1, 1], {})


def test_a_stopped_tracker_leaves_nothing(interpreter, tracker):
    tracker.stop("enough")
    tracker.stop("enough")

    assert (tracker.tool, tracker.reason) == (None, "enough")
    assert (interpreter.tools, interpreter.on, interpreter.callback) == ({}, {5: 0}, None)


@pytest.mark.parametrize(
    ("taken", "tool", "reason"),
    [
        ((), 5, ""),
        ((5, 1), 4, ""),
        ((5, 4), 3, ""),
        ((3, 5, 4), None, "sys.monitoring's tool ids are taken: 5 (tool 5), 4 (tool 4), 3 (tool 3)"),
    ],
)
def test_the_tool_ids_of_others_are_theirs(tmp_path, taken, tool, reason):
    tracker = Tracker(monitoring=Interpreter(*taken))
    tracker.start(index({}, root=tmp_path))

    assert (tracker.tool, tracker.reason) == (tool, reason)


def test_without_monitoring_there_is_a_reason():
    assert unavailable(None) == "needs CPython 3.12 or newer"
    assert unavailable(Interpreter()) == ""


def test_a_child_starts_from_nothing_and_the_clock_says_when_to_report(shop, tmp_path):
    now = [CLOCK]
    interpreter = Interpreter()
    tracker = Tracker(monitoring=interpreter, clock=lambda: now[0])
    tracker.start(index({"shop.py": RECORDS}, root=tmp_path))
    interpreter.callback(shop.parse.__code__, 0)
    seen = [tracker.is_report_due()]
    now[0] += 60
    seen.append(tracker.is_report_due())
    report = tracker.report()
    assert (next(report), list(tracker.report())) == (("shop.py::parse", 1), [])  # one of two that read at once
    report.close()
    tracker._forget()
    interpreter.callback(shop.parse.__code__, 0)

    assert seen == [False, True]
    assert tracker.is_report_due() is False
    assert dict(tracker.report()) == {"shop.py::parse": 1}


def test_a_failure_passes_the_function_over_and_a_full_stack_asks_again(shop, tmp_path, swallowed):
    interpreter = Interpreter()
    broken = index({"shop.py": RECORDS}, root=tmp_path)
    Tracker(monitoring=interpreter).start(broken)

    def fail(error):
        def file(_):
            raise error

        return file

    broken.file = fail(RecursionError())
    assert interpreter.callback(shop.parse.__code__, 0) is None
    broken.file = fail(MemoryError())
    assert interpreter.callback(shop.parse.__code__, 0) is Interpreter.DISABLE
    assert [(place, type(error)) for place, error in swallowed] == [("track", MemoryError)]
    swallowed.clear()


def test_an_inner_trace_is_told_to_the_outer_one():
    written = []

    def test():
        outer = begun(lambda bag, names, failed: written.append((bag.trace, names, failed)), "a")
        inner = begun(lambda bag, names, failed: written.append((bag.trace, names, failed)), "b")
        same = begun(trace="b")
        current().functions["f"] = None
        same.finish(failed=True)
        assert same.executed == executed() == ("f",)
        inner.finish(failed=False)
        inner.finish(failed=True)
        assert executed() == outer.executed == ("f",)
        outer.finish(failed=True)
        return current()

    assert alone(test) is None
    assert written == [("b", ("f",), False), ("a", ("f",), True)]


def test_a_trace_that_ends_elsewhere_leaves_that_context_alone():
    def test():
        trace = begun()
        other = copy_context()
        seen = other.run(lambda: (begun(), trace.finish(failed=False), current())[2])
        return seen is not None, current()

    assert alone(test) == (True, None)


def test_a_write_that_fails_is_no_concern_of_the_host(swallowed):
    def fail(*_):
        raise OSError(28, "No space left on device")

    def test():
        begun(fail).finish(failed=True)
        return current()

    assert alone(test) is None
    assert [place for place, _ in swallowed] == ["trace"]
    swallowed.clear()


def test_traces_that_nobody_finishes_do_not_pile_up():
    def depth(bag):
        return 0 if bag is None else 1 + depth(bag.outer)

    def test():
        for _ in range(100):
            begun()
            yield depth(current())

    assert max(alone(lambda: list(test()))) == 8


def test_an_error_that_has_left_its_trace_is_known_again():
    def work(error):
        trace = begun(trace="t")
        try:
            current().functions["f"] = None
            raise error
        except ValueError as seen:
            trace.left_by(seen)
            raise
        finally:
            trace.finish(failed=True)

    def wrapped(error):
        try:
            work(error)
        except ValueError as seen:
            raise KeyError from seen

    def test():
        error = raised(work, ValueError())
        seen = [executed(error), bag_of(error).trace, executed(ValueError()), executed(), bag_of(KeyError())]
        seen.append(executed(raised(wrapped, ValueError())))
        begun().finish(failed=False)
        return [*seen, executed(error)]

    assert alone(test) == [("f",), "t", (), (), None, ("f",), ()]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def runtime(tmp_path: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch):
    """What `init` leaves in a process that tracks and has a sink; a share of healthy traces may be set."""
    sink = Sink(str(tmp_path / "sink"), 10**6, 1, "shop@1", "test", clock=lambda: CLOCK)

    def set_up(share: float):
        settings = resolve({"track": True, "track_sample": share}, {})[0]
        found = _runtime.Runtime(settings, None, None, "", sink, None, None, tracker=tracker)
        monkeypatch.setattr(_runtime, "_active", found)  # the one place that a process keeps it

    return set_up


def test_a_failed_trace_is_always_written(runtime, tmp_path):
    runtime(0.0)
    bag = Bag("t" * 100)
    bag.user = "2d711642b726b044"
    _runtime._finish_trace(bag, ("shop.py::parse", "shop.py::\ud800"), failed=True)
    _runtime._finish_trace(Bag(None), (), failed=False)

    (line,) = lines(tmp_path / "sink")
    assert (line.pop("host"), line.pop("pid")) != ("", 0)
    assert line == {
        "schema": "aiprov.trace/1",
        "timestamp": "2026-11-18T11:06:40.000000Z",
        "release": "shop@1",
        "environment": "test",
        "trace": "t" * 64,
        "user": "2d711642b726b044",
        "manifest": None,
        "failed": True,
        "executed": ["shop.py::parse", "shop.py::?"],
        "weight": 1.0,
    }


def test_every_service_keeps_the_same_healthy_traces(runtime, tmp_path):
    runtime(0.25)
    for _ in range(2):
        for number in range(1000):
            _runtime._finish_trace(Bag(f"{number:032x}"), (), failed=False)
    written = lines(tmp_path / "sink")

    assert {line["weight"] for line in written} == {4.0}
    assert set(Counter(line["trace"] for line in written).values()) == {2}
    assert 200 < len(written) / 2 < 300


def test_traces_without_an_id_are_sampled_as_well(runtime, tmp_path):
    runtime(0.5)
    for _ in range(400):
        _runtime._finish_trace(Bag(None), (), failed=False)

    assert 120 < len(lines(tmp_path / "sink")) < 280


def test_calls_are_written_as_they_were_added(runtime, shop, interpreter, tmp_path):
    runtime(0.0)
    interpreter.callback(shop.parse.__code__, 0)
    _runtime._report_calls()
    _runtime._report_calls()
    interpreter.callback(shop.parse.__code__, 0)
    interpreter.callback(shop.other.__code__, 0)
    _runtime._report_calls()

    assert [line["calls"] for line in lines(tmp_path / "sink")] == [
        {"shop.py::parse": 1},
        {"shop.py::parse": 1, "shop.py::other": 1},
    ]


def test_calls_of_many_functions_are_several_lines(tmp_path):
    sink = Sink(str(tmp_path / "sink"), 10**6, 1)
    sink.calls([(f"f{number}", number) for number in range(1, 2502)], manifest="0" * 12)

    written = lines(tmp_path / "sink")
    assert [len(line["calls"]) for line in written] == [1000, 1000, 501]
    assert sum(sum(line["calls"].values()) for line in written) == sum(range(1, 2502))


def test_an_error_and_its_trace_know_of_each_other(runtime, tmp_path):
    runtime(0.0)

    def test():
        trace = begun(_runtime._finish_trace, "t1")
        current().functions["shop.py::parse"] = None
        assert _reports._note_trace(ValueError(), None, "u1") == "t1"
        _runtime.capture(ValueError())
        trace.finish(failed=True)
        assert _reports._note_trace(ValueError(), "t2", None) == "t2"
        return _runtime.begin_trace() is None

    assert alone(test) is False
    event, ended = lines(tmp_path / "sink")
    assert (event["trace"], event["executed"]) == ("t1", [])
    assert (ended["trace"], ended["user"], ended["executed"]) == ("t1", "u1", ["shop.py::parse"])


def test_the_state_is_said(runtime, tracker):
    runtime(0.0)
    states = [_runtime.status().tracking]
    tracker.stop("enough")
    states.append(_runtime.status().tracking)

    assert states == ["on, as sys.monitoring's tool 5", "off: enough"]
    assert _runtime.begin_trace() is None
    assert _runtime.calls() == {}


def test_the_stand_in_has_what_the_real_one_has():
    real = getattr(sys, "monitoring", None)
    used = [name for name in dir(Interpreter) if not name.startswith("_")]

    assert real is None or all(hasattr(real, name) for name in used)
