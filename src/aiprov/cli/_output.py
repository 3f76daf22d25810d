"""Data goes to stdout, messages to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiprov.text import safe

if TYPE_CHECKING:
    from rich.console import Console


def emit(payload: Mapping[str, object], *, verb: str) -> None:
    """Print one JSON object; `schema` comes first."""
    sys.stdout.write(json.dumps({"schema": f"aiprov.{verb}/1", **payload}, indent=2, ensure_ascii=True) + "\n")


def note(text: str) -> None:
    """Say something to the person, apart from the data."""
    sys.stderr.write(text + "\n")


def print_patch(patch: bytes) -> None:
    """Bytes as they are into a pipe or file; on a terminal without what could control it."""
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(patch)
        sys.stdout.buffer.flush()
        return
    for line in patch.decode("utf-8", "replace").split("\n")[:-1]:
        sys.stdout.write("\t".join(safe(part, limit=10_000) for part in line.removesuffix("\r").split("\t")) + "\n")


def console() -> Console:
    """A console on stdout: no colour when piped or with NO_COLOR, no markup or emoji in what we print."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
