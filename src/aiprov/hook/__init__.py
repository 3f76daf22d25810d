"""`aiprov hook TOOL`: what an editor says about one edit goes into the journal and, where time allows, the manifest.

An editor waits for this and some read what it prints: it always ends with 0, prints nothing, and imports little. What
goes wrong is one line on standard error, which editors show in their logs at most.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import IO

from aiprov.hook._calls import READERS, Call
from aiprov.hook._context import context_of
from aiprov.hook._place import Place, place_of
from aiprov.hook._update import update, without_known
from aiprov.provenance import _times
from aiprov.provenance._models import normalise
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.edits import _journal
from aiprov.provenance.edits._edits import added_blocks, edit_of_blocks
from aiprov.provenance.edits._toolcalls import calls_of
from aiprov_runtime._guard import guard
from aiprov_runtime._manifest import Generation

__all__ = ["TOOLS", "run"]

EVIDENCE = "hook"
TOOLS = tuple(sorted(READERS))
MAX_INPUT = 32 * 1024 * 1024
MAX_TEXT = 4 * 1024 * 1024


def run(arguments: list[str], *, stdin: IO[bytes] | None = None, clock: Callable[[], datetime] | None = None) -> int:
    """Always 0."""
    with guard("hook"):
        problem = _run(arguments, stdin or sys.stdin.buffer, clock or (lambda: datetime.now(UTC)))
        if problem:
            sys.stderr.write(f"aiprov hook: {problem}\n")
    return 0


def _run(arguments: list[str], stdin: IO[bytes], clock: Callable[[], datetime]) -> str:
    """In a few words what was wrong, empty where nothing was."""
    reader = READERS.get(arguments[0]) if len(arguments) == 1 else None
    if reader is None:
        return f"name one of {', '.join(TOOLS)}"
    if stdin.isatty():
        return "reads what an editor's hook writes to standard input"
    data = stdin.read(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        return f"more than {MAX_INPUT >> 20} MiB on standard input; nothing recorded"
    try:
        payload = json.loads(data.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return "standard input is not a JSON object; nothing recorded"
    try:
        if call := reader(payload):
            _record(call, payload, clock())
    except OSError as error:
        return f"not recorded in the manifest: {error.strerror or 'input/output error'}"
    return ""


def _record(call: Call, payload: Mapping[str, object], now: datetime) -> None:
    places = [place for path in call.paths if (place := place_of(path, call.cwd))]
    if not places:
        return
    generation = _generation(call, payload, now)
    for place in places:
        text = _text(place)
        puts = calls_of(call.name, call.given, call.result, now=text)
        blocks = [put.blocks for put in puts if place_of(put.path, call.cwd) == place]
        if blocks and (given := call.unfounded(text)):
            committed = _committed(place)
            blocks = [added_blocks(committed, without_known(place, one)) for one in given]
        edits = [edit for found in blocks if (edit := edit_of_blocks(place.path, found, generation))]
        _journal.append(place.git, edits)
        if edits:
            update(place, text, edits, before=call.before(text))


def _text(place: Place) -> str:
    """The file as it is now; empty where it is gone, large or no text."""
    file = place.root / place.path
    if not file.is_file() or file.stat().st_size > MAX_TEXT:
        return ""
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _committed(place: Place) -> str:
    """The file as the last commit has it; empty for a new one."""
    from aiprov.git import Repository  # few calls need it, and an editor waits for every import

    return (Repository(place.root).read("HEAD", place.path) or b"").decode("utf-8", "surrogateescape")


def _generation(call: Call, payload: Mapping[str, object], now: datetime) -> Generation:
    said = context_of(call, payload)
    model, raw = normalise(call.model or said.model)
    prompt = said.prompt.strip()
    return Generation(
        model=model,
        raw_model=raw,
        tool=call.tool,
        prompt_hash=prompt_hash(prompt.encode("utf-8", "replace").decode()) if prompt else None,
        generated_at=_times.from_epoch(str(int(now.timestamp()))),
        evidence=EVIDENCE,
    )
