"""What counts as one independent occurrence."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import duckdb
import pytest

from aiprov.events import Frame, Raised
from aiprov.triage import _units
from aiprov.triage._responsibility import Shape
from aiprov.triage._units import Served
from aiprov.triage._window import Window, Windows

NOON = datetime(2026, 11, 22, 12)  # noqa: DTZ001  # naive UTC, as in the table
WINDOWS = Windows(Window(NOON, NOON + timedelta(hours=1)), Window(NOON - timedelta(days=1), NOON))
COLUMNS = 'ts, stack, release, environment, host, "user", trace, manifest, weight'


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute("create table stacks(id ubigint, body varchar)")
        opened.execute(
            "create table events(ts timestamp, stack ubigint, release varchar, environment varchar, host varchar,"
            ' "user" varchar, trace varchar, manifest varchar, weight double)'
        )
        for number, name in enumerate("abc"):
            body = [{"type": "E", "relation": "top", "parent": None, "frames": [{"file": "m.py", "function": name}]}]
            opened.execute("insert into stacks values (?, ?)", [number, json.dumps(body)])
        yield opened


def count(connection, *events, environment=None):
    """Groups of events given as (seconds after noon, stack) and columns by name."""
    for seconds, stack, *columns in events:
        row = {"user": None, "host": "web", "trace": None, "release": "v1", "weight": None} | dict(*columns)
        at = NOON + timedelta(seconds=seconds)
        connection.execute(
            f"insert into events({COLUMNS}) values (?, ?, ?, 'production', ?, ?, ?, null, ?)",
            [at, stack, row["release"], row["host"], row["user"], row["trace"], row["weight"]],
        )
    releases = _units.served(connection, lambda release, manifest: Served(release, manifest, release))
    _units.resolve(connection, releases, shape)
    _units.count(connection, environment=environment)
    _units.side(connection, WINDOWS)
    return _units.groups(connection)


def shape(stack: tuple[Raised, ...], revision: str | None) -> Shape:
    (frame,) = stack[0].frames
    assert isinstance(frame, Frame)
    key = f"{'moved' if revision == 'v9' else 'm.py'}::{frame.function}"
    return Shape((stack[0].type, key), ((key, 1.0),))


def units(*args, **kwargs):
    return sum(group.units for group in count(*args, **kwargs))


def test_a_user_counts_once_in_a_minute(connection):
    assert units(connection, (1, 0, {"user": "u"}), (50, 0, {"user": "u"}), (61, 0, {"user": "u"})) == 2


def test_two_users_of_one_host_count_twice(connection):
    assert units(connection, (1, 0, {"user": "u"}), (2, 0, {"user": "v"})) == 2


def test_a_host_counts_where_no_user_is_known(connection):
    assert units(connection, (1, 0, {}), (2, 0, {"trace": "t"}), (3, 0, {"host": "db"})) == 2


def test_a_trace_never_counts_twice_however_often_it_retries(connection):
    retries = [(90 * n, 0, {"user": "u", "trace": "t"}) for n in range(10)]

    assert units(connection, *retries) == 1


def test_a_client_that_retries_under_new_traces_counts_once_a_minute(connection):
    retries = [(n, 0, {"user": "u", "trace": f"t{n}"}) for n in range(50)]

    assert units(connection, *retries) == 1


def test_a_trace_that_fails_in_two_ways_is_shared_by_both(connection):
    found = count(connection, (1, 0, {"user": "u", "trace": "t"}), (2, 1, {"user": "u", "trace": "t"}))

    assert [group.units for group in found] == [0.5, 0.5]


def test_a_trace_across_both_windows_belongs_to_the_first(connection):
    found = count(connection, (-1, 0, {"trace": "t"}), (1, 0, {"trace": "t"}))

    assert [(group.side, group.units) for group in found] == [(0, 1)]


def test_one_users_storm_is_worth_what_the_third_loudest_user_is(connection):
    storm = [(60 * n, 0, {"user": "storm"}) for n in range(40)]
    others = [(60 * n, 0, {"user": user}) for user, times in (("u", 3), ("v", 2), ("w", 1)) for n in range(times)]
    (group,) = count(connection, *storm, *others)

    assert group.units == 46
    assert group.evidence == pytest.approx(2 + 2 + 2 + 1)


def test_a_lone_user_is_worth_one(connection):
    (group,) = count(connection, *[(60 * n, 0, {"user": "storm"}) for n in range(40)])

    assert group.evidence == pytest.approx(1)


def test_the_only_host_is_not_taken_for_a_storm(connection):
    (group,) = count(connection, *[(60 * n, 0, {}) for n in range(40)])

    assert group.evidence == 40


def test_one_of_many_hosts_is_taken_for_a_storm(connection):
    elsewhere = [(-60 * n, 1, {"host": f"h{n}"}) for n in range(1, 4)]
    found = count(connection, *elsewhere, *[(60 * n, 0, {}) for n in range(40)])

    assert [group.evidence for group in found if group.units == 40] == pytest.approx([1])


def test_sampled_events_weigh_more_and_are_no_more_evidence(connection):
    (group,) = count(connection, (1, 0, {"user": "u", "weight": 4.0}), (2, 0, {"user": "v", "weight": 4.0}))

    assert (group.units, group.evidence, group.weighted) == (2, 2, 8)


def test_one_stack_at_two_releases_is_resolved_at_each(connection):
    found = count(connection, (1, 0, {"user": "u", "release": "v1"}), (1, 0, {"user": "u", "release": "v9"}))

    assert sorted(group.served for group in found) == [0, 1]
    assert len({group.shape for group in found}) == 2


def test_two_releases_within_a_minute_count_to_their_own(connection):
    found = count(connection, (1, 0, {"user": "u", "release": "v1"}), (2, 0, {"user": "u", "release": "v2"}))

    assert sorted((group.served, group.units) for group in found) == [(0, 1), (1, 1)]


def test_another_environment_is_left_out(connection):
    assert units(connection, (1, 0, {}), environment="staging") == 0
    assert units(connection, environment="production") == 1


def test_the_end_of_a_window_is_not_part_of_it(connection):
    assert units(connection, (3599, 0, {}), (3600, 0, {"host": "db"})) == 1


def test_events_without_a_time_are_in_no_window_of_time(connection):
    connection.execute(f"insert into events({COLUMNS}) values (null, 0, 'v1', null, 'web', null, null, null, null)")

    assert units(connection) == 0
