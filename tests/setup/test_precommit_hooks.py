"""The definitions at the root, for those who name this repository in their pre-commit configuration."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def test_pre_commit_takes_the_definitions() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")

    found = clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert ["aiprov-check", "aiprov-scan"] == [hook["id"] for hook in found]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_what_a_hook_needs_is_a_part_of_the_extra(hook: dict[str, list[str]]) -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["cli"]

    assert [] == [need for need in hook["additional_dependencies"] if need not in extra]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_with_what_it_needs_and_no_more(hook: dict[str, str], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    program = f"""
import sys
for name in ("duckdb", "scipy", "numpy", "pyflakes", "httpx", "jinja2"):
    sys.modules[name] = None
from aiprov.cli import run
sys.exit(run({hook["entry"].split()[1:]!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)

    assert (0, "") == (done.returncode, "\n".join(line for line in done.stderr.splitlines() if "Error" in line))
