"""Readers of error events. A new source is one module beside these and one name in `_READERS`."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from aiprov.errors import UsageError
from aiprov.events import _logs, _sentry, _sink, _tables
from aiprov.events._files import opened
from aiprov.events._model import Frame, Raised, Relation, decode_stack
from aiprov.text import safe

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
    seen = ""
    with opened(source) as file:
        for reader in (reader for reader in _READERS if reader.sniff(file.head)):
            try:
                counts = reader.load(file.path, connection)
            except duckdb.Error as error:
                raise UsageError(f"{file.name}: {safe(str(error).partition(chr(10))[0])}") from None
            if counts.events:
                return Loaded(reader.name, counts.events, counts.skipped, counts.problems)
            seen = seen or "; ".join(counts.problems) or f"read as {reader.name}"
        formats = ", ".join(reader.name for reader in _READERS)
        seen = seen if file.head.strip() else "the file is empty"
        raise UsageError(f"{file.name}: no error event found ({seen}). Formats read: {formats}")
