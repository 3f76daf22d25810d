"""`aiprov show`: who wrote a function."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aiprov.cli._output import console, emit, note


def show(
    target: Annotated[str, typer.Argument(metavar="PATH[:LINE|::QUALNAME]", help="A file, a line or a function.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Show the model, the prompt hash and the evidence for a function, and whether the record still fits the code."""
    from aiprov.provenance import find_root
    from aiprov.provenance import show as look_up
    from aiprov.report.provenance import function_lines, function_table

    found = look_up(target, root=find_root(repo), base=repo)
    if as_json:
        emit({"functions": [asdict(function) for function in found]}, verb="show")
        return 0
    out = console()
    if len(found) == 1:
        for line in function_lines(found[0]):
            out.print(line, soft_wrap=True)
    else:
        out.print(function_table(found))
    unknown = sum(function.contributor == "unknown" for function in found)
    if unknown:
        note(f"no record of {unknown} of {len(found)}: unknown, which does not mean a person wrote it")
    return 0
