"""The runtime's own file: JSON lines of errors, traces and calls, with the files rotated away beside it."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import msgspec

from aiprov.events import _ndjson
from aiprov.events._model import Raised, decode_stack
from aiprov.events._tables import Counts, Reader

_COLUMNS = ("schema", "timestamp", "release", "environment", "host", "user", "trace", "manifest")
_NOTED_COLUMNS = ("failed", "executed", "weight", "calls")
_SELECT = f"""
select {_ndjson.utc("timestamp")} as ts, release, environment, host, "user", trace, manifest, 1.0 as weight,
       case when schema = 'aiprov.event/1' then exceptions::varchar end as text
from {_ndjson.source(dict.fromkeys(_COLUMNS, "VARCHAR") | {"exceptions": "JSON"})}
where schema is null or schema not in ('aiprov.failure/1', 'aiprov.trace/1', 'aiprov.calls/1')
"""  # noqa: S608  # constants
_NOTES = f"""
create or replace temp table notes as
select {_ndjson.utc("timestamp")} as ts, *
from {_ndjson.source(dict.fromkeys(_COLUMNS, "VARCHAR") | dict.fromkeys(_NOTED_COLUMNS, "JSON"))}
where schema in ('aiprov.trace/1', 'aiprov.calls/1')
"""  # noqa: S608  # constants
_NOTED = """
insert into runs
select ts, release, environment, host, "user", trace, manifest, try_cast(failed as boolean),
       try_cast(executed as varchar[]), least(greatest(coalesce(try_cast(weight as double), 1), 1), 1e6)
from notes
where schema = 'aiprov.trace/1' and try_cast(failed as boolean) is not null
      and try_cast(executed as varchar[]) is not null;
insert into calls
select ts, release, environment, host, manifest, entry.key, entry.value
from (select *, unnest(map_entries(try_cast(calls as map(varchar, bigint)))) as entry
      from notes where schema = 'aiprov.calls/1')
where entry.value > 0;
drop table notes;
"""
_OURS = re.compile(rb'^[ \t]*\{[^\n]{0,200}"schema"\s*:\s*"aiprov\.(event|failure|trace|calls)/', re.MULTILINE)


def sniff(head: bytes) -> bool:
    return _OURS.search(head) is not None


def load(path: Path, connection: duckdb.DuckDBPyConnection) -> Counts:
    files = [path, *_rotated(path)]
    counts = _ndjson.fill(files, connection, _SELECT, _stack)
    _ndjson.reading(files, lambda parameters: connection.execute(_NOTES, parameters))
    connection.execute(_NOTED)
    return _ndjson.explained(counts, files, "no aiprov event with a stack")


def _rotated(path: Path) -> list[Path]:
    numbered = re.compile(re.escape(path.name) + r"\.[0-9]{1,4}")
    return sorted(file for file in path.parent.iterdir() if numbered.fullmatch(file.name) and file.is_file())


def _stack(text: str) -> tuple[Raised, ...] | None:
    try:
        return decode_stack(text)
    except (msgspec.ValidationError, RecursionError):
        return None


READER = Reader("aiprov events", sniff, load)
