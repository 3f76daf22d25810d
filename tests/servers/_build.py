"""The servers' own environment: gunicorn, uvicorn, Celery and the frameworks, beside our packages."""

from __future__ import annotations

from pathlib import Path

import peers

PINS = peers.ROOT / "tests" / "peers" / "servers.txt"


def build(folder: Path) -> None:
    ours = [peers.ROOT, *sorted(p.parent for p in peers.ROOT.glob("integrations/*/pyproject.toml"))]
    editable = [part for path in ours for part in ("--editable", str(path))]
    peers.environment(folder, "--requirement", str(PINS), *editable)


def scripts() -> Path:
    """The folder of the environment's programs."""
    return peers.place("servers", PINS.read_text(), build) / "venv" / "bin"
