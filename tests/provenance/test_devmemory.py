from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provenance._sources import read_source
from provenance._work import Work

from aiprov.provenance.sources import LineEvidence, SomeLines
from aiprov.provenance.sources.devmemory import FILE, DevMemory, Row, rows
from aiprov_runtime._manifest import Generation

COLUMNS = "namespace, filepath, commit_sha, line_start, line_end, author, tool, model, commit_timestamp"
TABLE = """CREATE TABLE attributions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, filepath TEXT NOT NULL, commit_sha TEXT NOT NULL,
    author_email TEXT, line_start INTEGER NOT NULL, line_end INTEGER NOT NULL, author TEXT NOT NULL,
    tool TEXT, model TEXT, prompt_id TEXT, confidence REAL DEFAULT 0.95, commit_timestamp INTEGER
)"""
UNREADABLE = f"{FILE}: not a database of DevMemory that can be read"


def a_database(path: Path, *given: tuple[Any, ...], sql: tuple[str, ...] = (TABLE,)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        for statement in sql:
            connection.execute(statement)
        values = ", ".join("?" * 9)
        connection.executemany(f"INSERT INTO attributions ({COLUMNS}) VALUES ({values})", given)
        connection.commit()
    return path


def a_row(commit: str = "a" * 40, /, **change: Any) -> tuple[Any, ...]:
    row = {"namespace": "shop", "path": "cart.py", "commit": commit, "start": 1, "end": 2, "author": "ai"}
    row |= {"tool": "cursor", "model": "claude-opus-4-6", "time": 1793613600}
    return tuple((row | change).values())


def read(work: Work, *given: tuple[Any, ...]) -> tuple[dict[str, LineEvidence], tuple[str, ...]]:
    a_database(work.root / FILE, *given)
    return read_again(work)


def read_again(work: Work) -> tuple[dict[str, LineEvidence], tuple[str, ...]]:
    found = read_source(work, DevMemory())
    return dict(found.evidence), found.ignored


def test_only_rows_for_an_ai_are_read(tmp_path: Path) -> None:
    path = a_database(tmp_path / "a?b#c.db", a_row(), a_row(author="human"), a_row(author="AI"))

    assert [Row("a" * 40, "cart.py", 1, 2, "cursor", "claude-opus-4-6", 1793613600)] == list(rows(path))


@pytest.mark.parametrize(
    "change", [{"start": 0}, {"start": 3}, {"end": "x"}, {"end": 10**9}, {"path": b"cart.py"}, {"commit": 7}]
)
def test_a_row_that_makes_no_sense_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    loose = TABLE.replace("INTEGER NOT NULL", "").replace("TEXT NOT NULL", "")

    assert [None] == list(rows(a_database(tmp_path / "a.db", a_row(**change), sql=(loose,))))


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    path = a_database(tmp_path / "a.db", a_row(), sql=("PRAGMA journal_mode=WAL", TABLE))
    before = path.read_bytes(), sorted(p.name for p in tmp_path.iterdir())

    list(rows(path))

    assert before == (path.read_bytes(), sorted(p.name for p in tmp_path.iterdir()))


def test_a_view_that_never_ends_is_given_up(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    view = f"CREATE VIEW attributions AS SELECT 'ai' AS author, i AS commit_sha FROM ({endless}) WHERE i < 0"

    with pytest.raises(sqlite3.Error):
        list(rows(a_database(tmp_path / "a.db", sql=(view,))))


def test_lines_of_a_commit_have_their_model(work: Work) -> None:
    commit = work.human({"cart.py": "a = 1\nb = 2\nc = 3\n"})

    evidence, ignored = read(work, a_row(commit), a_row("b" * 40))

    generation = Generation(
        model="anthropic/claude-opus-4-6",
        raw_model="claude-opus-4-6",
        tool="cursor",
        generated_at="2026-11-02T10:00:00Z",
        commit=commit,
        evidence="devmemory",
    )
    (lines,) = evidence.values()
    assert isinstance(lines, SomeLines)
    assert {1: generation, 2: generation} == {n: line.generation for n, line in lines.lines["cart.py"].items()}
    assert () == ignored


def test_what_is_not_known_stays_so(work: Work) -> None:
    commit = work.human({"cart.py": "a = 1\n"})

    evidence, _ = read(work, a_row(commit, tool=None, model="unknown", time=None))

    line = evidence[commit].at("cart.py", 1)
    assert line is not None
    assert Generation(generated_at="2026-11-02T10:01:00Z", commit=commit, evidence="devmemory") == line.generation


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\xff" * 5000, b"garbage"])
def test_what_is_no_database_is_one_line(work: Work, content: bytes) -> None:
    work.human({"cart.py": "a = 1\n"})
    work.write(FILE, "").write_bytes(content)

    assert ({}, (UNREADABLE,)) == read_again(work)


def test_a_database_of_something_else_is_one_line(work: Work) -> None:
    work.human({"cart.py": "a = 1\n"})
    a_database(
        work.root / FILE,
        sql=(
            "CREATE TABLE attributions (namespace)",
            "DROP TABLE attributions",
            TABLE.replace("tool TEXT", "x TEXT, tool TEXT"),
        ),
    )
    with closing(sqlite3.connect(work.root / FILE)) as connection:
        connection.execute("DROP TABLE attributions")

    assert ({}, (UNREADABLE,)) == read_again(work)


def test_a_link_is_not_followed(work: Work, tmp_path: Path) -> None:
    commit = work.human({"cart.py": "a = 1\n"})
    elsewhere = a_database(tmp_path / "elsewhere.db", a_row(commit))
    (work.root / FILE).parent.mkdir()
    (work.root / FILE).symlink_to(elsewhere)

    assert ({}, ()) == read_again(work)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 8191), value=st.integers(0, 255))
def test_a_damaged_database_ends_in_rows_or_one_error(tmp_path: Path, at: int, value: int) -> None:
    data = bytearray(a_database(tmp_path / f"{at}-{value}.db", a_row(), a_row("b" * 40)).read_bytes())
    data[at % len(data)] = value
    (tmp_path / "damaged.db").write_bytes(data)

    try:
        found = len(list(rows(tmp_path / "damaged.db")))
    except (sqlite3.Error, UnicodeDecodeError):
        found = 0

    (tmp_path / f"{at}-{value}.db").unlink()
    assert 0 <= found <= 2
