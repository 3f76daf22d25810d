"""Gemini CLI's chats: `tmp/<project>/chats/session-*.jsonl`, and `.json` with all messages in one object before that.

A project's folder is named by a hash of its path, so whose chat it is shows in the files that it edits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aiprov.provenance.edits import _transcripts
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._said import to_gemini
from aiprov.provenance.edits._toolcalls import calls_of, text_of
from aiprov.provenance.edits._transcripts import (
    Places,
    Session,
    Transcripts,
    files_below,
    inner,
    items,
    objects,
    parsed,
    read_each,
)

_TOOLS = frozenset({"replace", "write_file"})
_MAX_CHAT = 256 * 1024 * 1024


def gemini_cli(folder: Path) -> Transcripts:
    return Transcripts(folder, read_edits)


def read_edits(folder: Path, places: Places) -> tuple[list[Edit], int]:
    roots = [os.fsencode(root) for root in places.roots]
    paths = [path for kind in ("jsonl", "json") for path in files_below(folder, f"tmp/*/chats/session-*.{kind}")]

    def read(path: Path) -> list[Edit]:
        if path.suffix == ".jsonl":
            return parse(objects(path), locate=places.locate)
        if path.stat().st_size > _MAX_CHAT:
            return []
        data = path.read_bytes()
        chat = parsed(data) if any(root in data for root in roots) else None
        return parse(map(inner, items(chat.get("messages"))), locate=places.locate) if chat else []

    return read_each(paths, read)


def parse(
    lines: Iterable[Mapping[str, object]],
    *,
    locate: Callable[[str, str], str | None],
    evidence: str = _transcripts.EVIDENCE,
) -> list[Edit]:
    """The edits of the calls that did not fail; a message may stand several times, as it grew."""
    session = Session(locate, "gemini-cli", evidence, cwd="/")
    seen: set[str] = set()
    for line in lines:
        session.prompt = to_gemini(line) or session.prompt
        for value in items(line.get("toolCalls")):
            call = inner(value)
            identity = text_of(call, "id") or str(len(seen))
            done = text_of(call, "status") in ("", "success")
            if text_of(call, "name") in _TOOLS and done and identity not in seen:
                seen.add(identity)
                puts = calls_of(text_of(call, "name"), call.get("args"), call.get("resultDisplay"))
                when = text_of(call, "timestamp") or text_of(line, "timestamp")
                session.put(puts, when=when, model=text_of(line, "model"))
    return session.edits
