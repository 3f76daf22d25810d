"""Codex's rollouts: `{sessions,archived_sessions}/**/rollout-*.jsonl`, patches in several kinds of calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path

from aiprov.provenance.edits import _transcripts
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._said import to_codex
from aiprov.provenance.edits._toolcalls import Put, in_patch, patches_in, text_of
from aiprov.provenance.edits._transcripts import (
    Places,
    Session,
    Transcripts,
    files_below,
    inner,
    objects,
    parsed,
    read_each,
)

_OURS = re.compile(rb'"(?:session_meta|turn_context|response_item|user_message|patch_apply_end)"')
_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_EXIT_CODE = re.compile(r"(?:Exit code|exited with code|exit_code\"?):? *(-?\d+)")
_REFUSED = re.compile(r"\b(?:failed|error|rejected|aborted|denied|invalid)\b", re.IGNORECASE)


def codex(folder: Path) -> Transcripts:
    return Transcripts(folder, read_edits)


def read_edits(folder: Path, places: Places) -> tuple[list[Edit], int]:
    paths = (
        path for kind in ("sessions", "archived_sessions") for path in files_below(folder / kind, "**/rollout-*.jsonl")
    )
    seen: set[str] = set()

    def read(path: Path) -> list[Edit]:
        lines = objects(path, within=lambda line: _OURS.search(line, 0, 400) is not None)
        first = next(lines, None)
        if first is None or not places.holds(text_of(inner(first, "payload"), "cwd") or "/"):
            return []  # one look at each of the other repositories' sessions
        return parse(chain([first], lines), locate=places.locate, seen=seen)

    return read_each(paths, read)


def parse(
    lines: Iterable[Mapping[str, object]],
    *,
    locate: Callable[[str, str], str | None],
    seen: set[str] | None = None,
    evidence: str = _transcripts.EVIDENCE,
) -> list[Edit]:
    """The edits that their outputs confirm."""
    session = Session(locate, "codex", evidence)
    seen = set() if seen is None else seen
    calls: dict[str, tuple[list[Put], str, str, str]] = {}
    for line in lines:
        payload = inner(line, "payload")
        kind = text_of(payload, "type") or text_of(line, "type")
        if kind in ("session_meta", "turn_context"):
            session.cwd = text_of(payload, "cwd") or session.cwd
            session.model = text_of(payload, "model") or session.model
        elif kind in ("user_message", "message"):
            session.prompt = to_codex(payload) or session.prompt
        elif kind in _CALLS:
            puts, folder = _patched(payload)
            calls[text_of(payload, "call_id")] = puts, folder or session.cwd, session.model, session.prompt
        elif kind in _OUTPUTS or kind == "patch_apply_end":
            identity = text_of(payload, "call_id")
            call = calls.pop(identity, None)
            if call and identity not in seen and succeeded(payload):
                seen.add(identity)
                puts, folder, model, prompt = call
                here, session.cwd = session.cwd, folder
                session.put(puts, when=text_of(line, "timestamp"), model=model, prompt=prompt)
                session.cwd = here
    return session.edits


def _patched(payload: Mapping[str, object]) -> tuple[list[Put], str]:
    """The patch in a call, and the folder that it is relative to where the call names one."""
    given: object = payload.get("input") or payload.get("arguments") or payload.get("action")
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = parsed(given.encode("utf-8", "replace"))
    if text_of(payload, "name") == "apply_patch":
        return in_patch(given if isinstance(given, str) else text_of(given, "patch", "input")), ""
    command = inner(given).get("command", inner(given).get("cmd"))
    return in_patch(patches_in(command)), text_of(given, "workdir", "working_directory")


def succeeded(payload: Mapping[str, object]) -> bool:
    """What the output says of itself, by its exit code or else by its words."""
    if isinstance(payload.get("success"), bool):
        return payload["success"] is True
    output = payload.get("output")
    text = output if isinstance(output, str) else text_of(output, "content", "output") or json.dumps(output)
    if code := _EXIT_CODE.search(text):
        return int(code[1]) == 0
    return "Success" in text[:1000] or not _REFUSED.search(text[:1000])
