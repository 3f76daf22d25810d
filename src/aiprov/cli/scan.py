"""`aiprov scan`: the manifest from history and records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.cli._progress import blame_progress
from aiprov.git import Repository
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

if TYPE_CHECKING:
    from aiprov.provenance import Scanned

SHOWN = 5


def scan(  # the verb's options
    *,
    since: Annotated[str | None, typer.Option(metavar="REV", help="Weigh only commits after this one.")] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", min=1, max=64, help="Files at a time.")] = None,
    transcripts: Annotated[
        bool, typer.Option("--transcripts/--no-transcripts", help="Read what AI tools on this machine logged.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print only; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Build or refresh the manifest from history, from notes, logs and sidecars, and from what was recorded."""
    from aiprov.provenance import locked, write_manifest
    from aiprov.provenance import scan as run
    from aiprov.provenance.sources._all import in_repository, on_this_machine
    from aiprov.report.provenance import model_table

    repository = Repository.discover(repo)
    repository = Repository(repository.root.resolve())
    sources = (*in_repository(), *(on_this_machine(Path.home()) if transcripts else ()))
    with blame_progress() as progress:
        if dry_run:
            found, written = run(repository, since=since, jobs=jobs, progress=progress, commit_sources=sources), False
        else:
            with locked(repository.root):
                found = run(repository, since=since, jobs=jobs, progress=progress, commit_sources=sources)
                written = write_manifest(repository.root, found.manifest)
    if as_json:
        emit(_payload(found, written=written), verb="scan")
    elif found.manifest.files:
        console().print(model_table(found.manifest))
    _tell(found)
    if dry_run:
        note("nothing written (--dry-run)")
    elif written:
        note(f"wrote {MANIFEST_PATH}; review it with git diff, then commit it")
    else:
        note(f"{MANIFEST_PATH} is up to date")
    return 0


def _contributors(found: Scanned) -> Counter[str]:
    return Counter(record.contributor for functions in found.manifest.files.values() for record in functions.values())


def _payload(found: Scanned, *, written: bool) -> dict[str, object]:
    from aiprov.report.provenance import by_model

    rows = by_model(found.manifest)
    return {
        "commits": found.commits,
        "ai_commits": found.ai_commits,
        "files": found.files,
        "functions": dict(sorted(_contributors(found).items())),
        "models": [{"model": model, "ai": written_by, "mixed": partly} for model, written_by, partly in rows],
        "moved": len(found.moved.places),
        "unnameable": found.unnameable,
        "unreadable": list(found.unreadable),
        "ignored": list(found.ignored),
        "manifest": MANIFEST_PATH,
        "written": written,
    }


def _tell(found: Scanned) -> None:
    counts = _contributors(found)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("ai", "mixed", "human") if counts[kind] or kind != "human")
    marked = f"functions: {kinds}" if counts else "no function is marked"
    note(f"evidence on {found.ai_commits} of {found.commits} commits; Python files: {found.files}")
    note(marked)
    if found.moved.places:
        note(f"{len(found.moved.places)} records moved along with their code")
    if found.unnameable:
        note(f"{found.unnameable} files left out: their names cannot stand in a manifest")
    for title, lines in (("not read", found.unreadable), ("not used", found.ignored)):
        for line in lines[:SHOWN]:
            note(f"{title}: {safe(line)}")
        if len(lines) > SHOWN:
            note(f"{title}: {len(lines) - SHOWN} more")
