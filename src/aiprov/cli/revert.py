"""`aiprov revert`: the patch that puts functions back to an earlier version."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import emit, note, print_patch
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.text import safe

if TYPE_CHECKING:
    from aiprov.revert import Outcome, Plan

REFUSED_EXIT = 2


def revert(  # noqa: PLR0913  # the verb's options
    functions: Annotated[
        list[str], typer.Argument(metavar="FUNCTION...", help="path::qualname, as `spike` prints it.")
    ],
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="REV", help="Release, tag or commit to go back to; default: before its last logic change."
        ),
    ] = None,
    incident: Annotated[
        str | None, typer.Option(metavar="REV", help="Revision that failed; refuse what was changed again since.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the files.")] = False,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="Commit to a new branch; the work tree is not touched.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Print the patch that restores functions as they were, and nothing else of the release."""
    from aiprov import revert as engine

    if apply and branch is not None:
        raise UsageError("--apply and --branch exclude each other; choose one")
    repository = Repository.discover(repo)
    if branch is not None:
        engine.check_branch(repository, branch)
    plan = engine.plan(repository, functions, to=to, incident=incident, writing=apply or branch is not None)
    made = None
    if plan.edits and apply:
        engine.apply(repository, plan.edits)
    elif plan.edits and branch is not None:
        message = _message(plan, to)
        made = engine.commit_branch(repository, plan.edits, head=plan.head, name=branch, message=message)
    if as_json:
        emit(_payload(plan, applied=apply and bool(plan.edits), branch=branch if made else None), verb="revert")
    elif made is None and not apply:
        print_patch(plan.patch)
    _summary(repository, plan, to)
    note(_next(plan, apply=apply, branch=branch if made else None))
    return REFUSED_EXIT if plan.refused else 0


def _payload(plan: Plan, *, applied: bool, branch: str | None) -> dict[str, object]:
    return {
        "to": plan.to,
        "functions": [_function(outcome) for outcome in plan.outcomes],
        "notes": list(plan.notes),
        # Bytes that are no UTF-8 become lone surrogates, as in Python's own file names.
        "patch": plan.patch.decode("utf-8", "surrogateescape"),
        "applied": applied,
        "branch": branch,
    }


def _function(outcome: Outcome) -> dict[str, object]:
    return {
        "function": outcome.function,
        "status": outcome.status,
        "to": outcome.to,
        "undone": outcome.undone,
        "reason": outcome.reason,
        "warnings": list(outcome.warnings),
        "added": list(outcome.added),
    }


def _summary(repository: Repository, plan: Plan, to: str | None) -> None:
    for outcome in plan.outcomes:
        at = f" to {_target(outcome, to)}" if outcome.to else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        note(safe(f"{outcome.status}{at}: {outcome.function}{reason}", limit=2000))
        if outcome.undone:
            note(safe(f"  undoes {_described(repository, outcome.undone)}"))
        for added in outcome.added:
            note(safe(f"  brought back: {added}"))
        for warning in outcome.warnings:
            note(safe(f"  warning: {warning}", limit=2000))
    for text in plan.notes:
        note(safe(f"note: {text}"))


def _described(repository: Repository, commit: str) -> str:
    told = repository.run("log", "-1", "--no-show-signature", "--format=%cs %s", "--end-of-options", commit)
    return f"{commit[:12]} of {told.decode('utf-8', 'replace').strip()}"


def _target(outcome: Outcome, to: str | None) -> str:
    commit = (outcome.to or "")[:12]
    if to is None:
        return f"{commit} (before its last logic change)"
    return commit if commit.startswith(to) or to.startswith(commit) else f"{commit} ({to})"


def _next(plan: Plan, *, apply: bool, branch: str | None) -> str:
    """What to run now."""
    if plan.refused:
        return "nothing was written: mend or leave out what is refused, then run it again"
    if not plan.edits:
        return "nothing to revert: the logic is the same as then"
    files = safe(", ".join(edit.path for edit in plan.edits))
    if apply:
        undo = safe(shlex.join(edit.path for edit in plan.edits))
        return f"written: {files}. Next: run the tests, then git commit; to undo: git restore -- {undo}"
    if branch is not None:
        return f"committed to branch {safe(branch)} ({files}). Next: run the tests on it, then push it for review"
    how = "the same command with --apply or --branch NAME (or pipe it into git apply)"
    return f"would change {files}. Next: {how}, then run the tests"


def _message(plan: Plan, to: str | None) -> str:
    reverted = [outcome for outcome in plan.outcomes if outcome.status == "reverted"]
    names = [safe(outcome.function, limit=200) for outcome in reverted]
    subject = f"Revert {names[0]}" if len(names) == 1 else f"Revert {len(names)} functions"
    lines = [
        f"{name}: as of {_target(o, safe(to, limit=80) if to else None)}"
        for name, o in zip(names, reverted, strict=True)
    ]
    added = [f"Brought back for it: {safe(text)}" for outcome in reverted for text in outcome.added]
    return "\n".join([subject, "", *lines, *added, "", "The rest of these files is unchanged.", ""])
