"""git-ai's notes: for each commit the lines that an agent wrote, and those that a person was seen typing.

A note is believed line by line. Where entries overlap the later one counts, unless only the earlier one is described
in the note's own metadata. A line that no entry names is untracked: git-ai watched the commit and does not know.
A note that names no line at all says nothing, so the commit's trailers are asked. The prompt is the first message of
the conversation, which only old notes hold.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, TypeVar

import msgspec

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.provenance._models import normalise
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.lines._blobs import blob_sizes, read_blobs
from aiprov.provenance.sources import UNTRACKED, CommitText, Line, LineEvidence, OnCommits
from aiprov.provenance.sources.trailers import PRODUCTS
from aiprov_runtime._manifest import Generation

NOTES = ("refs/notes/ai", "refs/notes/ai-remote", "refs/remotes/*/notes/ai")
OLD_NOTES = ("refs/ai/authorship", "refs/remotes/*/ai/authorship")
MAX_NOTE = 16 * 1024 * 1024
MAX_REFS = 50
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RANGES = re.compile(r"\d{1,9}(?:-\d{1,9})?(?:,\d{1,9}(?:-\d{1,9})?)*", re.ASCII)
_TOOL = re.compile(r"[\w .+-]{1,60}")
# A checkpoint that nobody attested, which got into some notes under this name; git-ai passes it over as well.
_UNATTESTED = "human"
_TOOLS = {
    "claude": "claude-code",
    "gemini": "gemini-cli",
    "github-copilot": "copilot",
    "github-copilot-jetbrains": "copilot",
}
_T = TypeVar("_T")

Span = tuple[int, int]
"""First and last line."""


class NoteError(ValueError):
    """Not a git-ai note."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who wrote the lines of an entry; all empty for an agent that the note does not describe."""

    tool: str | None = None
    model: str | None = None
    raw_model: str | None = None
    prompt_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    agent: Agent | None
    """None for a person."""
    spans: tuple[Span, ...]
    is_described: bool = True
    """The note's metadata knows the key."""


@dataclass(frozen=True, slots=True)
class Note:
    """Entries by path; an empty note says nothing."""

    files: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)


class _Metadata(msgspec.Struct):
    schema_version: str
    prompts: msgspec.Raw = msgspec.Raw(b"{}")
    sessions: msgspec.Raw = msgspec.Raw(b"{}")
    humans: msgspec.Raw = msgspec.Raw(b"{}")


class _Record(msgspec.Struct):
    agent_id: msgspec.Raw = msgspec.Raw(b"{}")
    messages: msgspec.Raw = msgspec.Raw(b"[]")


class _AgentId(msgspec.Struct):
    tool: Any = None
    model: Any = None


class _Message(msgspec.Struct):
    type: Any = None
    text: Any = None


class _OldAuthor(msgspec.Struct):
    author: str = ""
    lines: list[int | tuple[int, int]] = []
    agent_metadata: msgspec.Raw = msgspec.Raw(b"null")


class _OldFile(msgspec.Struct):
    authors: list[_OldAuthor] = []


class _OldNote(msgspec.Struct):
    files: dict[str, _OldFile]
    schema_version: str = ""


def parse_note(data: bytes) -> Note:
    """A note of any layout; NoteError for anything else."""
    try:
        if data.lstrip()[:1] == b"{":
            return _parse_old(data)
        attested, divider, metadata = (b"\n" + data.replace(b"\r\n", b"\n")).partition(b"\n---\n")
        if not divider:
            raise NoteError("no divider between lines and metadata")
        return _parse_new(attested.decode("utf-8", "surrogateescape"), msgspec.json.decode(metadata, type=_Metadata))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NoteError("its metadata cannot be read") from None


def _parse_new(attested: str, metadata: _Metadata) -> Note:
    if not metadata.schema_version.startswith("authorship/"):
        raise NoteError("of an unknown schema")
    who = _Described(metadata)
    files: dict[str, list[Entry]] = {}
    entries: list[Entry] | None = None
    for raw in attested.split("\n"):
        line = raw.rstrip()
        if not line:
            continue
        if line.startswith("  "):
            key, _, ranges = line[2:].partition(" ")
            if entries is None or not key or not _RANGES.fullmatch(ranges):
                raise NoteError("an entry without a file or without lines")
            if key != _UNATTESTED:
                entries.append(who.entry(key, tuple(map(_span, ranges.split(",")))))
        else:
            path = line[1:-1] if len(line) > 1 and line[0] == line[-1] == '"' else line
            entries = files.setdefault(path, [])
    return Note({path: tuple(found) for path, found in files.items() if found})


class _Described:
    """The people and agents of a note's metadata, read when an entry names them."""

    def __init__(self, metadata: _Metadata) -> None:
        self._humans = _decode(metadata.humans, dict[str, msgspec.Raw], {})
        self._agents = _decode(metadata.prompts, dict[str, msgspec.Raw], {})
        self._agents |= _decode(metadata.sessions, dict[str, msgspec.Raw], {})
        self._read: dict[str, tuple[Agent | None, bool]] = {}

    def entry(self, key: str, spans: tuple[Span, ...]) -> Entry:
        name = key.partition("::")[0]
        if name not in self._read:
            if name.startswith("h_"):
                self._read[name] = None, name in self._humans
            else:
                record = self._agents.get(name)
                self._read[name] = (Agent(), False) if record is None else (_agent(record), True)
        agent, is_described = self._read[name]
        return Entry(agent, spans, is_described)


def _agent(data: msgspec.Raw) -> Agent:
    record = _decode(data, _Record, _Record())
    said = _decode(record.agent_id, _AgentId, _AgentId())
    messages = _decode(record.messages, list[_Message], [])
    prompt = next((m.text for m in messages if m.type == "user" and isinstance(m.text, str) and m.text.strip()), None)
    model, raw = normalise(said.model) if isinstance(said.model, str) else (None, None)
    return Agent(_tool(said.tool), model, raw, _hash(prompt))


def _tool(name: object) -> str | None:
    if not isinstance(name, str) or not _TOOL.fullmatch(name) or name == "unknown":
        return None
    return _TOOLS.get(name, name)


def _hash(prompt: str | None) -> str | None:
    try:
        return None if prompt is None else prompt_hash(prompt)
    except UsageError:  # nothing but white space in another alphabet
        return None


def _decode(data: msgspec.Raw, wanted: type[_T], otherwise: _T) -> _T:
    try:
        return msgspec.json.decode(data, type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return otherwise


def _span(text: str) -> Span:
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def _parse_old(data: bytes) -> Note:
    """Lines by author, where only a name tells an agent from a person; a person's lines are not vouched for."""
    note = msgspec.json.decode(data, type=_OldNote)
    if note.schema_version not in ("", "authorship/0.0.1"):
        raise NoteError("of an unknown schema")
    files: dict[str, tuple[Entry, ...]] = {}
    for path, file in note.files.items():
        entries = [
            Entry(agent, tuple((line, line) if isinstance(line, int) else line for line in author.lines))
            for author in file.authors
            if author.lines and (agent := _old_agent(author))
        ]
        if entries:
            files[path] = tuple(entries)
    return Note(files)


def _old_agent(author: _OldAuthor) -> Agent | None:
    said = _decode(author.agent_metadata, _AgentId, _AgentId())
    named, raw = normalise(said.model if isinstance(said.model, str) else author.author)
    tool = PRODUCTS.get(author.author.strip().lower())
    if tool is None and not named and bytes(author.agent_metadata) == b"null":
        return None
    return Agent(tool, named, raw if named else None)


class NoteEvidence:
    """A note's word on the lines of its commit; it has one for each line of it."""

    __slots__ = ("_lines", "_note", "_tables", "_whose")

    def __init__(self, note: Note, whose: Generation) -> None:
        self._note = note
        self._whose = whose
        self._lines: dict[Agent | None, Line] = {None: Line(None)}
        self._tables: dict[str, tuple[list[int], list[Line]]] = {}

    def at(self, path: str, line: int) -> Line | None:
        if path not in self._tables:
            self._tables[path] = self._table(self._note.files.get(path, ()))
        starts, lines = self._tables[path]
        place = bisect_right(starts, line) - 1
        return lines[place] if place >= 0 else UNTRACKED

    def _table(self, entries: Sequence[Entry]) -> tuple[list[int], list[Line]]:
        """The first line of each stretch, and whose the stretch is."""
        waiting = sorted(
            ((*span, entry.is_described, order) for order, entry in enumerate(entries) for span in entry.spans),
            reverse=True,
        )
        starts: list[int] = []
        lines: list[Line] = []
        active: list[tuple[bool, int, int]] = []
        for point in sorted({edge for first, last, _, _ in waiting for edge in (first, last + 1)}):
            while waiting and waiting[-1][0] <= point:
                _, last, is_described, order = waiting.pop()
                heappush(active, (not is_described, -order, last))
            while active and active[0][2] < point:
                heappop(active)
            starts.append(point)
            lines.append(self._line(entries[-active[0][1]].agent) if active else UNTRACKED)
        return starts, lines

    def _line(self, agent: Agent | None) -> Line:
        if agent not in self._lines:
            assert agent is not None
            generation = self._whose._replace(
                model=agent.model, raw_model=agent.raw_model, tool=agent.tool, prompt_hash=agent.prompt_hash
            )
            self._lines[agent] = Line(generation)
        return self._lines[agent]


@dataclass(frozen=True, slots=True)
class GitAi:
    name: str = "git-ai"
    strength: int = 40

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        wanted = {commit.id: commit for commit in commits}
        found, ignored = find_notes(repository, wanted)
        blobs = list(dict.fromkeys(blob for options in found.values() for blob in options))
        sizes = blob_sizes(repository, blobs)
        readable = {blob: size for blob, size in sizes.items() if size <= MAX_NOTE}
        notes: dict[str, Note] = {}
        for blob, data in read_blobs(repository, readable):
            try:
                notes[blob] = parse_note(data)
            except NoteError:
                continue
        evidence: dict[str, LineEvidence] = {}
        absent: list[str] = []
        broken: list[str] = []
        for commit, options in found.items():
            note = next((notes[blob] for blob in options if blob in notes), None)
            if note is None:
                (broken if any(blob in sizes for blob in options) else absent).append(commit)
            elif note.files:
                whose = Generation(generated_at=wanted[commit].authored_at, commit=commit, evidence=self.name)
                evidence[commit] = NoteEvidence(note, whose)
        for what, which in (("cannot be read", broken), ("are not in this clone", absent)):
            if which:
                ignored.append(f"{len(which)} of {len(found)} git-ai notes {what}, such as that of {which[0][:12]}")
        return OnCommits(evidence, tuple(ignored))


def find_notes(repository: Repository, wanted: Container[str] | None = None) -> tuple[dict[str, list[str]], list[str]]:
    """By commit the blobs that may be its note, the best first; and what could not be listed, one line each."""
    found: dict[str, list[str]] = {}
    unlisted = 0
    for _, tip, _ in _refs(repository, NOTES)[:MAX_REFS]:
        try:
            tree = repository.run("ls-tree", "-r", "-z", tip)
        except GitError:
            unlisted += 1
            continue
        for row in tree.split(b"\0"):
            header, _, name = row.partition(b"\t")
            commit = name.replace(b"/", b"").decode("ascii", "replace")
            if b" blob " in header and (commit in wanted if wanted is not None else _COMMIT.fullmatch(commit)):
                found.setdefault(commit, []).append(header.rpartition(b" ")[2].decode())
    for kind, blob, ref in _refs(repository, OLD_NOTES):
        commit = ref.rpartition("/")[2]
        if kind == "blob" and (commit in wanted if wanted is not None else _COMMIT.fullmatch(commit)):
            found.setdefault(commit, []).append(blob)
    return found, [f"{unlisted} of git-ai's refs cannot be listed"] if unlisted else []


def _refs(repository: Repository, patterns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Kind and id of the object, and the ref's name."""
    output = repository.run("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", *patterns)
    rows = (line.split(" ", 2) for line in output.decode("utf-8", "surrogateescape").splitlines())
    return [(row[0], row[1], row[2]) for row in rows]
