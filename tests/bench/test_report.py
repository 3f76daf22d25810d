from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_report_is_a_markdown_table() -> None:
    """Only that it runs: figures are for reading, and no test depends on them."""
    script = Path(__file__).with_name("report.py")
    done = subprocess.run([sys.executable, script, "quick"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()

    assert lines[0].startswith("Python 3.")
    assert ["| what | budget | measured | |", "|---|---|---|---|"] == lines[2:4]
    assert all(line.count("|") == 5 for line in lines[4:])
