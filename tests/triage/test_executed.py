"""Functions that ran in the failing traces and had returned before the error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.incidents import Incident, Kind, Maker, load
from simulator.incidents import _time as time_of

from aiprov.events import _tables
from aiprov.triage import Spike, spike
from aiprov.triage._executed import MIN_FAILING, MIN_HEALTHY, Company, Part, Runs, distinct
from aiprov_runtime._tracking import MAX_FUNCTIONS


def company(failing: int, healthy: int, **functions: tuple[int, int]) -> Company:
    parts = {
        key: (Part(ran, ran / failing), Part(passed, passed / healthy if healthy else 1.0))
        for key, (ran, passed) in functions.items()
    }
    return Company(Runs(failing, failing), Runs(healthy, healthy), parts)


def test_one_that_ran_in_the_failing_traces_alone_is_told_by_fishers_exact_test():
    found = distinct(company(10, 20, f=(10, 2)))

    assert found == {"f": pytest.approx(66 / 30_045_015)}  # 12 over 10 of 30 over 10


CASES = {
    "all of either": (40, 200, (40, 200)),
    "most of either": (40, 200, (40, 150)),
    "just over half of the healthy": (40, 200, (40, 101)),
    "not nearly all of the failing": (40, 200, (35, 0)),
    "too few failing": (MIN_FAILING - 1, 200, (MIN_FAILING - 1, 0)),
    "too few healthy": (40, MIN_HEALTHY - 1, (40, 0)),
    "no healthy": (40, 0, (40, 0)),
    "none at all": (0, 0, None),
}


@pytest.mark.parametrize(("failing", "healthy", "ran"), CASES.values(), ids=CASES)
def test_nothing_tells(failing, healthy, ran):
    assert distinct(company(failing, healthy, **({} if ran is None else {"f": ran}))) == {}


def test_many_functions_cost_certainty():
    others = {f"g{n}": (MIN_FAILING // 2, 10) for n in range(2000)}

    alone = distinct(company(MIN_FAILING, MIN_HEALTHY, f=(MIN_FAILING, 9)))
    among = distinct(company(MIN_FAILING, MIN_HEALTHY, f=(MIN_FAILING, 9), **others))

    assert (set(alone), set(among)) == ({"f"}, set())


@given(failing=st.integers(0, 60), healthy=st.integers(1, 300), data=st.data())
def test_one_that_is_as_common_in_healthy_traces_never_tells(failing, healthy, data):
    share = data.draw(st.floats(0, 1))
    parts = (Part(0, share), Part(0, data.draw(st.floats(share, 1))))

    assert distinct(Company(Runs(failing, failing), Runs(healthy, healthy), {"f": parts})) == {} or share == 0


Run = tuple[object, ...]
COLUMNS = ("timestamp", *["varchar"] * 6, "boolean", "varchar[]", "double")
INSERT = f"insert into runs select {', '.join(f'unnest(${n}::{kind}[])' for n, kind in enumerate(COLUMNS, 1))}"
KIND = Kind(on_stack=False, users=True, storm=None, changed=0.0, units=(40, 50))


@dataclass(slots=True)
class Tracked:
    """An incident whose culprit is on no stack, and which functions of a model ran in its traces."""

    incident: Incident
    runs: list[Run] = field(default_factory=list)

    @property
    def culprit(self) -> str:
        return self.incident.truth[0]

    def fail(self, functions: Callable[[int], list[str]]) -> None:
        failing = {number for body, number in self.incident.bodies.items() if "KeyError" in body}
        rows = {row[5]: row for row in self.incident.rows if row[1] in failing}
        for number, (micros, _, release, host, user, trace) in enumerate(rows.values()):
            self.add((time_of(micros), release, host, user, trace), functions(number), failed=True)

    def pass_(self, count: int, functions: Callable[[int], list[str]], *, release: str = "r2", weight=1.0) -> None:
        since = self.incident.request.since
        for number in range(count):
            at = since + timedelta(seconds=number * 3600 / count)
            self.add((at, release, "host-1", None, f"healthy-{len(self.runs)}"), functions(number), weight=weight)

    def add(self, head: tuple[object, ...], executed: list[str], *, failed: bool = False, weight: float = 1.0) -> None:
        """`head`: time, release, host, user, trace."""
        self.runs.append((*head[:2], "production", *head[2:], None, failed, executed, weight))

    def answer(self) -> Spike:
        with duckdb.connect(config={"threads": 1}) as connection:
            _tables.create(connection)
            load(connection, self.incident)
            if self.runs:
                _tables.insert(connection, INSERT, self.runs)
            return spike(connection, codebase=self.incident.world, request=self.incident.request)

    def named(self) -> list[str]:
        return [one.function for one in self.answer().suspects]


@pytest.fixture(params=(500, 501, 502))
def tracked(request):
    return Tracked(Maker(KIND, request.param).make())


def others(tracked: Tracked, count: int) -> list[str]:
    """Functions by a model that are on no stack."""
    on_stack = " ".join(tracked.incident.bodies)
    world = tracked.incident.world
    free = [key for key in sorted(world.ai - set(tracked.incident.truth)) if f'"{key.split("::")[1]}"' not in on_stack]
    return free[:count]


def seldom(*keys: str) -> Callable[[int], list[str]]:
    return lambda number: [] if number % 20 else list(keys)


def always(*keys: str) -> Callable[[int], list[str]]:
    return lambda _: list(keys)


def test_one_that_ran_before_the_errors_and_seldom_else_is_possible(tracked):
    tracked.fail(always(tracked.culprit))
    tracked.pass_(200, seldom(tracked.culprit))
    found = tracked.answer()
    (suspect,) = found.suspects
    traces = sum(run[7] for run in tracked.runs)

    assert (suspect.function, suspect.tier, suspect.verdict) == (tracked.culprit, "executed", "possible")
    assert (suspect.ran.failing, suspect.ran.failing_traces) == (traces, traces)
    assert (suspect.ran.healthy, suspect.ran.healthy_traces, suspect.ran.healthy_share) == (10, 200, 0.05)
    assert (found.verdict, suspect.changed, suspect.linked) == ("possible", "changed", None)


def test_users_that_only_the_errors_name_are_users_too(tracked):
    tracked.fail(always(tracked.culprit))
    at = tracked.runs[0][0]
    tracked.runs = [(at, *run[1:3], "host-1", None, *run[5:]) for run in tracked.runs]
    tracked.pass_(200, seldom(tracked.culprit))

    assert tracked.named() == [tracked.culprit]


def test_without_any_trace_nothing_is_named(tracked):
    assert (tracked.named(), tracked.answer().verdict) == ([], "none")


def change(tracked: Tracked, *keys: str) -> None:
    world = tracked.incident.world
    world.changed[world.releases["r2"]] |= set(keys)
    world._regions.clear()


def unchange(tracked: Tracked) -> None:
    world = tracked.incident.world
    world.changed = {revision: set() for revision in world.changed}
    world._regions.clear()


def on_every_stack(tracked: Tracked) -> set[str]:
    """The innermost functions of the failing stacks."""
    world = tracked.incident.world
    by_name = {one.qualname: key for key, one in world.functions.items()}
    failing = [body for body in tracked.incident.bodies if "KeyError" in body]
    return {by_name[body.split('"function": "')[-2].split('"')[0]] for body in failing}


BREAKS: dict[str, Callable[[Tracked], None]] = {
    "its code did not change": unchange,
    "people wrote it": lambda one: one.incident.world.ai.discard(one.culprit),
    "nobody recorded who wrote it": lambda one: one.incident.world.recorded.discard(one.culprit),
    "changed code of a person is on the stacks": lambda one: [
        change(one, *on_every_stack(one)),
        one.incident.world.ai.difference_update(on_every_stack(one)),
    ],
    "the errors are as usual": lambda one: one.incident.rows.__setitem__(
        slice(None), [row for row in one.incident.rows if "KeyError" not in list(one.incident.bodies)[row[1]]]
    ),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_nothing_is_named_where(tracked, broken):
    tracked.fail(always(tracked.culprit))
    tracked.pass_(200, seldom(tracked.culprit))
    broken(tracked)

    assert [one.function for one in tracked.answer().suspects if one.tier == "executed"] == []


HEALTHY: dict[str, Callable[[Tracked], None]] = {
    "it runs in every healthy trace too": lambda one: one.pass_(200, always(one.culprit)),
    "too few healthy traces": lambda one: one.pass_(MIN_HEALTHY - 1, always()),
    "the healthy traces are of the release before": lambda one: one.pass_(200, always(), release="r1"),
    "the rarely sampled traces all ran it": lambda one: [
        one.pass_(200, always()),
        one.pass_(40, always(one.culprit), weight=100.0),
    ],
    "healthy traces may have run more than they note": lambda one: one.pass_(
        200, always(*[f"src/app/m0.py::other{n}" for n in range(MAX_FUNCTIONS)])
    ),
}


@pytest.mark.parametrize("healthy", HEALTHY.values(), ids=HEALTHY)
def test_nothing_is_named_as(tracked, healthy):
    tracked.fail(always(tracked.culprit))
    healthy(tracked)

    assert tracked.named() == []


def test_too_few_failing_traces_name_nothing(tracked):
    tracked.fail(always(tracked.culprit))
    tracked.runs = tracked.runs[: MIN_FAILING - 1]
    tracked.pass_(200, always())

    assert tracked.named() == []


def test_one_users_many_failures_are_few(tracked):
    at = tracked.incident.request.since
    for number in range(300):
        head = (at + timedelta(seconds=12 * number), "r2", "host-1", "loud", f"t{number}")
        tracked.add(head, [tracked.culprit], failed=True)
    tracked.pass_(200, always())

    assert tracked.named() == []


def test_a_trace_that_raised_the_error_is_failing_whatever_its_end_says(tracked):
    tracked.fail(always(tracked.culprit))
    traces = len(tracked.runs)
    tracked.runs = [(*run[:7], False, *run[8:]) for run in tracked.runs]
    tracked.pass_(200, seldom(tracked.culprit))
    (suspect,) = tracked.answer().suspects

    assert (suspect.ran.failing_traces, suspect.ran.healthy_traces) == (traces, 200)


def test_one_that_was_judged_on_the_stacks_is_not_judged_again():
    maker = Maker(replace(KIND, middleware=True), 500)
    tracked = Tracked(maker.make())
    on_all = maker.middleware[0]
    tracked.incident.world.ai.add(on_all)
    change(tracked, on_all)
    tracked.fail(always(tracked.culprit, on_all))
    tracked.pass_(200, seldom(tracked.culprit, on_all))

    assert tracked.named() == []


def test_failures_of_another_kind_do_not_hide_it(tracked):
    tracked.fail(always(tracked.culprit))
    tracked.pass_(200, seldom(tracked.culprit))
    usual = [row for row in tracked.incident.rows if "ValueError" in list(tracked.incident.bodies)[row[1]]]
    for number, row in enumerate(usual[:40]):  # they get a trace of their own, inside the incident
        at = tracked.incident.request.since + timedelta(seconds=number)
        tracked.add((at, "r2", row[3], f"other-{number}", row[5]), [], failed=True)

    assert tracked.named() == [tracked.culprit]


def test_those_that_always_run_together_are_all_named(tracked):
    keys = [tracked.culprit, *others(tracked, 2)]
    change(tracked, *keys)
    tracked.fail(always(*keys))
    tracked.pass_(200, seldom(*keys))

    assert sorted(tracked.named()) == sorted(keys)


def test_too_many_that_always_run_together_name_none(tracked):
    keys = [tracked.culprit, *others(tracked, 5)]
    change(tracked, *keys)
    tracked.fail(always(*keys))
    tracked.pass_(200, seldom(*keys))

    assert (len(keys), tracked.named()) == (6, [])


def test_an_unchanged_one_that_runs_with_it_is_not_named(tracked):
    keys = [tracked.culprit, *others(tracked, 1)]
    tracked.fail(always(*keys))
    tracked.pass_(200, seldom(*keys))

    assert tracked.named() == [tracked.culprit]


def test_a_trace_through_several_services_is_one(tracked):
    tracked.fail(always())
    tracked.runs += [(*run[:3], "host-9", None, run[5], None, False, [tracked.culprit], 1.0) for run in tracked.runs]
    failing = len(tracked.runs) // 2
    tracked.pass_(200, seldom(tracked.culprit))
    (suspect,) = tracked.answer().suspects

    assert (suspect.ran.failing, suspect.ran.failing_traces) == (failing, failing)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), times=st.integers(1, 4), trace=st.booleans())
def test_healthy_traces_in_another_order_or_written_twice_change_nothing(seed, times, trace):
    tracked = Tracked(Maker(KIND, 500).make())
    tracked.fail(always(tracked.culprit))
    tracked.pass_(200, seldom(tracked.culprit))
    failing, healthy = [run for run in tracked.runs if run[7]], [run for run in tracked.runs if not run[7]]
    if not trace:
        healthy = [(*run[:5], None, *run[6:]) for run in healthy]
    before = replace(tracked, runs=failing + healthy).answer()
    changed = failing + healthy * times
    Random(seed).shuffle(changed)

    assert replace(tracked, runs=changed).answer() == before
    assert [one.function for one in before.suspects] == [tracked.culprit]
