"""The runtime's budgets, with slack for a busy machine; `_report.py` prints the table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench import _report

SOURCE = str(Path(_report.__file__).parents[2] / "src")


@pytest.mark.parametrize("functions", [10_000, 100_000])
def test_load(functions: int):
    rows = list(_report.loading(functions, budget=functions * 0.0015 * 2))

    assert [] == [row for row in rows if row.met is False]


def test_explaining_an_error_costs_less_than_printing_it():
    rows = [row for row in _report.lookups() if "format_exception" in row.measured]
    shares = [float(row.measured.split(", ")[1].partition("%")[0]) for row in rows]

    assert 2 == len(shares)
    assert max(shares) < 50


def test_the_report_is_a_markdown_table():
    done = subprocess.run(
        [sys.executable, _report.__file__, "quick"],
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()

    assert lines[0].startswith("Python 3.")
    assert ["| what | budget | measured | |", "|---|---|---|---|"] == lines[2:4]
    assert all(line.count("|") == 5 for line in lines[4:])
    assert "missed" not in next(line for line in lines if "`import aiprov_runtime`" in line)
