"""What the readers of JSON lines share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import duckdb

from aiprov.events import _tables
from aiprov.events._files import pattern
from aiprov.events._model import Raised
from aiprov.events._tables import Counts
from aiprov.text import safe

T = TypeVar("T")
MAX_RECORD = 16 * 1024 * 1024
_MAX_PROBLEMS = 5


def source(columns: Mapping[str, str]) -> str:
    """A table of these members of each line; lines that are no JSON are rows of nulls."""
    listed = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
    return (
        f"read_json($1, format='newline_delimited', ignore_errors=true, maximum_object_size={MAX_RECORD},"
        f" columns={{{listed}}})"
    )


def utc(text: str) -> str:
    """SQL for the time in ISO text; a time without a zone is UTC, one that no clock shows is null."""
    zoned = f"case when regexp_matches({text}, '([zZ]|UTC|[+-]\\d\\d(:?\\d\\d)?)$') then {text} else {text} || 'Z' end"
    return sane(f"make_timestamp(epoch_us(try_cast({zoned} as timestamptz)))")


def sane(timestamp: str) -> str:
    return f"case when {timestamp} between timestamp '1990-01-01' and timestamp '2200-01-01' then {timestamp} end"


def fill(
    files: Sequence[Path],
    connection: duckdb.DuckDBPyConnection,
    select: str,
    convert: Callable[[str], tuple[Raised, ...] | None],
) -> Counts:
    """Fill the tables of events and stacks from a select over `source`."""
    return reading(files, lambda parameters: _tables.fill(connection, select, parameters, convert))


def reading(files: Sequence[Path], read: Callable[[list[object]], T]) -> T:
    """`read` with the parameters of `source`; a line too long for DuckDB, which gives up at it, is cut out first."""
    try:
        return read([[pattern(file) for file in files]])
    except duckdb.InvalidInputException as error:
        if "maximum_object_size" not in str(error):
            raise
    with tempfile.NamedTemporaryFile(prefix="aiprov-", suffix=".jsonl") as kept:
        for line in (line for file in files for line in _lines(file)):
            kept.write(line)  # cut off, it is no JSON any more
            kept.write(b"" if line.endswith(b"\n") else b"\n")
        kept.flush()
        return read([[pattern(Path(kept.name))]])


def explained(counts: Counts, files: Sequence[Path], otherwise: str) -> Counts:
    """The same counts with the lines that are no JSON object by number, and the rest as a number."""
    if not counts.skipped:
        return counts
    broken = 0
    problems: list[str] = []
    for file in files:
        for number in _broken(file):
            broken += 1
            if len(problems) < _MAX_PROBLEMS - 1:
                problems.append(f"{safe(file.name)} line {number}: cut short, or no JSON object")
    if counts.skipped > broken:
        problems.append(f"{counts.skipped - broken} records: {otherwise}")
    return replace(counts, problems=tuple(problems))


def _broken(path: Path) -> Iterator[int]:
    """Lines that do not even look like an object; far cheaper than parsing, and where the common damage shows."""
    for number, line in enumerate(_lines(path), start=1):
        content = line.strip()
        if content and (content[:1] != b"{" or content[-1:] != b"}"):
            yield number


def _lines(path: Path) -> Iterator[bytes]:
    """Each line; of one beyond the limit only its start, which then has no line end."""
    with path.open("rb") as file:
        while line := file.readline(MAX_RECORD):
            last = line
            while not last.endswith(b"\n") and (last := file.readline(MAX_RECORD)):
                pass
            yield line
