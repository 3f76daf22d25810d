from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from aiprov.cli._output import console, emit
from aiprov.text import safe


def doctor(
    target: Annotated[str | None, typer.Argument(help="A Python file, or PATH::QUALNAME.", show_default=False)] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What is wrong with my set-up, and why a function would not match."""
    from aiprov.doctor import diagnose

    found = diagnose(target, directory=Path.cwd())
    if as_json:
        emit({"ok": found.ok, **dataclasses.asdict(found)}, verb="doctor")
    else:
        out = console()
        for check in found.checks:
            out.print(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {safe(check.detail)}", soft_wrap=True)
        for each in found.functions:
            out.print(f"{each.state:<10}  {safe(each.function)}  {safe(each.why)}", soft_wrap=True)
    raise typer.Exit(0 if found.ok else 1)
