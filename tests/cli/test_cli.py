from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiprov.cli import run


def aiprov(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "aiprov", *arguments], capture_output=True, text=True, **options)


@pytest.mark.parametrize("verb", ["record", "scan", "show", "spike", "revert", "doctor", "demo"])
def test_every_verb_has_help_and_json(verb: str) -> None:
    shown = aiprov(verb, "--help", env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": "/usr/bin:/bin"})

    assert shown.returncode == 0
    assert "--json" in shown.stdout


@pytest.mark.parametrize("arguments", [["frobnicate"], ["spike"], ["record"], ["show", "--nope"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(arguments)

    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err.startswith("aiprov")
    assert shown.err.count("\n") == 1
    assert "--help`" in shown.err


def test_the_version_is_printed() -> None:
    assert aiprov("--version").stdout.startswith("aiprov 0.")


def test_a_closed_pipe_is_no_error() -> None:
    shell = f"{sys.executable} -m aiprov --help | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True)

    assert "Traceback" not in done.stderr


def test_help_loads_no_heavy_library() -> None:
    program = "import sys, aiprov.cli; print([n for n in ('duckdb', 'scipy', 'numpy', 'flask') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout == "[]\n"


def test_a_terminal_without_utf8_shows_codes(tmp_path: Path) -> None:
    done = aiprov("show", "é.py", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"})

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
