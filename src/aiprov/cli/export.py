"""`aiprov export`: the manifest for other tools."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from aiprov.cli._output import counted, emit, note
from aiprov.errors import UsageError
from aiprov.text import safe

FORMATS = ("agent-trace",)


def export(
    *,
    format_: Annotated[
        str, typer.Option("--format", metavar="agent-trace", help="Agent Trace records, one JSON object a line.")
    ] = FORMATS[0],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there instead of to stdout.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Write the manifest as Agent Trace records with line ranges at HEAD; `aiprov import` reads them back."""
    from aiprov.provenance import export as run
    from aiprov.provenance import find_root

    if format_ not in FORMATS:
        raise UsageError(f"--format must be {' or '.join(FORMATS)}")
    done = run(find_root(repo))
    text = "".join(f"{line}\n" for line in done.lines)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if as_json:
        facts: dict[str, object] = {"format": format_, "revision": done.revision, "records": len(done.lines)}
        facts |= {"functions": done.functions, "without_range": list(done.without_range)}
        traces = {} if output else {"traces": [json.loads(line) for line in done.lines]}
        emit({**facts, "file": None if output is None else str(output), **traces}, verb="export")
    elif output is None:
        sys.stdout.write(text)
    left = f", {len(done.without_range)} of them without a range at HEAD" if done.without_range else ""
    where = f" to {safe(str(output))}" if output else ""
    note(f"{counted(len(done.lines), 'record')}{where}: {counted(done.functions, 'function')}{left}")
    return 0
