"""`aiprov merge-driver`: what git runs to merge two manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiprov.cli._output import note
from aiprov.git import Repository
from aiprov.text import safe

_EVERY_EXIT = range(256)


def merge_driver(
    base: Annotated[Path, typer.Argument(metavar="%O", help="The manifest of the common ancestor.")],
    ours: Annotated[Path, typer.Argument(metavar="%A", help="Ours; the outcome is written here.")],
    theirs: Annotated[Path, typer.Argument(metavar="%B", help="Theirs.")],
    *,
    marker_size: Annotated[int, typer.Option(min=1, max=1000, help="Length of conflict markers: %L.")] = 7,
) -> int:
    """Merge two manifests by meaning; git calls this, see `aiprov init --merge-driver`."""
    from aiprov.provenance import merge_files

    problem = merge_files(base, ours, theirs)
    if problem is None:
        return 0
    note(f"aiprov: {safe(problem)}; merged line by line instead, look at it before you commit")
    labels = ("-L", "ours", "-L", "base", "-L", "theirs", f"--marker-size={marker_size}")
    files = (str(path.resolve()) for path in (ours, base, theirs))
    Repository(Path.cwd()).run("merge-file", "-q", *labels, "--", *files, ok=_EVERY_EXIT)
    return 1
