"""Aider's `.aider.chat.history.md`: the model and the prompt behind commits that git alone shows as aider's.

A line `> Commit <id> <subject>` ties the chat to a commit. Aider prints the same for what a person had changed before,
so a commit without aider's mark counts only where the chat tells of an edit just before it, and never where only its
committer is marked: that is how aider commits other people's work.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance._models import normalise
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.sources import CommitText, Line, OnCommits, WholeCommit
from aiprov.provenance.sources.trailers import Trailers
from aiprov_runtime._manifest import Generation

FILE = ".aider.chat.history.md"
EVIDENCE = "aider-chat"
MAX_BYTES = 64 * 1024 * 1024
_MAX_LINE = 4096
_SHORT = 7
_TOOL = "aider"
_MARK = " (aider)"
_COMMIT = re.compile(r"> Commit ([0-9a-f]{7,40}) (\S.*)")
# Behind a model's name may stand a sign for caching, before the format one for endless output.
_MODEL = re.compile(r"> (?:Main model|Model|Models): ([!-~]+)\S* with .{1,40}edit format")
_EDITOR = re.compile(r"> Editor model: ([!-~]+)\S* with ")
_COMMAND = re.compile(r"/(ask|code|architect|chat-mode)\b[ \t]*|[/!]\S*.*", re.DOTALL)
# What aider itself says in the user's place when a check of its edit has failed.
_NOT_TYPED = re.compile(r"# Fix any errors below|I ran this command|The tests? failed|Fix these errors", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """One commit, as the chat tells of it."""

    commit: str
    """The first hex digits of its id."""
    subject: str
    models: tuple[str, ...]
    prompt_hash: str | None
    is_edit: bool
    """The chat shows the edit just before."""


@dataclass(frozen=True, slots=True)
class AiderChat:
    name: str = EVIDENCE
    strength: int = 25

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        data = plain_bytes(repository.root, FILE, limit=MAX_BYTES)
        if data is None:
            data = repository.read("HEAD", FILE)
        said = list(parse(data.decode("utf-8", "replace"))) if data and len(data) <= MAX_BYTES else []
        by_start: dict[str, list[CommitText]] = defaultdict(list)
        for commit in commits if said else ():
            by_start[commit.id[:_SHORT]].append(commit)
        found: dict[str, tuple[CommitText, Said]] = {}
        unknown = 0
        for one in said:
            fitting = [c for c in by_start.get(one.commit[:_SHORT], ()) if c.id.startswith(one.commit)]
            if len(fitting) == 1 and _subject(fitting[0]) == one.subject:
                found.setdefault(fitting[0].id, (fitting[0], one))
            else:
                unknown += 1
        others = _committed_by_aider(repository, [commit for commit, (text, _) in found.items() if not _mark(text)])
        evidence = {
            commit: WholeCommit(Line(_generation(text, one)))
            for commit, (text, one) in found.items()
            if _mark(text) or (one.is_edit and commit not in others and Trailers().read_one(text) is None)
        }
        ignored = (f"{FILE}: {unknown} of {len(said)} commits it names are not in this history",) if unknown else ()
        return OnCommits(evidence, ignored)


def parse(text: str) -> Iterator[Said]:
    models: tuple[str, ...] = ()
    prompt: list[str] = []
    is_prompt, is_edit, hashed = False, False, None
    for raw in text.split("\n"):
        line = raw[:_MAX_LINE].rstrip()
        if raw.startswith("####"):
            prompt = [*prompt, raw[4:].strip()] if is_prompt else [raw[4:].strip()]
            is_prompt = True
            continue
        if is_prompt:
            is_prompt, is_edit = False, False
            hashed = _hash("\n".join(prompt), hashed)
        if line.startswith("# aider chat started at "):
            models, hashed, is_edit = (), None, False
        elif found := _MODEL.match(line):
            models = (found[1],)
        elif (found := _EDITOR.match(line)) and models:
            models = (models[0], found[1])  # one model plans, the other one writes
        elif line.startswith("> Applied edit to "):
            is_edit = True
        elif found := _COMMIT.fullmatch(line):
            yield Said(found[1], found[2], models, hashed, is_edit)
            is_edit = False


def _hash(prompt: str, before: str | None) -> str | None:
    """Commands ask for no edit, and what aider says itself goes on from what the user said before."""
    if _NOT_TYPED.match(prompt):
        return before
    text = _COMMAND.sub("", prompt, count=1) if prompt.startswith(("/", "!")) else prompt
    try:
        return prompt_hash(text)
    except UsageError:
        return before


def _subject(commit: CommitText) -> str:
    return commit.message.partition("\n")[0].rstrip()


def _mark(commit: CommitText) -> Generation | None:
    """What the commit says of itself, where aider and no other tool is in it."""
    whole = Trailers().read_one(commit)
    generation = whole.line.generation if whole else None
    return generation if generation and generation.tool == _TOOL else None


def _committed_by_aider(repository: Repository, commits: Sequence[str]) -> frozenset[str]:
    if not commits:
        return frozenset()
    output = repository.run(
        *("log", "--no-walk=unsorted", "--stdin", "-s", "-z", "--no-show-signature", "--no-notes", "--no-mailmap"),
        *("--encoding=UTF-8", "--format=%H %cn"),
        data="\n".join(commits).encode(),
    )
    entries = (entry.partition(" ") for entry in output.decode("utf-8", "replace").split("\0"))
    return frozenset(commit for commit, _, name in entries if name.endswith(_MARK))


def _generation(commit: CommitText, said: Said) -> Generation:
    """The commit's own model before the chat's, which may have been changed meanwhile."""
    marked = _mark(commit)
    names = [normalise(name) for name in dict.fromkeys(said.models)]
    models = tuple(sorted({model for model, _ in names if model}))
    raws = [raw for _, raw in names if raw]
    single = len(names) == 1
    if marked and (marked.model or marked.models):
        return marked._replace(evidence=EVIDENCE, prompt_hash=said.prompt_hash)
    return Generation(
        model=names[0][0] if single else None,
        models=() if single else models,
        tool=_TOOL,
        prompt_hash=said.prompt_hash,
        generated_at=commit.authored_at,
        commit=commit.id,
        evidence=EVIDENCE,
        raw_model=raws[0] if single and raws else None,
    )
