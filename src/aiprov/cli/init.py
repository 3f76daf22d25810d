"""`aiprov init`: what a repository needs beside the manifest, and its undoing."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import emit, note, print_patch
from aiprov.git import Repository
from aiprov.text import safe

if TYPE_CHECKING:
    from aiprov.setup import Part, Plan


class Ci(StrEnum):
    GITHUB = "github"


def init(  # noqa: PLR0913  # one option a part
    *,
    config: Annotated[bool, typer.Option("--config", help="The tool.aiprov table in pyproject.toml.")] = False,
    merge_driver: Annotated[
        bool, typer.Option("--merge-driver", help="Let git merge two manifests by meaning.")
    ] = False,
    git_hooks: Annotated[bool, typer.Option("--git-hooks", help="`aiprov check` before each push.")] = False,
    pre_commit: Annotated[bool, typer.Option("--pre-commit", help="`aiprov check` from pre-commit.")] = False,
    claude_code: Annotated[
        bool, typer.Option("--claude-code", help="Record Claude Code's edits as they are made.")
    ] = False,
    codex: Annotated[bool, typer.Option("--codex", help="Record Codex's edits.")] = False,
    copilot_cli: Annotated[bool, typer.Option("--copilot-cli", help="Record Copilot CLI's edits.")] = False,
    cursor: Annotated[bool, typer.Option("--cursor", help="Record Cursor's edits.")] = False,
    gemini_cli: Annotated[bool, typer.Option("--gemini-cli", help="Record Gemini CLI's edits.")] = False,
    windsurf: Annotated[bool, typer.Option("--windsurf", help="Record Windsurf's edits.")] = False,
    ci: Annotated[Ci | None, typer.Option("--ci", help="A workflow that runs `aiprov check`.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Undo what init did: of these parts, or all.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write the files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Set up config, merge driver, hooks and CI, or undo it; without --apply it only prints the diff."""
    from aiprov import setup

    repository = Repository.discover(repo)
    repository = Repository(repository.root.resolve())
    chosen = {
        "config": config,
        "merge-driver": merge_driver,
        "git-hooks": git_hooks,
        "pre-commit": pre_commit,
        "claude-code": claude_code,
        "codex": codex,
        "copilot-cli": copilot_cli,
        "cursor": cursor,
        "gemini-cli": gemini_cli,
        "windsurf": windsurf,
        "ci": ci is not None,
    }
    if any(chosen.values()):
        parts = [part for part in setup.PARTS if chosen[part.name]]
    else:
        parts = [part for part in setup.PARTS if remove or part.is_default]
    planned = setup.plan(repository, parts, remove=remove)
    if apply and planned.edits:
        setup.apply(planned)
    text = setup.diff(planned.edits)
    if as_json:
        emit(_payload(planned, parts, remove=remove, written=apply and bool(planned.edits), text=text), verb="init")
    elif not apply:
        print_patch(text.encode())
    if not any(chosen.values()) and not remove:
        _offer(setup.PARTS)
    _tell(planned, parts, remove=remove, apply=apply)
    if config and not remove and "config" not in planned.changed:
        _list_keys(repository.root)
    return 0


def _payload(planned: Plan, parts: list[Part], *, remove: bool, written: bool, text: str) -> dict[str, object]:
    from aiprov.setup import PARTS

    return {
        "action": "remove" if remove else "add",
        "parts": [
            {"part": part.name, "help": part.help, "chosen": part in parts, "changes": part.name in planned.changed}
            for part in PARTS
        ],
        "files": [{"file": edit.name, "action": _action(edit.before, edit.after)} for edit in planned.edits],
        "diff": text,
        "written": written,
    }


def _action(before: bytes | None, after: bytes | None) -> str:
    return "create" if before is None else "delete" if after is None else "change"


def _offer(parts: tuple[Part, ...]) -> None:
    note("init can set up:")
    for part in parts:
        option = "--ci github" if part.name == "ci" else f"--{part.name}"
        note(f"  {option:<15}{part.help}{' Default.' if part.is_default else ''}")


def _list_keys(root: Path) -> None:
    from aiprov.config import FILE, TABLE, rows

    note(f"[{TABLE}] of {FILE} takes:" if (root / FILE).exists() else f"no {FILE} here; in one, [{TABLE}] takes:")
    for row in rows():
        note(f"  {row.name}: {row.help}")


def _tell(planned: Plan, parts: list[Part], *, remove: bool, apply: bool) -> None:
    for part in parts:
        if part.name not in planned.changed and not remove:
            note(f"{part.name}: nothing to do")
    if not planned.edits:
        note("nothing to undo" if remove else "all is set up")
        return
    names = safe(", ".join(edit.name for edit in planned.edits), limit=2000)
    done = "undone in" if remove else "written"
    note(f"{done if apply else 'would change'}: {names}")
    if not apply:
        note("Next: the same command with --apply")
    elif not remove and any(part.needs_path for part in parts) and shutil.which("aiprov") is None:
        note("aiprov is not on PATH, where the tools look for it: install it with `uv tool install 'aiprov[cli]'`")
