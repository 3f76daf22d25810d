"""What a person typed, as each agent's records hold it: without what the program adds, or says in their name.

Nothing here imports more than the standard library has at hand, because a hook waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiprov.provenance.edits._toolcalls import text_of

_COMMAND = re.compile(r"<command-name>(.*?)</command-name>", re.DOTALL)
_ARGUMENTS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_NOT_TO_CLAUDE = re.compile(
    r"<(?:local-command|bash-|ide_|task-notification|user-memory|system-|command-stdout)"
    r"|\[Request interrupted|Caveat: The messages"
)
_NOT_TO_CODEX = re.compile(r"<[a-z_]+[ >]|# AGENTS\.md instructions|# Context from my IDE")
_NOT_TO_GEMINI = re.compile(r"<[a-z_]+>|--- Content from")
_NOT_FROM_A_PERSON = ("isSidechain", "isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")


def to_claude(line: Mapping[str, object]) -> str:
    """From a line of a transcript; a command of the program's counts as it was typed."""
    if line.get("type") != "user" or any(line.get(mark) for mark in _NOT_FROM_A_PERSON):
        return ""
    message = line.get("message")
    blocks = _parts(message.get("content") if isinstance(message, Mapping) else None)
    said = [text for block in blocks if (text := _REMINDER.sub("", block).strip()) and not _NOT_TO_CLAUDE.match(text)]
    text = "\n".join(said)
    if command := _COMMAND.search(text):
        arguments = _ARGUMENTS.search(text)
        return f"{command[1].strip()} {arguments[1].strip() if arguments else ''}".strip()
    return text


def to_codex(payload: Mapping[str, object]) -> str:
    """From a `user_message` event or a message item; each turn has both."""
    if payload.get("type") == "user_message":
        text = text_of(payload, "message")
    elif payload.get("type") == "message" and payload.get("role") == "user":
        text = "\n".join(_parts(payload.get("content")))
    else:
        return ""
    text = text.strip()
    return "" if _NOT_TO_CODEX.match(text) else text


def to_gemini(line: Mapping[str, object]) -> str:
    """From a message of a chat, without the files that the program adds."""
    if line.get("type") != "user":
        return ""
    parts = _parts(line.get("content"))
    return "\n".join(text for part in parts if (text := part.strip()) and not _NOT_TO_GEMINI.match(text))


def to_copilot(line: Mapping[str, object]) -> str:
    return text_of(line.get("data"), "content").strip() if line.get("type") == "user.message" else ""


def _parts(content: object) -> list[str]:
    """The texts of a message, which is one text or a list of typed blocks."""
    if isinstance(content, str):
        return [content]
    return [text_of(block, "text") for block in content] if isinstance(content, list) else []
