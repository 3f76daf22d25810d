"""Reading events in tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from aiprov.events import Loaded, Raised, decode_stack, load
from aiprov.events._prefix import Clock, split
from aiprov.events._scan import Found, Scanner


@dataclass(frozen=True)
class Event:
    ts: dt.datetime | None
    stack: tuple[Raised, ...]
    release: str | None
    environment: str | None
    host: str | None
    user: str | None
    trace: str | None
    manifest: str | None
    weight: float


@dataclass(frozen=True)
class Read:
    loaded: Loaded
    events: list[Event]
    stacks: int
    runs: list[tuple[object, ...]]
    calls: list[tuple[object, ...]]

    @property
    def stack(self) -> tuple[Raised, ...]:
        assert len(self.events) == 1
        return self.events[0].stack


def read_source(source: str) -> Read:
    connection = duckdb.connect()
    try:
        loaded = load(source, connection)
        bodies = connection.execute("select id, body from stacks").fetchall()
        stacks = {key: decode_stack(body) for key, body in bodies}
        rows = connection.execute("select * from events order by ts nulls last, stack, host").fetchall()
        events = [Event(row[0], stacks[row[1]], *row[2:]) for row in rows]
        assert connection.execute("show tables").fetchall() == [("calls",), ("events",), ("runs",), ("stacks",)]
        runs = connection.execute("select * from runs order by weight").fetchall()
        calls = connection.execute("select * from calls order by function").fetchall()
        return Read(loaded, events, len(bodies), runs, calls)
    finally:
        connection.close()


def scan(text: str) -> list[Found]:
    """What the scanner of logs finds when it is given every line."""
    found: list[Found] = []
    scanner = Scanner(found.append)
    clock = Clock(dt.datetime(2026, 11, 22, tzinfo=dt.UTC))
    for number, line in enumerate(text.split("\n"), start=1):
        scanner.feed(split(line, clock), number=number)
    scanner.finish()
    return found
