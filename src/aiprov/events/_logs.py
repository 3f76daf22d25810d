"""Plain logs that hold Python tracebacks."""

from __future__ import annotations

from pathlib import Path

import duckdb

from aiprov.events._tables import Counts, Reader


def sniff(head: bytes) -> bool:
    del head
    return True


def load(path: Path, connection: duckdb.DuckDBPyConnection) -> Counts:
    del path, connection
    return Counts(0, 0)


READER = Reader("logs with Python tracebacks", sniff, load)
