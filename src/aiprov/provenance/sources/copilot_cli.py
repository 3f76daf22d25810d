"""Copilot CLI's sessions: `session-state/<id>/events.jsonl`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path

from aiprov.provenance.edits import _transcripts
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._said import to_copilot
from aiprov.provenance.edits._toolcalls import Put, calls_of, text_of
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

_TOOLS = frozenset({"create", "edit", "str_replace", "str_replace_editor", "apply_patch", "git_apply_patch"})
_GOOD = ("", "success")


def copilot_cli(folder: Path) -> Transcripts:
    return Transcripts(folder, read_edits)


def read_edits(folder: Path, places: Places) -> tuple[list[Edit], int]:
    def read(path: Path) -> list[Edit]:
        lines = objects(path)
        first = next(lines, None)
        if first is None or not places.holds(text_of(inner(first, "data", "context"), "cwd")):
            return []  # one look at each of the other repositories' sessions
        return parse(chain([first], lines), locate=places.locate)

    return read_each(files_below(folder / "session-state", "*/events.jsonl"), read)


def parse(
    lines: Iterable[Mapping[str, object]],
    *,
    locate: Callable[[str, str], str | None],
    evidence: str = _transcripts.EVIDENCE,
) -> list[Edit]:
    """The edits whose calls are said to have ended well."""
    session = Session(locate, "copilot-cli", evidence)
    calls: dict[str, tuple[list[Put], str, str]] = {}
    for line in lines:
        kind, data = text_of(line, "type"), inner(line, "data")
        if kind in ("session.start", "session.resume"):
            session.cwd = text_of(inner(data, "context"), "cwd") or session.cwd
            session.model = text_of(data, "selectedModel") or session.model
        elif kind == "session.model_change":
            session.model = text_of(data, "newModel")
        elif kind == "user.message":
            session.prompt = to_copilot(line)
        elif kind == "tool.execution_start" and text_of(data, "toolName") in _TOOLS:
            given = data.get("arguments")
            if isinstance(given, str) and given.lstrip().startswith("{"):
                given = parsed(given.encode("utf-8", "replace"))
            puts = calls_of(text_of(data, "toolName"), given)
            calls[text_of(data, "toolCallId")] = puts, session.model, session.prompt
        elif kind == "tool.execution_complete":
            call = calls.pop(text_of(data, "toolCallId"), None)
            said = text_of(inner(data, "result"), "result_type", "resultType")
            if call and data.get("success") is not False and said in _GOOD and not data.get("error"):
                puts, model, prompt = call
                session.put(puts, when=text_of(line, "timestamp"), model=text_of(data, "model") or model, prompt=prompt)
    return session.edits
