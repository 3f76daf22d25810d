"""Claude Code's transcripts: `projects/<folder>/<session>.jsonl`, with subagents in a folder of the session's name."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiprov.provenance.edits import _transcripts
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._said import to_claude
from aiprov.provenance.edits._toolcalls import calls_of, text_of
from aiprov.provenance.edits._transcripts import (
    Places,
    Session,
    Transcripts,
    files_below,
    inner,
    items,
    objects,
    read_each,
)

_FOLDER_NAME = re.compile(r"[^A-Za-z0-9]")
# A folder's name is cut off where it would be too long for a file system.
_NAME_LENGTH = 150
_TOOLS = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
_CALL = re.compile(rb'"name":\s*"(?:Edit|Write|MultiEdit|NotebookEdit)"')
_CALL_ID = re.compile(rb'"id":\s*"([^"\\]{1,200})"')
_ANSWERED = re.compile(rb'"tool_use_id":\s*"([^"\\]{1,200})"')
_FROM_USER = re.compile(rb'"type":\s*"user"')


@dataclass(slots=True)
class Prompts:
    """What the user said in a session, by time: a subagent's work answers it too."""

    times: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def note(self, text: str, when: str) -> None:
        if text and when >= (self.times or [""])[-1]:
            self.times.append(when)
            self.texts.append(text)

    def at(self, when: str) -> str:
        place = bisect_right(self.times, when)
        return self.texts[place - 1] if place else ""


def claude_code(folder: Path) -> Transcripts:
    return Transcripts(folder, read_edits)


def read_edits(folder: Path, places: Places) -> tuple[list[Edit], int]:
    names = tuple(_FOLDER_NAME.sub("-", root)[:_NAME_LENGTH] for root in places.roots)
    paths = [
        path
        for project in sorted((folder / "projects").glob("*"))
        if _FOLDER_NAME.sub("-", project.name).startswith(names)
        for path in (*files_below(project, "*.jsonl"), *files_below(project, "*/subagents/**/*.jsonl"))
    ]
    seen: set[str] = set()
    sessions: dict[str, Prompts] = {}

    def read(path: Path) -> list[Edit]:
        parent = next((folder.parent.name for folder in path.parents if folder.name == "subagents"), None)
        prompts = sessions.setdefault(path.stem, Prompts()) if parent is None else sessions.get(parent, Prompts())
        return parse(
            objects(path, within=_concerns()), locate=places.locate, holds=places.holds, prompts=prompts, seen=seen
        )

    return read_each(paths, read)


def _concerns() -> Callable[[bytes], bool]:
    """Which lines of a file to look at: calls that edit, their answers, and prompts; not the answers to others."""
    asked: set[bytes] = set()

    def concerns(line: bytes) -> bool:
        if b'"tool_use"' in line and _CALL.search(line):
            asked.update(_CALL_ID.findall(line))
            return True
        answered = _ANSWERED.findall(line)
        return not asked.isdisjoint(answered) if answered else _FROM_USER.search(line) is not None

    return concerns


def parse(
    lines: Iterable[Mapping[str, object]],
    *,
    locate: Callable[[str, str], str | None],
    holds: Callable[[str], bool] = bool,
    prompts: Prompts | None = None,
    seen: set[str] | None = None,
    evidence: str = _transcripts.EVIDENCE,
) -> list[Edit]:
    """The edits that the results confirm; `seen` holds the calls that an earlier copy of this session had."""
    session = Session(locate, "claude-code", evidence)
    prompts = Prompts() if prompts is None else prompts
    seen = set() if seen is None else seen
    calls: dict[str, tuple[Mapping[str, object], str, str]] = {}
    for line in lines:
        message = inner(line, "message")
        when = text_of(line, "timestamp")
        session.cwd = text_of(line, "cwd") or session.cwd
        if line.get("type") == "assistant":
            for block in items(message.get("content")):
                if text_of(block, "type") == "tool_use" and text_of(block, "name") in _TOOLS:
                    calls[text_of(block, "id")] = inner(block), text_of(message, "model"), prompts.at(when)
        elif line.get("type") == "user":
            prompts.note(to_claude(line), when)
            for block in items(message.get("content")):
                call = calls.pop(text_of(block, "tool_use_id"), None)
                identity = text_of(block, "tool_use_id")
                if call and identity not in seen and holds(session.cwd) and not inner(block).get("is_error"):
                    seen.add(identity)
                    used, model, prompt = call
                    puts = calls_of(text_of(used, "name"), used.get("input"), line.get("toolUseResult"))
                    session.put(puts, when=when, model=model, prompt=prompt)
    return session.edits
