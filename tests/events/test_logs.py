"""Tracebacks in real log layouts: prefixes, several writers at once, times, and damage."""

from __future__ import annotations

import datetime as dt
import json
import os

import pytest
from events.reading import read_source, scan
from hypothesis import given, settings
from hypothesis import strategies as st

from aiprov.errors import UsageError
from aiprov.events._model import Frame, Raised


def trace(name: str, error: str = "ValueError: bad") -> list[str]:
    return [
        "Traceback (most recent call last):",
        f'  File "/app/{name}.py", line 3, in outer',
        "    inner()",
        "    ~~~~~^^",
        f'  File "/app/{name}.py", line 7, in inner',
        error,
    ]


def raised(name: str, error: str = "builtins.ValueError") -> tuple[Raised, ...]:
    frames = (Frame(f"/app/{name}.py", 3, "outer"), Frame(f"/app/{name}.py", 7, "inner"))
    return (Raised(error, frames=frames),)


def chained(name: str) -> list[str]:
    link = "The above exception was the direct cause of the following exception:"
    return [*trace(name, "KeyError: 1"), "", link, "", *trace(name)]


GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/a.py", line 3, in outer
  |     inner()
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/a.py", line 7, in inner
    | ValueError: bad
    +---------------- 2 ----------------
    | KeyError: 'never raised'
    +------------------------------------""".splitlines()
GROUP_RAISED = (
    Raised("builtins.ExceptionGroup", frames=(Frame("/app/a.py", 3, "outer"),)),
    Raised("builtins.ValueError", "member", 0, (Frame("/app/a.py", 7, "inner"),)),
    Raised("builtins.KeyError", "member", 0),
)
CHAIN_RAISED = (raised("a")[0], Raised("builtins.KeyError", "cause", 0, raised("a")[0].frames))
MOMENT = dt.datetime.fromisoformat("2026-11-22 10:11:12")


def at(micros: int = 0, hours: int = 0) -> dt.datetime:
    return MOMENT + dt.timedelta(microseconds=micros, hours=hours)


def prefixed(prefix: str, lines: list[str]) -> str:
    return "".join(f"{prefix}{line}\n" for line in lines)


EACH_LINE = {
    "cri": ("2026-11-22T10:11:12.123456789Z stderr F ", at(123456), None),
    "cri with an offset": ("2026-11-22T12:11:12.5+02:00 stdout F ", at(500000), None),
    "compose": ("web-1  | ", None, "web-1"),
    "compose with times": ("web-1  | 2026-11-22T10:11:12.123456789Z ", at(123456), "web-1"),
    "docker with times": ("2026-11-22T10:11:12.123456789Z ", at(123456), None),
    "kubectl": ("[pod/web-7d4b9/app] ", None, "pod/web-7d4b9/app"),
    "kubectl with times": ("[pod/web-7d4b9/app] 2026-11-22T10:11:12Z ", at(), "pod/web-7d4b9/app"),
    "journald": ("Nov 22 10:11:12 box-3 shop[123]: ", at(), "box-3"),
    "journald, iso times": ("2026-11-22T11:11:12+0100 box-3 shop[123]: ", at(), "box-3"),
    "syslog without a process": ("Nov 22 10:11:12 box-3 shop: ", at(), "box-3"),
    "syslog, rfc 5424": ("<165>1 2026-11-22T10:11:12.003Z box-3 shop 123 ID47 - ", at(3000), "box-3"),
    "heroku": ("2026-11-22T10:11:12.123456+00:00 app[web.1]: ", at(123456), None),
    "a record's own prefix": ("2026-11-22 10:11:12,123 [77] ERROR shop.views: ", at(123000), None),
    "a record's own prefix, bracketed": ("[2026-11-22 10:11:12 +0000] [77] [ERROR] ", at(), None),
    "an unknown prefix": ("worker#3 ~ ", None, None),
    "indentation": ("      ", None, None),
    "colour": ("\x1b[36mweb-1  |\x1b[0m ", None, "web-1"),
    "none": ("", None, None),
}


@pytest.mark.parametrize(
    ("lines", "expected"), [(trace("a"), raised("a")), (chained("a"), CHAIN_RAISED), (GROUP, GROUP_RAISED)]
)
@pytest.mark.parametrize(("prefix", "ts", "host"), EACH_LINE.values(), ids=EACH_LINE)
def test_a_prefix_on_each_line_is_taken_off_and_read(read, prefix, ts, host, lines, expected):
    found = read(prefixed(prefix, lines))

    assert [(e.stack, e.ts, e.host) for e in found.events] == [(expected, ts, host)]


BEFORE = {
    "logging": ("2026-11-22 10:11:12,123 ERROR [77] shop: boom", at(123000)),
    "a message of several lines": ("2026-11-22 10:11:12,123 ERROR boom\nmore\nand more", at(123000)),
    "gunicorn": ("[2026-11-22 10:11:12 +0200] [77] [ERROR] Error handling request /", at(hours=-2)),
    "django": ("ERROR 2026-11-22 10:11:12,123 views 77 1234 Internal Server Error: /", at(123000)),
    "an access log": ('10.0.0.1 - - [22/Nov/2026:10:11:12 +0000] "GET / HTTP/1.1" 500 12', at()),
    "slashes": ("2026/11/22 10:11:12 [error] boom", at()),
    "no time at all": ("ERROR:shop:boom", None),
    "a date that does not exist": ("2026-02-31 10:11:12 boom", None),
}


@pytest.mark.parametrize(("before", "ts"), BEFORE.values(), ids=BEFORE)
def test_the_time_is_the_nearest_before_a_bare_traceback(read, before, ts):
    found = read("\n".join([before, *trace("a"), "INFO:shop:next", ""]))

    assert [(e.stack, e.ts) for e in found.events] == [(raised("a"), ts)]


def test_header_with_a_prefix_and_bare_lines_after_it(read):
    first, *rest = trace("a")
    found = read("\n".join([f"2026-11-22 10:11:12,123 [77] ERROR {first}", *rest, ""]))

    assert [(e.stack, e.ts) for e in found.events] == [(raised("a"), at(123000))]


def test_a_time_without_a_year_is_the_last_such_day_before_the_file_was_written(tmp_path):
    path = tmp_path / "syslog"
    path.write_text(prefixed("Dec 31 23:59:59 box shop[1]: ", trace("a")))
    os.utime(path, (written := dt.datetime(2026, 1, 1, 0, 5, tzinfo=dt.UTC).timestamp(), written))

    assert [e.ts for e in read_source(str(path)).events] == [dt.datetime.fromisoformat("2025-12-31 23:59:59")]


def test_unknown_times_and_zones_are_told(read):
    found = read("\n".join([*trace("a"), "2026-11-22 10:11:12 boom", *trace("b"), ""]))

    assert found.loaded.problems == ("1 tracebacks without a time before them", "1 times without a zone, read as UTC")


def test_equal_stacks_are_one_stack_with_many_events(read):
    record = ["2026-11-22 10:11:12 boom", *trace("a")]
    found = read("\n".join([*record * 3, *trace("b"), ""]))

    assert (found.loaded.events, found.stacks) == (4, 2)


def interleaved(draw, writers: list[list[str]]) -> list[str]:
    left = [list(lines) for lines in writers]
    mixed = []
    while any(left):
        mixed.append(draw(st.sampled_from([lines for lines in left if lines])).pop(0))
    return mixed


WRITERS = [
    ("web-1  | ", "web-2  | "),
    ("2026-11-22T10:11:12.1Z stderr F ", "Nov 22 10:11:12 box shop[9]: "),
    ("Nov 22 10:11:12 box shop[8]: ", "Nov 22 10:11:12 box shop[9]: "),
    ("2026-11-22 10:11:12,123 [77] ERROR ", "2026-11-22 10:11:12,123 [78] ERROR "),
    ("", "worker-2: "),
    ("", "web-1  | "),
]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), prefixes=st.sampled_from(WRITERS))
def test_writers_told_apart_by_their_prefix_do_not_mix(data, prefixes):
    one, two = prefixes
    texts = [[one + line for line in [*chained("a"), "next"]], [two + line for line in [*GROUP, "next"]]]
    found = scan("\n".join(interleaved(data.draw, texts)) + "\n")

    assert {each.stack for each in found} == {CHAIN_RAISED, GROUP_RAISED}


def test_other_lines_between_those_of_a_bare_traceback_end_its_chain(read):
    noise = "2026-11-22 10:11:13,000 INFO other: fine"
    found = read("\n".join(part for line in chained("a") for part in (line, noise, "INFO: fine")) + "\n")

    assert {e.stack for e in found.events} == {raised("a", "builtins.KeyError"), raised("a")}


def docker(line: str, **more: object) -> str:
    return json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-11-22T10:11:12.123456789Z", **more}) + "\n"


@pytest.mark.parametrize(("lines", "expected"), [(chained("a"), CHAIN_RAISED), (GROUP, GROUP_RAISED)])
def test_docker_json_lines(read, lines, expected):
    found = read("".join(docker(line) for line in [*lines, "next"]))

    assert [(e.stack, e.ts) for e in found.events] == [(expected, at(123456))]


def test_json_lines_whose_line_ends_were_taken_off(read):
    found = read("".join(docker(line).replace("\\n", "") for line in [*chained("a"), "next"]))

    assert found.stack == CHAIN_RAISED


def test_a_long_line_that_docker_split_is_one_line(read):
    start, rest = "    source" + "x" * 16374, "Error: no exception"
    lines = [docker(line) for line in trace("a")]
    lines[2:3] = [docker(start).replace("\\n", ""), docker(rest)]

    assert read("".join(lines)).stack == raised("a")


RECORDS = {
    "loguru": {"text": "boom\nTRACE", "record": {"exception": {"type": "x"}, "time": {"repr": "2026-11-22 10:11:12"}}},
    "numbers beyond reason": {"time": "2026-11-22T10:11:12Z", "pid": 10**400, "ts": 1e300, "message": "TRACE"},
    "structlog": {"event": "boom", "timestamp": "2026-11-22T10:11:12Z", "exception": "TRACE"},
    "json-logger": {"message": "boom", "asctime": "2026-11-22 10:11:12,000", "exc_info": "TRACE"},
    "ecs": {"@timestamp": "2026-11-22T10:11:12.000Z", "message": "boom", "error": {"stack_trace": "TRACE"}},
    "seconds": {"ts": 1795342272.0, "msg": "boom\nTRACE"},
    "journald": {"__REALTIME_TIMESTAMP": "1795342272000000", "MESSAGE": "TRACE", "_PID": "3"},
    "a time beyond reason": {"ts": 10**400, "at": "2026-11-22T10:11:12Z", "message": "TRACE"},
    "twice": {"time": "2026-11-22T10:11:12Z", "message": "boom\nTRACE", "exc_info": "TRACE"},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_one_json_record_with_a_whole_traceback(read, record):
    line = json.dumps(record).replace("TRACE", json.dumps("\n".join(chained("a")))[1:-1])
    found = read(line + "\n")

    assert [(e.stack, e.ts) for e in found.events] == [(CHAIN_RAISED, at())]


@pytest.mark.parametrize("escape", ["\\n", "#012"])
def test_a_traceback_escaped_into_one_line(read, escape):
    text = escape.join(chained("a")).replace('"', '\\"')
    found = read(f'time="2026-11-22T10:11:12Z" level=error err="{text}"\n')

    assert [(e.stack, e.ts) for e in found.events] == [(CHAIN_RAISED, at())]


def test_partial_lines_of_a_container_are_put_together(read):
    start = "2026-11-22T10:11:12.1Z stderr"
    lines = [f"{start} F {line}" for line in trace("a")[:-1]] + [f"{start} P Value", f"{start} F Error: bad"]
    found = read("\n".join(lines) + "\n")

    assert found.stack == raised("a")


def test_a_traceback_within_the_message_of_a_remote_error_is_its_cause(read):
    remote = ["concurrent.futures.process._RemoteTraceback: ", '"""', *trace("a", "KeyError: 1"), '"""']
    found = read("\n".join([*remote, *chained("a")[6:], ""]))

    assert found.stack == CHAIN_RAISED


def test_a_traceback_that_is_cut_short_is_skipped_and_named(read):
    found = read("\n".join(["start", *trace("a")[:3], *trace("b"), ""]))

    assert [e.stack for e in found.events] == [raised("b")]
    assert found.loaded.skipped == 1
    assert found.loaded.problems[0] == "line 2: a traceback that is cut short"


@pytest.mark.parametrize(
    "text",
    [
        "nothing here\n",
        "\x00\x01\x02",
        "Traceback (most recent call last):\n",
        "Traceback (most recent call last):\nValueError\n",
    ],
)
def test_a_log_without_a_usable_traceback_is_a_usage_error(read, text):
    with pytest.raises(UsageError, match="no error event found"):
        read(text)


HOSTILE = {
    "a long line": b"x" * 10_000_000,
    "a long line of the traceback": b"    " + b"x" * 10_000_000,
    "a long name": b'  File "' + b"f" * 5_000_000 + b'", line 3, in g',
    "no utf-8": b"\xfe\x80\xff",
    "nul": b"\x00" * 100,
    "a huge line number": b'  File "f", line ' + b"9" * 10_000 + b", in g",
    "a huge repeat": b"  [Previous line repeated " + b"9" * 10_000 + b" more times]",
    "other digits": '  File "f", line \u0664\u00b2, in g'.encode(),
    "a carriage return": b"    source\r",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_hostile_lines_leave_the_next_traceback_whole(read, line):
    inside = [part.encode() for part in trace("a")]
    inside.insert(2, line)
    found = read(b"\n".join([line, *inside, line, *(part.encode() for part in trace("b")), b""]))

    assert raised("b") in [e.stack for e in found.events]
    assert len(found.events) == 2


LINES = [*chained("a"), *GROUP, "{", '{"log": "', "web-1  | ", "\x1b[31m", "2026-11-22 10:11:12 ", "", "\x00", "  | "]


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.sampled_from(LINES) | st.text(max_size=5), max_size=60))
def test_no_mixture_of_lines_hides_a_whole_traceback_after_it(pieces):
    found = scan("\n".join([*pieces, "", "2026-11-22 10:11:12 next", *trace("z"), ""]))

    assert found[-1].stack is not None
    assert found[-1].stack[0] == raised("z")[0]
