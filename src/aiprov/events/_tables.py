"""The tables that triage reads: two that every source fills, two that only our own sink can."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from aiprov.events._model import Raised, encode_stack

SCHEMA = """
create table stacks(id ubigint, body varchar);
create table events(ts timestamp, stack ubigint, release varchar, environment varchar, host varchar, "user" varchar,
                    trace varchar, manifest varchar, weight double);
create table runs(ts timestamp, release varchar, environment varchar, host varchar, "user" varchar, trace varchar,
                  manifest varchar, failed boolean, executed varchar[], weight double);
create table calls(ts timestamp, release varchar, environment varchar, host varchar, manifest varchar,
                   function varchar, calls bigint);
"""
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Counts:
    """`skipped`: records that hold no usable error."""

    events: int
    skipped: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: does a file that starts like this hold it, and fill the tables from it."""

    name: str
    sniff: Callable[[bytes], bool]
    load: Callable[[Path, duckdb.DuckDBPyConnection], Counts]


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables; `stack` is a `stacks.id`, `ts` is UTC, `weight` is 1 / sample rate.

    `runs` says which functions ran in a trace that has ended, `calls` how often one was called up to `ts`.
    """
    connection.execute(SCHEMA)


class Stacks:
    """Gives each distinct stack its id and writes it once; the id is a hash, so the same input has the same ids."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._seen: set[int] = set()
        self._new: list[tuple[int, str]] = []

    def add(self, stack: tuple[Raised, ...]) -> int:
        body = encode_stack(stack)
        key = int.from_bytes(hashlib.sha256(body).digest()[:8], "big")
        if key not in self._seen:
            self._seen.add(key)
            self._new.append((key, body.decode()))
            if len(self._new) >= _BATCH:
                self.flush()
        return key

    def flush(self) -> None:
        insert(self._connection, "insert into stacks select unnest($1::ubigint[]), unnest($2::varchar[])", self._new)
        self._new = []


def insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows in one statement of column lists: a thousand times the speed of one statement a row."""
    if rows:
        connection.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def fill(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    parameters: list[object],
    convert: Callable[[str], tuple[Raised, ...] | None],
) -> Counts:
    """Fill both tables from a select of the columns of `events` with `text` for the stack as its source spells it.

    One pass groups the events by text; only the distinct texts come to Python. No text, or one that converts to None,
    makes a skipped record.
    """
    fields = ("ts", "release", "environment", "host", '"user"', "trace", "manifest", "weight")
    packed = ", ".join(f"{name} := {name}" for name in fields)
    connection.execute(
        f"create table grouped as select hash(text) as key, any_value(text) as text, count(*) as n,"  # noqa: S608
        f" list(struct_pack({packed})) filter (where text is not null) as found"
        f" from ({records}) group by hash(text)",
        parameters,
    )
    connection.execute("create table converted(key ubigint, id ubigint)")
    stacks = Stacks(connection)
    reading = connection.cursor()  # a connection of its own, so that writing does not end the reading
    reading.execute("select key, text from grouped where text is not null")
    while batch := reading.fetchmany(_BATCH):
        rows = [(key, stacks.add(stack)) for key, text in batch if (stack := convert(text)) is not None]
        insert(connection, "insert into converted select unnest($1::ubigint[]), unnest($2::ubigint[])", rows)
    reading.close()
    stacks.flush()
    connection.execute(
        "insert into events select e.ts, id, e.release, e.environment, e.host, e.user, e.trace, e.manifest, e.weight"
        " from (select id, unnest(found) as e from grouped join converted using (key))"
    )
    total, events = (
        _count(connection, query) for query in ("select sum(n) from grouped", "select count(*) from events")
    )
    connection.execute("drop table grouped; drop table converted")
    return Counts(events=events, skipped=total - events)


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0
