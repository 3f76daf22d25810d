"""DevMemory's `.devmemory/attributions.db`: which lines of a commit an AI wrote.

It calls everything human that it does not know, so its rows for people say nothing here.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance._models import normalise
from aiprov.provenance._text import link_in
from aiprov.provenance.sources import CommitText, Line, OnCommits, SomeLines
from aiprov_runtime._manifest import Generation

FILE = ".devmemory/attributions.db"
EVIDENCE = "devmemory"
MAX_BYTES = 1024 * 1024 * 1024
MAX_LINES = 3_000_000
_MAX_RANGE = 100_000
_MAX_TEXT = 250
_MAX_VALUE = 1_000_000
_STEPS = 50_000_000
"""Of SQLite's virtual machine: a database may hold a view that never ends."""
_STEP = 1_000_000
_QUERY = """
    SELECT commit_sha, filepath, line_start, line_end, tool, model, commit_timestamp
    FROM attributions WHERE author = 'ai'
"""


@dataclass(frozen=True, slots=True)
class Row:
    commit: str
    path: str
    start: int
    end: int
    tool: str | None
    model: str | None
    time: int | None


@dataclass(frozen=True, slots=True)
class DevMemory:
    name: str = EVIDENCE
    strength: int = 30

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        path = repository.root / FILE
        try:
            if not path.exists() or link_in(repository.root, FILE) or not path.is_file():
                return OnCommits()
            known = {commit.id: commit for commit in commits}
            lines: dict[str, dict[str, dict[int, Line]]] = defaultdict(lambda: defaultdict(dict))
            total, unfit = 0, 0
            for row in rows(path):
                if row is None or total > MAX_LINES:
                    unfit += 1
                elif row.commit in known:
                    total += row.end - row.start + 1
                    line = Line(_generation(row, known[row.commit]))
                    lines[row.commit][row.path].update(dict.fromkeys(range(row.start, row.end + 1), line))
        except (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError):
            return OnCommits(ignored=(f"{FILE}: not a database of DevMemory that can be read",))
        ignored = (f"{FILE}: {unfit} rows cannot be used",) if unfit else ()
        return OnCommits({commit: SomeLines(dict(files)) for commit, files in lines.items()}, ignored)


def rows(path: Path) -> Iterator[Row | None]:
    """The rows for an AI; None for one that makes no sense."""
    if path.stat().st_size > MAX_BYTES:
        raise sqlite3.DatabaseError("too large")
    # Immutable: no lock is taken and no journal is replayed, so nothing is written beside the file.
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
        left = _STEPS // _STEP

        def is_over() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        connection.set_progress_handler(is_over, _STEP)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        for values in connection.execute(_QUERY):
            yield _row(values)


def _row(values: tuple[object, ...]) -> Row | None:
    commit, path, start, end, tool, model, time = values
    if not (isinstance(commit, str) and isinstance(path, str) and isinstance(start, int) and isinstance(end, int)):
        return None
    if not 1 <= start <= end < start + _MAX_RANGE:
        return None
    return Row(commit, path, start, end, _text(tool), _text(model), time if isinstance(time, int) else None)


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and 0 < len(value.strip()) <= _MAX_TEXT else None


def _generation(row: Row, commit: CommitText) -> Generation:
    model, raw = normalise(row.model or "")
    tool = (row.tool or "").lower()
    return Generation(
        model=model,
        raw_model=raw,
        tool=tool if tool.isprintable() and tool not in ("", "unknown") else None,
        generated_at=_times.from_epoch(str(row.time)) if row.time is not None else commit.authored_at,
        commit=row.commit,
        evidence=EVIDENCE,
    )
