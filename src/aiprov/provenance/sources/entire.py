"""Entire's checkpoints: transcripts on a branch of their own, each named by the commit that took its work in.

A transcript's edits are looked for in the commits, as on the machine where they were made. Where a checkpoint has no
transcript, its own count decides: the commit that names it is the agent's where that count says all of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.edits import _opencode
from aiprov.provenance.edits._edits import Edit, find_edits
from aiprov.provenance.edits._transcripts import inner, items, parsed
from aiprov.provenance.sources import (
    CommitText,
    FirstOf,
    Line,
    LineEvidence,
    OnCommits,
    claude_code,
    codex,
    copilot_cli,
    gemini_cli,
)
from aiprov_runtime._manifest import Generation

EVIDENCE = "entire"
BRANCH = "entire/checkpoints/v1"
MAX_BYTES = 1024 * 1024 * 1024
_MAX_METADATA = 1024 * 1024
_MAX_PATH = 4096
_TRAILER = re.compile(r"^[ \t]{0,12}(?:[-*][ \t]+)?Entire-Checkpoint:[ \t]*([0-9a-f]{12})[ \t]*\r?$", re.MULTILINE)
_PLACE = re.compile(rb"([0-9a-f]{2})/([0-9a-f]{10})/(?:(\d{1,4})/)?(metadata\.json|full\.jsonl|prompt\.txt)")
_SEPARATOR = "\n\n---\n\n"
_TOOLS = {
    "claude code": "claude-code",
    "codex": "codex",
    "codex cli": "codex",
    "copilot cli": "copilot-cli",
    "cursor": "cursor",
    "gemini cli": "gemini-cli",
    "opencode": "opencode",
}
_ALL = 100

Locate = Callable[[str, str], str | None]


class _Attribution(msgspec.Struct):
    agent_percentage: float = 0
    total_committed: int = 0


class _Metadata(msgspec.Struct):
    session_id: str
    created_at: str | None = None
    agent: str | None = None
    files_touched: list[str] | None = None
    initial_attribution: _Attribution | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One session's part in a checkpoint."""

    folder: str
    metadata: _Metadata
    size: int
    """Of the transcript, 0 where there is none."""


@dataclass(frozen=True, slots=True)
class TouchedFiles:
    """Line evidence for some files of a commit as a whole."""

    paths: frozenset[str]
    line: Line

    def at(self, path: str, line: int) -> Line | None:
        del line
        return self.line if path in self.paths else None


@dataclass(slots=True)
class _Branch:
    """The newest of the branch's copies; what it holds is listed once."""

    repository: Repository
    commit: str
    unreadable: int = 0
    folders: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By checkpoint."""
    sizes: dict[str, int] = field(default_factory=dict)
    """By path."""

    def __post_init__(self) -> None:
        for entry in self.repository.run("ls-tree", "-r", "-l", "-z", "--end-of-options", self.commit).split(b"\0"):
            head, _, name = entry.partition(b"\t")
            place = _PLACE.fullmatch(name)
            if place and head.startswith(b"100"):
                path = name.decode()
                size = head.split()[-1]
                self.sizes[path] = int(size) if size.isdigit() else 0
                if place[4] == b"metadata.json":
                    self.folders[(place[1] + place[2]).decode()].append(path.rpartition("/")[0])

    def parts(self, checkpoint: str) -> list[Part]:
        """A checkpoint's summary, which names no session, is none of them."""
        found = []
        for folder in sorted(self.folders.get(checkpoint, ())):
            data = self.repository.read(self.commit, f"{folder}/metadata.json") or b""
            try:
                if len(data) <= _MAX_METADATA:
                    metadata = msgspec.json.decode(data, type=_Metadata)
                    found.append(Part(folder, metadata, self.sizes.get(f"{folder}/full.jsonl", 0)))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self.unreadable += len(self.folders[checkpoint]) == 1 or folder.count("/") > 1
        return found

    def text(self, part: Part, name: str) -> bytes:
        return self.repository.read(self.commit, f"{part.folder}/{name}") or b""


@dataclass(frozen=True, slots=True)
class Entire:
    name: str = EVIDENCE
    strength: int = 45

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        tip = _tip(repository)
        named = {commit.id: checkpoints_in(commit.message) for commit in commits} if tip else {}
        named = {commit: found for commit, found in named.items() if found}
        if not tip or not named:
            return OnCommits()
        branch = _Branch(repository, tip)
        parts = {one: branch.parts(one) for one in {one: None for found in named.values() for one in found}}
        edits, left = _edits(branch, [part for found in parts.values() for part in found])
        evidence: dict[str, LineEvidence] = dict(find_edits(repository, edits, commits))
        for commit, said in _counted(branch, named, parts):
            evidence[commit] = FirstOf((evidence[commit], said)) if commit in evidence else said
        return OnCommits(evidence, _left_out(branch, left, sum(one not in branch.folders for one in parts)))


def _left_out(branch: _Branch, left: int, absent: int) -> tuple[str, ...]:
    lines = []
    if absent:
        lines.append(f"{BRANCH}: {absent} checkpoints that commits name are not there")
    if branch.unreadable:
        lines.append(f"{BRANCH}: {branch.unreadable} metadata files cannot be read")
    if left:
        lines.append(f"{BRANCH}: {left} transcripts left out: too large, not here, or of an agent that is not known")
    return tuple(lines)


def checkpoints_in(message: str) -> tuple[str, ...]:
    """In order; a squash leaves several."""
    return tuple(dict.fromkeys(_TRAILER.findall(message))) if "Entire-Checkpoint" in message else ()


def _tip(repository: Repository) -> str | None:
    listed = repository.run(
        *("for-each-ref", "--format=%(objectname) %(objecttype)", "--sort=-committerdate"),
        *(f"refs/heads/{BRANCH}", f"refs/remotes/*/{BRANCH}"),
    )
    return next((line.split()[0].decode() for line in listed.splitlines() if line.endswith(b" commit")), None)


def _edits(branch: _Branch, parts: Iterable[Part]) -> tuple[list[Edit], int]:
    """Of each session the longest transcript, which repeats the others; and how many were left out."""
    sessions: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        sessions[part.metadata.session_id].append(part)
    edits: list[Edit] = []
    left, size = 0, 0
    for found in sessions.values():
        part = max(found, key=lambda part: part.size)
        size += part.size
        data = branch.text(part, "full.jsonl") if part.size and size <= MAX_BYTES else b""
        locate = locator({path for one in found for path in one.metadata.files_touched or ()})
        read = edits_of_transcript(data, agent=part.metadata.agent, locate=locate)
        left += read is None or (part.size > 0 and not data)
        edits += read or ()
    return edits, left


def edits_of_transcript(data: bytes, *, agent: str | None, locate: Locate) -> list[Edit] | None:
    """None for an agent whose transcripts are not known; one without a name is Claude Code, once the only one."""
    kind = (agent or "claude code").strip().lower()
    lines = (found for line in data.split(b"\n") if (found := parsed(line)) is not None)
    if kind in ("claude code", "agent"):
        own = (line for line in lines if line.get("type") in ("user", "assistant"))
        return claude_code.parse(own, locate=locate, evidence=EVIDENCE)
    if kind in ("codex", "codex cli"):
        return codex.parse(lines, locate=locate, evidence=EVIDENCE)
    if kind == "copilot cli":
        return copilot_cli.parse(lines, locate=locate, evidence=EVIDENCE)
    if kind == "opencode":
        return _opencode.parse(data, locate=locate, evidence=EVIDENCE)
    if kind == "gemini cli":
        chat = parsed(data) or {}
        return gemini_cli.parse(map(inner, items(chat.get("messages"))), locate=locate, evidence=EVIDENCE)
    return None


def locator(files: Iterable[str]) -> Locate:
    """By the end of a path: the transcript is of another machine, and the checkpoint says which files it touched."""
    known = frozenset(files)

    def locate(path: str, cwd: str) -> str | None:
        name = path.replace("\\", "/")
        full = name if name.startswith("/") or name[1:2] == ":" else f"{cwd}/{name}"
        parts = full[-_MAX_PATH:].split("/")
        return next((end for start in range(len(parts)) if (end := "/".join(parts[start:])) in known), None)

    return locate


def _counted(
    branch: _Branch, named: Mapping[str, Sequence[str]], parts: Mapping[str, Sequence[Part]]
) -> Iterator[tuple[str, TouchedFiles]]:
    """Commits whose checkpoint has no transcript and says that an agent wrote all that the commit added."""
    asked = {}
    for commit, checkpoints in named.items():
        found = parts[checkpoints[0]]
        if len(checkpoints) == 1 and len(found) == 1 and not found[0].size and _is_all(found[0]):
            asked[commit] = found[0]
    added = _count_added(branch.repository, asked)
    for commit, part in asked.items():
        counted = part.metadata.initial_attribution
        files = frozenset(part.metadata.files_touched or ())
        # A squash, or an edit after the count, has brought lines that were not counted.
        if counted and sum(added.get(commit, {}).values()) == counted.total_committed:
            yield commit, TouchedFiles(files, Line(_generation(part, _prompt(branch, part), commit)))


def _is_all(part: Part) -> bool:
    counted = part.metadata.initial_attribution
    return counted is not None and counted.agent_percentage == _ALL and counted.total_committed > 0


def _count_added(repository: Repository, commits: Iterable[str]) -> dict[str, dict[str, int]]:
    listed = "".join(f"{commit}\n" for commit in commits)
    found: dict[str, dict[str, int]] = {}
    if not listed:
        return found
    output = repository.run(
        "diff-tree",
        "--stdin",
        "-r",
        "-z",
        "--root",
        "--no-renames",
        "--numstat",
        "--format=%x01%H",
        data=listed.encode(),
    )
    for part in output.split(b"\x01")[1:]:
        commit, _, rest = part.partition(b"\0")
        rows = (row.strip(b"\n").split(b"\t", 2) for row in rest.split(b"\0"))
        counts = {row[2].decode("utf-8", "surrogateescape"): int(row[0]) for row in rows if row[0].isdigit()}
        found[commit.strip().decode("ascii", "replace")] = counts
    return found


def _prompt(branch: _Branch, part: Part) -> str | None:
    """Only where it holds one: of several it is not known which led to a line."""
    text = branch.text(part, "prompt.txt").decode("utf-8", "replace")
    try:
        return None if _SEPARATOR in text or "\ufffd" in text else prompt_hash(text)
    except UsageError:
        return None


def _generation(part: Part, prompt: str | None, commit: str) -> Generation:
    return Generation(
        tool=_TOOLS.get((part.metadata.agent or "").strip().lower()),
        prompt_hash=prompt,
        generated_at=_times.from_iso(part.metadata.created_at or ""),
        commit=commit,
        evidence=EVIDENCE,
    )
