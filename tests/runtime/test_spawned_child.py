"""A child that `multiprocessing` spawns finds the manifest of the program, wherever it works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, Record, dumps

PROGRAM = """
import multiprocessing, os
import aiprov_runtime.auto
from aiprov_runtime import status

def report():
    print(status().manifest, flush=True)

if __name__ == "__main__":
    os.chdir("/")
    child = multiprocessing.get_context("METHOD").Process(target=report)
    child.start()
    child.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_finds_the_manifest_of_its_program(tmp_path: Path, method: str):
    (tmp_path / "program.py").write_text(PROGRAM.replace("METHOD", method))
    (tmp_path / MANIFEST_PATH).parent.mkdir()
    (tmp_path / MANIFEST_PATH).write_bytes(dumps(Manifest({}, {"program.py": {"report": Record("human")}})))

    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )

    assert f"{tmp_path / MANIFEST_PATH}\n" == done.stdout
