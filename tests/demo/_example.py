"""A copy of the example with another bug."""

from __future__ import annotations

import shutil
from pathlib import Path

from aiprov.demo import find_example


def copy_with_bug(target: Path, bug: dict[str, str]) -> Path:
    shutil.copytree(find_example(), target, ignore=shutil.ignore_patterns("__pycache__", "bug"))
    for name, text in bug.items():
        path = target / "bug" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return target
