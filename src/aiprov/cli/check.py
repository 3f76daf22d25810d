"""`aiprov check`: is the manifest still true, and is the policy met."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.cli._progress import blame_progress
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

if TYPE_CHECKING:
    from aiprov.check import Checked

FOUND = 1
SHOWN = 5


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def check(  # the verb's options
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Only what concerns these files or folders.")
    ] = None,
    *,
    shape: Annotated[Format, typer.Option("--format", help="How to print the findings.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    since: Annotated[str | None, typer.Option(metavar="REV", help="As in `scan`: weigh only later commits.")] = None,
    no_history: Annotated[
        bool,
        typer.Option("--no-history", help="Compare with the work tree only: quick, and fit for shallow clones."),
    ] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Find code that was edited, moved or deleted since it was recorded, code without a record, and broken policy."""
    from aiprov.check import check as run
    from aiprov.config import load_config

    repository = Repository.discover(repo)
    repository = Repository(repository.root.resolve())
    wanted = [_relative(path, base=repo, root=repository.root) for path in paths or ()]
    wanted = [] if "." in wanted else wanted
    policy = load_config(repository.root).policy
    with blame_progress() as progress:
        checked = run(repository, policy=policy, paths=wanted, since=since, history=not no_history, progress=progress)
    _print(checked, Format.JSON if as_json else shape)
    for path in wanted:
        if not os.path.lexists(repository.root / path):  # deleted since, or a slip of the pen
            note(f"{safe(path)}: no such file or folder here")
    _tell(checked, skipped=no_history and policy.asks_for_reviews)
    return FOUND if checked.findings else 0


def _relative(path: str, *, base: Path, root: Path) -> str:
    """As git names it, `.` for the root itself."""
    full = os.path.normpath(base.resolve() / path)
    relative = os.path.relpath(full, root)
    if relative == ".." or relative.startswith("../"):
        raise UsageError(f"{safe(path)} is outside of {safe(str(root))}")
    return relative


def _print(checked: Checked, shape: Format) -> None:
    from aiprov.report.check import groups, line_of, payload
    from aiprov.report.github import workflow_command
    from aiprov.report.sarif import sarif

    if shape is Format.JSON:
        emit(payload(checked), verb="check")
    elif shape is Format.SARIF:
        sys.stdout.write(json.dumps(sarif(checked.findings), indent=2) + "\n")
    elif shape is Format.GITHUB:
        sys.stdout.writelines(f"{workflow_command(finding)}\n" for finding in checked.findings)
    elif sys.stdout.isatty():
        out = console()
        for part in groups(checked.findings):
            out.print(part)
    else:
        sys.stdout.writelines(f"{line_of(finding)}\n" for finding in checked.findings)


def _tell(checked: Checked, *, skipped: bool) -> None:
    from aiprov.report.check import summary

    for line in checked.unreadable[:SHOWN]:
        note(f"not read: {safe(line)}")
    if len(checked.unreadable) > SHOWN:
        note(f"not read: {len(checked.unreadable) - SHOWN} more")
    for source in checked.unseen:
        note(f"the manifest cites {source}, and this clone has none of it: fetch its notes or branch to compare with")
    if skipped:
        note("--no-history: reviews were not looked for, so their rules were not checked")
    if not checked.has_manifest and checked.findings:
        note(f"no {MANIFEST_PATH} yet: `aiprov scan` makes it; review it and commit it")
    note(summary(checked))
