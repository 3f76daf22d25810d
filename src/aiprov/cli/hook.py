"""`aiprov hook`: called by an editor after each edit; `aiprov.__main__` runs it without this module."""

from __future__ import annotations

from typing import Annotated

import typer


def hook(
    tool: Annotated[
        str,
        typer.Argument(metavar="TOOL", help="claude-code, codex, copilot, copilot-cli, cursor, gemini-cli, windsurf"),
    ],
) -> int:
    """Record an edit that an editor's hook tells of on standard input; always ends with 0 and prints nothing."""
    from aiprov import hook as program

    return program.run([tool])
