"""The servers' own environment: gunicorn, uvicorn, Celery and the frameworks, beside our packages."""

from __future__ import annotations

from pathlib import Path

import peers

PINS = peers.ROOT / "tests" / "peers" / "servers.txt"
OURS = [peers.ROOT, *sorted(path.parent for path in peers.ROOT.glob("integrations/*/pyproject.toml"))]


def build(folder: Path) -> None:
    editable = [part for path in OURS for part in ("--editable", str(path))]
    # Compiled once: the servers start many times.
    peers.environment(folder, "--compile-bytecode", "--requirement", str(PINS), *editable)


def scripts() -> Path:
    """The folder of the environment's programs; made anew where an entry point of ours may be another."""
    declared = [(path / "pyproject.toml").read_text() for path in OURS]
    return peers.place("servers", "\n".join([PINS.read_text(), *declared]), build) / "venv" / "bin"
