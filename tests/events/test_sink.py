"""The local sink's lines, with the files rotated away beside them."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from events.reading import Event, read_source
from hypothesis import given, settings
from hypothesis import strategies as st

from aiprov.errors import UsageError
from aiprov.events import Frame, Raised

FRAMES = [{"file": "/app/shop.py", "line": 12, "function": "Cart.total", "app": True}]
STACK = (
    Raised("shop.CartError", frames=(Frame("/app/shop.py", 12, "Cart.total", app=True),)),
    Raised("builtins.KeyError", "cause", 0, (Frame("/app/shop.py", 12, "Cart.total", app=True),)),
)
EVENT = {
    "schema": "aiprov.event/1",
    "timestamp": "2026-11-22T10:11:12.123456Z",
    "release": "shop@1",
    "environment": "production",
    "host": "web-1",
    "pid": 7,
    "thread": 8,
    "trace": "0af7651916cd43dd8448eb211c80319c",
    "user": "2d711642b726b044",
    "manifest": "0123456789ab",
    "exceptions": [
        {"type": "shop.CartError", "relation": "top", "parent": None, "frames": FRAMES},
        {"type": "builtins.KeyError", "relation": "cause", "parent": 0, "frames": FRAMES},
    ],
    "aiprov": {"aiprov.origin": "ai"},
}
MOMENT = dt.datetime.fromisoformat("2026-11-22 10:11:12.123456")
EXPECTED = Event(
    MOMENT, STACK, "shop@1", "production", "web-1", "2d711642b726b044", EVENT["trace"], "0123456789ab", 1.0
)


def line(**changed: object) -> str:
    return json.dumps(EVENT | changed) + "\n"


def test_an_event_comes_back_as_it_was_written(read):
    found = read(line())

    assert found.events == [EXPECTED]
    assert (found.loaded.format, found.loaded.events, found.loaded.skipped) == ("aiprov events", 1, 0)


def test_equal_stacks_are_one_stack_with_many_events(read):
    found = read(line() * 5 + line(exceptions=EVENT["exceptions"][:1]) * 2)

    assert (found.loaded.events, found.stacks) == (7, 2)


def test_unknown_fields_stay_unknown(read):
    names = ("timestamp", "release", "environment", "host", "trace", "user", "manifest")
    found = read(line(**dict.fromkeys(names)))

    assert found.events == [Event(None, STACK, None, None, None, None, None, None, 1.0)]


DAMAGE = {
    "cut short": line()[:-30],
    "cut short at the start": line()[20:].rstrip("\n"),
    "garbage": "garbage",
    "nul": "\x00\x00\x00",
    "an array": "[1, 2]",
    "nested without end": '{"schema":"aiprov.event/1","exceptions":' + "[" * 100_000,
    "nested deep": '{"schema":"aiprov.event/1","exceptions":' + "[" * 100_000 + "]" * 100_000 + "}",
    "very long": '{"schema":"' + "x" * 40_000_000 + '"}',
    "another schema": line(schema="aiprov.event/9").strip(),
    "no stack": line(exceptions=[]).strip(),
    "no frames": line(exceptions=[EVENT["exceptions"][0] | {"frames": []}]).strip(),
    "a parent that comes later": line(exceptions=[EVENT["exceptions"][0] | {"parent": 1}]).strip(),
    "two that surfaced": line(exceptions=[EVENT["exceptions"][0]] * 2).strip(),
    "frames of another type": line(exceptions=[EVENT["exceptions"][0] | {"frames": "x"}]).strip(),
    "a huge line number": line(
        exceptions=[EVENT["exceptions"][0] | {"frames": [FRAMES[0] | {"line": 10**400}]}]
    ).strip(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_line_is_skipped_and_the_others_are_read(read, damage):
    found = read(f"{line()}{damage}\n{line()}")

    assert found.events == [EXPECTED, EXPECTED]
    assert found.loaded.skipped == 1
    assert len(found.loaded.problems) == 1


def test_damage_is_named_by_file_and_line(read):
    found = read(line() + "garbage\n" + line() + line()[:40], name="a\x1b[31m.jsonl")

    assert found.loaded.problems == (
        "a\\u001b[31m.jsonl line 2: cut short, or no JSON object",
        "a\\u001b[31m.jsonl line 4: cut short, or no JSON object",
    )


@pytest.mark.parametrize("content", [b"\xff" * 10, b'{"schema":"aiprov.event/1","host":"\xff"}'])
def test_bytes_that_are_no_utf8_are_skipped(read, content):
    found = read(line().encode() + content + b"\n" + line().encode())

    assert (found.loaded.events, found.loaded.skipped) == (2, 1)


def test_our_own_failures_are_no_events(read):
    found = read(line() + json.dumps({"schema": "aiprov.failure/1", "place": "x"}) + "\n")

    assert (found.loaded.events, found.loaded.skipped) == (1, 0)


HEAD = {name: EVENT[name] for name in ("timestamp", "release", "environment", "host", "pid", "manifest")}
TRACE = {
    **HEAD,
    "schema": "aiprov.trace/1",
    "trace": EVENT["trace"],
    "user": EVENT["user"],
    "failed": True,
    "executed": ["shop.py::parse", "shop.py::Cart.total"],
    "weight": 1.0,
}
CALLS = {**HEAD, "schema": "aiprov.calls/1", "calls": {"shop.py::parse": 1200, "shop.py::Cart.total": 3}}
PLACE = ("shop@1", "production", "web-1")


def noted(content: dict[str, object], **changed: object) -> str:
    return json.dumps(content | changed) + "\n"


def test_traces_and_calls_are_no_errors_and_have_tables_of_their_own(read):
    healthy = noted(TRACE, failed=False, weight=100.0, executed=[], trace=None, user=None)
    found = read(noted(TRACE) + line() + noted(CALLS) + healthy + line())

    assert found.events == [EXPECTED, EXPECTED]
    assert (found.loaded.events, found.loaded.skipped, found.loaded.problems) == (2, 0, ())
    assert found.runs == [
        (MOMENT, *PLACE, EVENT["user"], EVENT["trace"], "0123456789ab", True, TRACE["executed"], 1.0),
        (MOMENT, *PLACE, None, None, "0123456789ab", False, [], 100.0),
    ]
    assert found.calls == [
        (MOMENT, *PLACE, "0123456789ab", "shop.py::Cart.total", 3),
        (MOMENT, *PLACE, "0123456789ab", "shop.py::parse", 1200),
    ]


def test_a_file_that_begins_with_many_traces_is_ours(read):
    found = read(noted(TRACE) * 2000 + line())

    assert (found.loaded.format, found.events, len(found.runs)) == ("aiprov events", [EXPECTED], 2000)


UNFIT = {
    "no lists": noted(TRACE, executed="shop.py::parse"),
    "nobody knows if it failed": noted(TRACE, failed=None),
    "another truth": noted(TRACE, failed="perhaps"),
    "no table": noted(CALLS, calls=[1, 2]),
    "no numbers": noted(CALLS, calls={"f": "many"}),
    "less than no calls": noted(CALLS, calls={"f": -1}),
    "no calls": noted(CALLS, calls=None),
    "very long": noted(CALLS, calls={"f" * 40_000_000: 1}),
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_a_damaged_trace_or_count_is_left_out(read, unfit):
    found = read(line() + unfit + noted(TRACE) + noted(CALLS))

    assert (len(found.events), len(found.runs), len(found.calls)) == (1, 1, 2)


def test_a_weight_that_no_sampling_has_is_put_right(read):
    found = read(line() + noted(TRACE, weight=-5) + noted(TRACE, weight="x") + noted(TRACE, weight=1e300))

    assert [row[-1] for row in found.runs] == [1.0, 1.0, 1_000_000.0]


def test_rotated_files_are_read_too(read, tmp_path):
    (tmp_path / "errors[1]*.jsonl.1").write_text(line(host="old"))
    (tmp_path / "errors[1]*.jsonl.12").write_text(line(host="older"))
    (tmp_path / "errors[1]*.jsonl.bak").write_text(line(host="other"))
    (tmp_path / "errors[1]zzz.jsonl").write_text(line(host="matches as a pattern"))
    found = read(line(), name="errors[1]*.jsonl")

    assert sorted(e.host for e in found.events) == ["old", "older", "web-1"]


TIMES = {
    "2026-11-22T10:11:12.123456Z": MOMENT,
    "2026-11-22T12:11:12.123456+02:00": MOMENT,
    "2026-11-22 10:11:12.123456": MOMENT,
    "2026-11-22T10:11:12.123456789Z": MOMENT,
    "infinity": None,
    "9999-12-31T00:00:00Z": None,
    "0001-01-01T00:00:00Z": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_times_are_utc_and_impossible_ones_unknown(read, text, expected):
    assert [e.ts for e in read(line(timestamp=text)).events] == [expected]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(changes=st.lists(st.dictionaries(st.sampled_from([*EVENT]), anything, max_size=4), min_size=1, max_size=30))
def test_any_value_in_any_field_leaves_the_others_readable(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("sink") / "events"
    path.write_text(line() + "".join(line(**change) for change in changes))
    loaded = read_source(str(path)).loaded

    assert loaded.events >= 1
    assert loaded.events + loaded.skipped == 1 + len(changes)


def test_a_file_with_no_usable_event_is_a_usage_error(read):
    with pytest.raises(
        UsageError, match=r"no error event found \(2 records: .*\)\. Formats read: aiprov events, Sentry"
    ):
        read(line(exceptions=[]) * 2)
