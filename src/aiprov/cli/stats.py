"""`aiprov stats`: shares of lines and functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, counted, emit, note
from aiprov.cli._progress import blame_progress
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.text import safe

if TYPE_CHECKING:
    from aiprov.provenance import Range, Stats

_WIDE = 10_000
_SHOWN = 5


def stats(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="A..B|REV|PATH",
            help="Of B's tree what came in after A, or all of a revision; default: the work tree. Then paths, to "
            "count only these.",
        ),
    ] = None,
    *,
    transcripts: Annotated[
        bool, typer.Option("--transcripts", help="Read what AI tools on this machine logged, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Count the lines and functions that models wrote, people are known to have written, and nobody knows who."""
    from aiprov.provenance import stats as count
    from aiprov.provenance.sources._all import in_repository, on_this_machine
    from aiprov.report import stats as report

    repository = Repository.discover(repo)
    repository = Repository(repository.root.resolve())
    asked, paths = _asked(what or [], repository, repo)
    sources = (*in_repository(), *(on_this_machine(Path.home()) if transcripts else ()))
    with blame_progress() as progress:
        found = count(repository, asked, paths=paths, sources=sources, progress=progress)
    if as_json:
        emit(report.as_json(found, asked), verb="stats")
    else:
        _print(found)
    _tell(found, asked)
    return 0


def _asked(words: list[str], repository: Repository, base: Path) -> tuple[Range, list[str]]:
    """A first word that names a revision is one, as in `git log`; the rest are paths."""
    from aiprov.provenance import Range, parse_range

    found = parse_range(words[0], repository) if words else None
    paths = words[1:] if found else words
    if found is None and words and ".." in words[0] and not (base / words[0]).exists():
        raise UsageError(f"{safe(words[0])}: no such range; give two commits, tags or branches of this repository")
    return found or Range(), [_relative(path, repository.root, base) for path in paths]


def _relative(path: str, root: Path, base: Path) -> str:
    if "\0" in path:
        raise UsageError(f"{safe(path)}: no such path")
    return os.path.relpath(os.path.normpath(base.resolve() / path), root)


def _print(found: Stats) -> None:
    from aiprov.report.stats import show

    out = console()
    if not sys.stdout.isatty():
        out.width = _WIDE
    show(found, out, every_path=not sys.stdout.isatty())


def _tell(found: Stats, asked: Range) -> None:
    totals = found.totals
    for problem in found.problems[:_SHOWN]:
        note(safe(problem, limit=2000))
    if len(found.problems) > _SHOWN:
        note(f"{len(found.problems) - _SHOWN} more such files")
    if totals.stale:
        note(f"changed since recorded, counted as unknown: {counted(totals.stale, 'function')}; run aiprov scan")
    if totals.ai_lines and totals.functions.total() == totals.functions["unknown"] > 0:
        where = "" if asked.until is None else f" at {asked.until[:12]}"
        note(f"no function by a model is recorded{where}: functions are counted by the manifest, lines by history")
