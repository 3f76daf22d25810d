"""`aiprov record`: log one generation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.errors import UsageError
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

if TYPE_CHECKING:
    from aiprov.provenance._record import Recorded

SHOWN = 10


def record(  # noqa: PLR0913  # the verb's options
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="path, path::qualname, or path::Class for its methods.")
    ],
    *,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="The model, as provider/model or by its usual name.")
    ] = None,
    tool: Annotated[str | None, typer.Option(metavar="T", help="The tool that ran it, such as claude-code.")] = None,
    prompt_file: Annotated[
        str | None,
        typer.Option(
            "--prompt-file", "--prompt", metavar="FILE", help="The prompt's text, - for stdin; only its hash is kept."
        ),
    ] = None,
    prompt_key: Annotated[
        str | None,
        typer.Option(
            metavar="ENVVAR", help="Environment variable with a secret key for the hash, so nobody can guess it."
        ),
    ] = None,
    generated_at: Annotated[str | None, typer.Option(metavar="ISO", help="When, like 2026-11-02T10:11:12Z.")] = None,
    commit: Annotated[str | None, typer.Option(metavar="REV", help="The commit that holds the code.")] = None,
    contributor: Annotated[
        str, typer.Option(metavar="ai|mixed|human", help="mixed where people wrote part of it.")
    ] = "ai",
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Write FILE.ai_metadata.json beside each file too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print only; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repo: Annotated[Path, typer.Option(metavar="DIR", help="The repository.")] = Path(),
) -> int:
    """Record that a model, or a person, wrote these files or functions."""
    from aiprov.provenance import describe, record_generation
    from aiprov.provenance._prompts import is_guessable

    if model is None and tool is None and contributor != "human":
        raise UsageError("give --model, or --tool where the model is not known, or --contributor human")
    prompt = None if prompt_file is None else _read_prompt(prompt_file)
    key = None if prompt_key is None else read_key(prompt_key)
    generation = describe(model=model, tool=tool, prompt=prompt, prompt_key=key, generated_at=generated_at)
    done = record_generation(
        targets,
        generation,
        commit=commit,
        contributor=contributor,
        base=repo,
        sidecar=sidecar,
        dry_run=dry_run,
    )
    if prompt is not None and key is None and is_guessable(prompt):
        note("note: the plain hash of so short a prompt can be guessed; --prompt-key makes a keyed one")
    if generation.raw_model is not None and generation.model is None:
        note("note: no model is known by that name; it is kept as written, without a provider")
    if as_json:
        _emit(done, written=not dry_run)
    else:
        _print(done, contributor=contributor, written=not dry_run)
    return 0


def _emit(done: Recorded, *, written: bool) -> None:
    generation = {"id": done.generation.id, **done.generation.as_leaf()}
    functions, sidecars = list(done.functions), list(done.sidecars)
    facts = {"generation": generation, "functions": functions, "sidecars": sidecars}
    emit({**facts, "manifest": MANIFEST_PATH, "written": written}, verb="record")


def _print(done: Recorded, *, contributor: str, written: bool) -> None:
    out = console()
    unnamed = "people" if contributor == "human" else "a model that is not known"
    said = safe(done.generation.model or done.generation.raw_model or unnamed)
    out.print(f"{len(done.functions)} {_functions(len(done.functions))} by {said}", soft_wrap=True)
    for name in done.functions[:SHOWN]:
        out.print(f"  {safe(name)}", soft_wrap=True)
    if len(done.functions) > SHOWN:
        out.print(f"  and {len(done.functions) - SHOWN} more")
    if done.generation.prompt_hash:
        out.print(f"prompt {done.generation.prompt_hash}", soft_wrap=True)
    for name in done.sidecars:
        out.print(f"{'wrote' if written else 'would write'} {safe(name)}", soft_wrap=True)
    note(f"{f'wrote {MANIFEST_PATH}; commit it with the code' if written else 'nothing written (--dry-run)'}")


def _functions(count: int) -> str:
    return "function" if count == 1 else "functions"


def _read_prompt(name: str) -> str:
    """No message here may hold the name: it may be the prompt itself."""
    from aiprov.provenance._prompts import MAX_BYTES, decode

    if name == "-":
        return decode(sys.stdin.buffer.read(MAX_BYTES + 1))
    try:
        with Path(name).open("rb") as file:
            return decode(file.read(MAX_BYTES + 1))
    except (OSError, ValueError):
        raise UsageError("--prompt-file takes a readable file, or - for stdin, never the prompt itself") from None


def read_key(variable: str) -> bytes:
    key = os.environb.get(os.fsencode(variable), b"")
    if not key:
        raise UsageError("--prompt-key takes the name of an environment variable that holds the key; it is not set")
    return key
