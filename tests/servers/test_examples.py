"""The manifests of the examples are what the command in their README makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers._serving import AUTO, EXAMPLES, copy

from aiprov_runtime._manifest import MANIFEST_PATH


@pytest.mark.parametrize("example", sorted(path.parent.name for path in EXAMPLES.glob("*/app.py")))
def test_the_command_in_the_readme_makes_the_manifest(tmp_path: Path, example: str):
    root = copy(example, tmp_path / example, AUTO)
    expected = (root / MANIFEST_PATH).read_bytes()
    (root / MANIFEST_PATH).unlink()
    (command,) = re.findall(r"^aiprov (record .*)$", (root / "README.md").read_text(), re.MULTILINE)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    subprocess.run([sys.executable, "-m", "aiprov", *command.split()], cwd=root, check=True, capture_output=True)

    assert expected == (root / MANIFEST_PATH).read_bytes()
