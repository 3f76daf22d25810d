"""`aiprov recall`: every live function of a model, a tool or a prompt."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.cli.record import read_key
from aiprov.cli.show import prompt_url
from aiprov.errors import UsageError

if TYPE_CHECKING:
    from aiprov.provenance import Recalled


def recall(  # noqa: PLR0913  # the verb's options
    *,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="A model: its name, the beginning of it, or like 'anthropic/*'.")
    ] = None,
    tool: Annotated[str | None, typer.Option(metavar="T", help="A tool, such as claude-code or 'c*'.")] = None,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="HASH|FILE|-", help="A prompt: its hash or 8 digits of it, or its text in a file."),
    ] = None,
    prompt_key: Annotated[
        str | None, typer.Option(metavar="ENVVAR", help="Environment variable with the key that was used to hash.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE|REV", help="Generated at or after a date, 7d ago, or after a revision.")
    ] = None,
    contributor: Annotated[str | None, typer.Option(metavar="ai|mixed|human", help="Only these functions.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """List every function in the work tree that a model, a tool or a prompt had a hand in; options combine."""
    from aiprov.provenance import Query, find_root, read_manifest
    from aiprov.provenance import recall as look_up

    if contributor not in (None, "ai", "mixed", "human"):
        raise UsageError("--contributor must be ai, mixed or human")
    for option, value in (("--model", model), ("--tool", tool)):
        if value is not None and not value.strip():
            raise UsageError(f"{option} is empty; give a name")
    root = find_root(repo)
    query = Query(
        model=model,
        tool=tool,
        prompt=None if prompt is None else _prompt(prompt, prompt_key),
        since=since,
        contributor=contributor,
    )
    found = look_up(read_manifest(root), query, root=root, now=datetime.now(UTC), prompt_url=prompt_url(root))
    if as_json:
        functions = [{**asdict(one.provenance), "matched": list(one.matched)} for one in found.functions]
        emit({"functions": functions}, verb="recall")
    else:
        _print(found)
    _tell(found)
    return 0


def _prompt(text: str, key_variable: str | None) -> str:
    """The hash that is asked for, or of the text that is; no message may hold the text."""
    from aiprov.provenance import PROMPT_HASH
    from aiprov.provenance._prompts import MAX_BYTES, decode, prompt_hash

    if PROMPT_HASH.fullmatch(text) and not Path(text).exists():
        return text
    try:
        if text == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(text).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        wanted = "a hash of 8 hex digits or more, a readable file, or - for stdin, never the prompt itself"
        raise UsageError(f"--prompt takes {wanted}") from None
    return prompt_hash(decode(data), key=None if key_variable is None else read_key(key_variable))


def _print(found: Recalled) -> None:
    from aiprov.report.provenance import recalled_lines, recalled_rows

    if sys.stdout.isatty():
        out = console()
        for line in recalled_lines(found.functions, width=out.width):
            out.print(line, soft_wrap=True)
    else:
        sys.stdout.writelines(f"{row}\n" for row in recalled_rows(found.functions))


def _tell(found: Recalled) -> None:
    states = Counter(one.provenance.state for one in found.functions)
    count = len(found.functions)
    files = len({one.provenance.function.rpartition("::")[0] for one in found.functions})
    for hint in found.hints:
        note(hint)
    if not count and not found.hints:
        note("no live function answers to this; functions without a record are unknown and never listed")
    elif count:
        shares = ", ".join(f"{states[state]} {state}" for state in ("verified", "stale", "unverified") if states[state])
        note(f"{_counted(count, 'function')} in {_counted(files, 'file')}: {shares}")
    if found.deleted:
        note(f"{found.deleted} more with such a record: no longer in the work tree")
    if found.undated:
        note(f"{found.undated} more might be: when they were generated is not known")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
