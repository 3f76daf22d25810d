"""Plain logs that hold Python tracebacks, of one process or of many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

import duckdb

from aiprov.events import _tables
from aiprov.events._prefix import Clock, Line, split
from aiprov.events._scan import Found, Scanner
from aiprov.events._tables import Counts, Reader
from aiprov.events._traceback import HEADER

_NEEDLE = HEADER.removesuffix(":").encode()
_INDENTED = re.compile(rb"(?: [^\n]*+\n)++")
_BLOCK = 4 * 1024 * 1024
_MAX_LINE = 1024 * 1024
_BEFORE_LINES, _BEFORE_BYTES = 20, 16 * 1024  # how far before a traceback its time may stand
_BATCH = 10_000
_MAX_PROBLEMS = 3
_INSERT = (
    "insert into events select make_timestamp(unnest($1::bigint[])), unnest($2::ubigint[]), null, null,"
    " unnest($3::varchar[]), null, null, null, 1.0"
)


def sniff(head: bytes) -> bool:
    del head
    return True


def load(path: Path, connection: duckdb.DuckDBPyConnection) -> Counts:
    sink = _Rows(connection)
    scanner = Scanner(sink.add)
    clock = Clock(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    with path.open("rb") as file:
        _scan(file, scanner, clock)
    scanner.finish()
    sink.flush()
    return Counts(sink.events, sink.skipped, tuple(sink.problems()))


class _Rows:
    """Collects what was found and writes it in batches."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.events = self.skipped = self._untimed = self._unzoned = 0
        self._connection = connection
        self._stacks = _tables.Stacks(connection)
        self._rows: list[tuple[object, ...]] = []
        self._cut: list[int] = []

    def add(self, found: Found) -> None:
        if found.stack is None:
            self.skipped += 1
            if len(self._cut) < _MAX_PROBLEMS:
                self._cut.append(found.number)
            return
        self.events += 1
        self._untimed += found.time is None
        self._unzoned += not found.zoned
        self._rows.append((found.time, self._stacks.add(found.stack), found.host))
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        _tables.insert(self._connection, _INSERT, self._rows)
        self._rows = []
        self._stacks.flush()

    def problems(self) -> Iterator[str]:
        for number in self._cut:
            yield f"line {number}: a traceback that is cut short"
        if self._untimed:
            yield f"{self._untimed} tracebacks without a time before them"
        if self._unzoned:
            yield f"{self._unzoned} times without a zone, read as UTC"


def _scan(file: IO[bytes], scanner: Scanner, clock: Clock) -> None:
    """Line by line while a traceback is open, else in one leap to the next header."""
    number, before = 1, b""
    for following in _blocks(file):
        block = before + following
        position = counted = len(before)
        while position < len(block):
            if not scanner.active:
                header = block.find(_NEEDLE, position)
                if header < 0:
                    break
                position = (block.rfind(b"\n", position, header) + 1) or position
            elif (traceback := scanner.bare) and (lines := _INDENTED.match(block, position)):
                traceback.feed_indented(lines[0])
                position = lines.end()
                continue
            stop = block.find(b"\n", position)
            stop = stop if stop >= 0 else len(block)
            number += block.count(b"\n", counted, position)
            counted = position
            line = split(_text(block, position, stop), clock)
            scanner.feed(line, number=number, earlier=partial(_earlier, block, position, clock))
            position = stop + 1
        number += block.count(b"\n", counted)
        before = block[block.find(b"\n", len(block) - _BEFORE_BYTES) + 1 :] if len(block) > _BEFORE_BYTES else block


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines; what is too long for a line is dropped."""
    held = b""
    while chunk := file.read(_BLOCK):
        if end := chunk.rfind(b"\n") + 1:
            yield held + chunk[:end]
            held = chunk[end:]
        elif len(held) < _MAX_LINE:
            held += chunk
    yield held


def _earlier(block: bytes, position: int, clock: Clock) -> Line | None:
    """The nearest line from the header upwards that has a time before it."""
    end = block.find(b"\n", position)
    stop = max(block.find(_NEEDLE, position, end if end >= 0 else len(block)), position)
    for _ in range(_BEFORE_LINES):
        if stop < 0 or position - stop > _BEFORE_BYTES:
            break
        start = block.rfind(b"\n", 0, stop) + 1
        line = split(_text(block, start, min(stop, start + 300)), clock)
        found = clock.find(line.text[:200]) if line.time is None and line.text[:1] != " " else None
        if found is not None:
            line = line._replace(time=found[0], zoned=found[1])
        if line.time is not None:
            return line
        stop = start - 1
    return None


def _text(block: bytes, start: int, stop: int) -> str:
    return block[start : min(stop, start + _MAX_LINE)].decode("utf-8", "replace").rstrip("\r")


READER = Reader("logs with Python tracebacks", sniff, load)
