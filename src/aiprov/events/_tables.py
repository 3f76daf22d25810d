"""The two tables that every source fills and triage reads."""

from __future__ import annotations

import duckdb

SCHEMA = """
create table stacks(id ubigint, body varchar);
create table events(ts timestamp, stack ubigint, release varchar, environment varchar, host varchar, "user" varchar,
                    trace varchar, manifest varchar, weight double);
"""


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty `stacks` and `events`; `stack` is a `stacks.id`, `ts` is UTC, `weight` is 1 / sample rate."""
    connection.execute(SCHEMA)
