"""Which model was at work and what it had been asked, from the end of the session's transcript."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from aiprov.hook._calls import Call
from aiprov.provenance.edits import _said
from aiprov.provenance.edits._toolcalls import text_of

# Read from the end: mostly the first piece says it all.
_PIECES = (1024 * 1024, 8 * 1024 * 1024)
_HEAD = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_QUERY = re.compile(r"<user_query>(.*?)</user_query>", re.DOTALL)


class Context(NamedTuple):
    """Empty texts for what is not known."""

    model: str = ""
    prompt: str = ""


_Line = Mapping[str, object]


def context_of(call: Call, payload: Mapping[str, object]) -> Context:
    reader = _READERS.get(call.tool)
    return reader(payload) if reader else Context()


def _claude(payload: _Line) -> Context:
    """A subagent has its own transcript and model; what it answers to was said in the session's."""
    session = Path(text_of(payload, "transcript_path"))
    agent, identity = text_of(payload, "agent_id"), text_of(payload, "tool_use_id")
    own = session.with_suffix("") / "subagents" / f"agent-{agent}.jsonl" if _ID.fullmatch(agent) else session
    mark = json.dumps(identity).encode() if identity else None

    def model(line: _Line) -> str:
        found = text_of(line.get("message"), "model") if line.get("type") == "assistant" else ""
        return "" if found.startswith("<") else found

    def is_main(raw: bytes) -> bool:
        return b'"assistant"' in raw and (own != session or b'"isSidechain":true' not in raw)

    called = mark and _last(own, model, within=lambda raw: mark in raw, pieces=_PIECES[:1])
    called = called or _last(own, model, within=is_main)
    return Context(called, _last(session, _said.to_claude, within=_from_user))


def _codex(payload: _Line) -> Context:
    def inside(read: Callable[[_Line], str]) -> Callable[[_Line], str]:
        return lambda line: read(inner) if isinstance(inner := line.get("payload"), Mapping) else ""

    session = Path(text_of(payload, "transcript_path"))
    model = _last(session, inside(lambda inner: text_of(inner, "model")), within=lambda raw: b'"turn_context"' in raw)
    return Context(model, _last(session, inside(_said.to_codex), within=_from_user))


def _gemini(payload: _Line) -> Context:
    session = Path(text_of(payload, "transcript_path"))
    if session.suffix == ".json":  # a chat in one object
        chat = _parsed(next(_backwards(session, _PIECES[-1:]), b""))
        messages = chat.get("messages")
        lines = [m for m in reversed(messages) if isinstance(m, Mapping)] if isinstance(messages, list) else []
        model = next(filter(None, (text_of(line, "model") for line in lines)), "")
        return Context(model, next(filter(None, map(_said.to_gemini, lines)), ""))
    model = _last(session, lambda line: text_of(line, "model"), within=lambda raw: b'"model"' in raw)
    return Context(model, _last(session, _said.to_gemini, within=_from_user))


def _copilot_cli(payload: _Line) -> Context:
    identity = text_of(payload, "sessionId", "session_id")
    if not _ID.fullmatch(identity):
        return Context()
    folder = Path(os.environ.get("COPILOT_HOME") or Path(os.path.expanduser("~"), ".copilot"))  # noqa: PTH111  # never raises
    session = folder / "session-state" / identity / "events.jsonl"

    def model(line: _Line) -> str:
        return text_of(line.get("data"), "newModel", "selectedModel")

    def names_model(raw: bytes) -> bool:
        return b'"newModel"' in raw or b'"selectedModel"' in raw

    last = _last(session, model, within=names_model) or _first(session, model, within=names_model)
    return Context(last, _last(session, _said.to_copilot, within=lambda raw: b'"user.message"' in raw))


def _cursor(payload: _Line) -> Context:
    """What Cursor has struck out of its transcript cannot be hashed."""

    def said(line: _Line) -> str:
        message = line.get("message")
        blocks = message.get("content") if line.get("role") == "user" and isinstance(message, Mapping) else None
        text = "\n".join(text_of(block, "text") for block in blocks) if isinstance(blocks, list) else ""
        query = _QUERY.search(text)
        return query[1].strip() if query else text.strip()

    prompt = _last(Path(text_of(payload, "transcript_path")), said, within=_from_user)
    return Context("", "" if "[REDACTED]" in prompt else prompt)


def _from_user(raw: bytes) -> bool:
    return b'"user' in raw and b'"tool_result"' not in raw


def _last(
    path: Path, read: Callable[[_Line], str], *, within: Callable[[bytes], bool], pieces: tuple[int, ...] = _PIECES
) -> str:
    """The last line that has something to say; empty where none has."""
    return next(filter(None, (read(_parsed(raw)) for raw in _backwards(path, pieces) if within(raw))), "")


def _first(path: Path, read: Callable[[_Line], str], *, within: Callable[[bytes], bool]) -> str:
    lines = _piece(path, 0, _HEAD).split(b"\n")
    return next(filter(None, (read(_parsed(raw)) for raw in lines if within(raw))), "")


def _parsed(raw: bytes) -> _Line:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _backwards(path: Path, pieces: tuple[int, ...]) -> Iterator[bytes]:
    """The last lines first; what a piece cuts off comes whole with the next one."""
    seen = 0
    for size in pieces:
        data = _piece(path, -size, size)
        lines = data.rstrip(b"\n").split(b"\n")
        whole = lines if len(data) < size else lines[1:]
        yield from whole[: len(whole) - seen][::-1]
        seen = len(whole)
        if whole is lines:
            return


def _piece(path: Path, start: int, size: int) -> bytes:
    """Part of a regular file, from its end where `start` is negative; empty where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return b""
        return os.pread(descriptor, size, max(0, found.st_size + start) if start < 0 else start)
    finally:
        os.close(descriptor)


_READERS: dict[str, Callable[[_Line], Context]] = {
    "claude-code": _claude,
    "codex": _codex,
    "copilot-cli": _copilot_cli,
    "cursor": _cursor,
    "gemini-cli": _gemini,
}
