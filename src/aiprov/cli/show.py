"""`aiprov show`: who wrote a function."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.text import safe

if TYPE_CHECKING:
    from aiprov.provenance import Provenance


def show(
    target: Annotated[
        str, typer.Argument(metavar="PATH[:LINE|::QUALNAME]", help="A file, a line, a function, a class or a folder.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Show the models, the prompt hashes and the evidence for a function, and whether the record still fits."""
    from aiprov.provenance import find_root
    from aiprov.provenance import show as look_up

    root = find_root(repo)
    found = look_up(target, root=root, base=repo, prompt_url=prompt_url(root))
    if as_json:
        emit({"functions": [asdict(function) for function in found]}, verb="show")
        return 0
    _print(found)
    unknown = sum(function.contributor == "unknown" for function in found)
    if not found:
        note(f"nothing is recorded below {safe(target)}: unknown, which does not mean that people wrote it")
    elif unknown:
        note(f"no record of {unknown} of {len(found)}: unknown, which does not mean a person wrote it")
    return 0


def _print(found: tuple[Provenance, ...]) -> None:
    from aiprov.report.provenance import function_lines, function_rows, function_table

    if len(found) == 1:
        for line in function_lines(found[0]):
            sys.stdout.write(line + "\n")
    elif sys.stdout.isatty():
        out = console()
        by_path = [(path, list(few)) for path, few in groupby(found, key=lambda one: one.function.rpartition("::")[0])]
        for path, functions in by_path:
            if len(by_path) > 1:
                out.print(safe(path), style="bold", soft_wrap=True)
            out.print(function_table(functions))
    else:
        sys.stdout.writelines(f"{row}\n" for row in function_rows(found))


def prompt_url(root: Path) -> str | None:
    """The configured template of links to prompts."""
    from aiprov.config import load_config

    return load_config(root).prompt_url
