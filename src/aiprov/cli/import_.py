"""`aiprov import`: records from a file into the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiprov.cli._output import counted, emit, note
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

SHOWN = 5


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A manifest, or Agent Trace records as JSON (lines).")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print only; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Add a file's records to the manifest; ranges in other tools' traces count where history bears them out."""
    from aiprov.provenance import find_root, import_file, locked, write_manifest

    root = find_root(repo)
    if dry_run:
        done, written = import_file(root, file), False
    else:
        with locked(root):
            done = import_file(root, file)
            written = write_manifest(root, done.manifest)
    if as_json:
        facts: dict[str, object] = {"functions": done.functions, "generations": done.generations}
        facts |= {"ranges": done.ranges, "ignored": list(done.ignored)}
        emit({**facts, "manifest": MANIFEST_PATH, "written": written}, verb="import")
    ranges = f", and {counted(done.ranges, 'range')} by other tools" if done.ranges else ""
    own = f"{counted(done.functions, 'function')} of {counted(done.generations, 'generation')}"
    note(f"{safe(file.name)}: {own}{ranges}")
    for line in done.ignored[:SHOWN]:
        note(f"not used: {safe(line)}")
    if dry_run:
        note("nothing written (--dry-run)")
    else:
        note(f"wrote {MANIFEST_PATH}; review it with git diff, then commit it" if written else "nothing new in it")
    return 0
