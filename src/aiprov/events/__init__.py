"""Readers of error events. A new source is one module beside these and one name in `_READERS`."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from aiprov.errors import UsageError
from aiprov.events import _logs, _sentry, _sink, _tables
from aiprov.events._files import opened
from aiprov.events._model import Frame, Raised, Relation, decode_stack

__all__ = ["Frame", "Loaded", "Raised", "Relation", "decode_stack", "load"]


# The first that recognises the file reads it; a log may start with anything.
_READERS = (_sink.READER, _sentry.READER, _logs.READER)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`problems`: at most a handful of lines, safe to print, on what was skipped or had to be assumed."""

    format: str
    events: int
    skipped: int
    problems: tuple[str, ...]


def load(source: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """Fill new tables `stacks` and `events` from a file, or from standard input for "-"."""
    _tables.create(connection)
    with opened(source) as file:
        reader = next(reader for reader in _READERS if reader.sniff(file.head))
        counts = reader.load(file.path, connection)
    if not counts.events:
        seen = "; ".join(counts.problems) if file.head.strip() else "the file is empty"
        formats = ", ".join(reader.name for reader in _READERS)
        raise UsageError(
            f"{file.name}: no error event found ({seen or 'read as ' + reader.name}). Formats read: {formats}"
        )
    return Loaded(format=reader.name, events=counts.events, skipped=counts.skipped, problems=counts.problems)
