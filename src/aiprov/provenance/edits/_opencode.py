"""A session of opencode as it exports one: a JSON object with all messages, each in parts."""

from __future__ import annotations

from collections.abc import Callable

from aiprov.provenance import _times
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._toolcalls import calls_of, text_of
from aiprov.provenance.edits._transcripts import Session, inner, items, parsed

_TOOLS = frozenset({"apply_patch", "edit", "multiedit", "patch", "write"})


def parse(data: bytes, *, locate: Callable[[str, str], str | None], evidence: str) -> list[Edit]:
    """The edits of the calls that were completed; what a subagent was asked is no person's prompt."""
    chat = parsed(data) or {}
    is_subagent = bool(text_of(inner(chat, "info"), "parentID"))
    session = Session(locate, "opencode", evidence)
    for message in map(inner, items(chat.get("messages"))):
        info = inner(message, "info")
        parts = [inner(part) for part in items(message.get("parts"))]
        if info.get("role") == "user":
            said = [text_of(part, "text") for part in parts if part.get("type") == "text" and not part.get("synthetic")]
            session.prompt = "" if is_subagent else "\n".join(filter(None, said)) or session.prompt
            continue
        session.cwd = text_of(inner(info, "path"), "cwd") or session.cwd
        for part in parts:
            state, name = inner(part, "state"), text_of(part, "tool")
            if part.get("type") == "tool" and name in _TOOLS and state.get("status") == "completed":
                given = state.get("input")
                when = inner(state, "time").get("end")
                at = _times.from_epoch(str(when // 1000)) if isinstance(when, int) else None
                puts = calls_of(name, text_of(given, "patchText") or given)
                session.put(puts, when=at or "", model=text_of(info, "modelID"))
    return session.edits
