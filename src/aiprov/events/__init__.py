"""Readers of error events. A new source is one module beside these."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from aiprov.events import _tables
from aiprov.events._model import Frame, Raised, decode_stack

__all__ = ["Frame", "Loaded", "Raised", "decode_stack", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """`problems`: at most a handful of lines, safe to print, on what was skipped or had to be assumed."""

    format: str
    events: int
    skipped: int
    problems: tuple[str, ...]


def load(source: str, connection: duckdb.DuckDBPyConnection) -> Loaded:
    """Fill the tables `stacks` and `events` from a file, or from standard input for "-"."""
    _tables.create(connection)
    return Loaded(format=source, events=0, skipped=0, problems=())
