"""Runs a small host program in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import aiprov_runtime

SOURCE = str(Path(aiprov_runtime.__file__).parents[1])


class Outcome(NamedTuple):
    """What the world sees of a process."""

    code: int
    out: str
    err: str


def host(root: Path, program: str, *, options: tuple[str, ...] = (), **environ: str) -> Outcome:
    """The program as `main.py` in `root`, with nothing of ours set but what is given."""
    main = root / "main.py"
    main.write_text(textwrap.dedent(program))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "SENTRY_", "DD_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, *options, str(main)],
        env={**kept, "PYTHONPATH": SOURCE, **environ},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
