from __future__ import annotations

from pathlib import Path

import pytest
from provenance._work import Work


@pytest.fixture
def work(tmp_path: Path) -> Work:
    root = tmp_path / "repo"
    root.mkdir()
    made = Work(root)
    made.git("init", "-q", "-b", "main")
    made.write("pyproject.toml", '[project]\nname = "shop"\n')
    return made
