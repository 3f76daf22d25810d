"""The runtime's own events: JSON lines of `aiprov.event/1`, with the files rotated away beside them."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import msgspec

from aiprov.events import _ndjson
from aiprov.events._model import Raised, decode_stack
from aiprov.events._tables import Counts, Reader

_COLUMNS = ("schema", "timestamp", "release", "environment", "host", "user", "trace", "manifest")
_SELECT = f"""
select {_ndjson.utc("timestamp")} as ts, release, environment, host, "user", trace, manifest, 1.0 as weight,
       case when schema = 'aiprov.event/1' then exceptions::varchar end as text
from {_ndjson.source(dict.fromkeys(_COLUMNS, "VARCHAR") | {"exceptions": "JSON"})}
where schema is distinct from 'aiprov.failure/1'
"""  # noqa: S608  # constants


def sniff(head: bytes) -> bool:
    return re.search(rb'^[ \t]*\{[^\n]{0,200}"schema"\s*:\s*"aiprov\.(event|failure)/', head, re.MULTILINE) is not None


def load(path: Path, connection: duckdb.DuckDBPyConnection) -> Counts:
    files = [path, *_rotated(path)]
    counts = _ndjson.fill(files, connection, _SELECT, _stack)
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
