"""Commit trailers, footers and author marks, wherever in the message a squash left them.

A mark is an exact e-mail, a bot's account, a product's name on its own or a fixed footer: never a name that a person
could have. Bots that only review (Codex connector, Gemini Code Assist, Copilot's reviewer) mark nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiprov.git import Repository
from aiprov.provenance._models import PROVIDERS, normalise
from aiprov.provenance.sources import CommitText, Line, OnCommits, WholeCommit
from aiprov_runtime._manifest import Generation

MAX_MESSAGE = 256 * 1024
MAX_LINE = 1000

EMAILS = {
    "noreply@anthropic.com": "claude-code",
    "claude@anthropic.com": "claude-code",
    "noreply@openai.com": "codex",
    "codex@example.com": "codex",
    "copilot@github.com": "copilot",
    "cursoragent@cursor.com": "cursor",
    "amp@ampcode.com": "amp",
    "noreply@opencode.ai": "opencode",
    "aider@aider.chat": "aider",
    "noreply@aider.chat": "aider",
    "noreply@aider.dev": "aider",
    "openhands@all-hands.dev": "openhands",
    "roomote@roocode.com": "roo",
}
# Accounts on GitHub: `<digits>+<account>@users.noreply.github.com`; the digits differ between copies of one bot.
ACCOUNTS = {
    "claude[bot]": "claude-code",
    "copilot": "copilot",
    "copilot-swe-agent[bot]": "copilot",
    "cursor[bot]": "cursor",
    "cursoragent": "cursor",
    "cursoragent[bot]": "cursor",
    "devin-ai-integration[bot]": "devin",
    "factory-droid[bot]": "droid",
    "gemini-cli": "gemini-cli",
    "gemini-cli[bot]": "gemini-cli",
    "google-labs-jules[bot]": "jules",
    "jetbrains-junie[bot]": "junie",
    "sentry-autofix[bot]": "seer",
    "seer-by-sentry[bot]": "seer",
    "sentry-junior[bot]": "seer",
}
# Names that only a product has; `Claude` and `Devin` are people's names too, and count only where no address follows.
PRODUCTS = {
    "aider": "aider",
    "amp code": "amp",
    "antigravity": "antigravity",
    "chatgpt": "chatgpt",
    "claude": "claude-code",
    "claude code": "claude-code",
    "codex": "codex",
    "codex cli": "codex",
    "copilot": "copilot",
    "cursor": "cursor",
    "cursor agent": "cursor",
    "devin ai": "devin",
    "gemini": "gemini-cli",
    "gemini cli": "gemini-cli",
    "generic llm chatbot": "llm",
    "github copilot": "copilot",
    "google antigravity": "antigravity",
    "google jules": "jules",
    "jetbrains junie": "junie",
    "junie": "junie",
    "openai codex": "codex",
    "opencode": "opencode",
    "windsurf": "windsurf",
}
# The tool is not known where only a model is named.
_MODEL_ONLY = ""

_TRAILER = re.compile(
    r"[ \t]{0,12}(?:[-*][ \t]+)?"
    r"(co-authored-by|assisted-by|generated-by|made-with|claude-session|agent-logs-url|amp-thread-id)"
    r"[ \t]*:[ \t]*(\S.*)",
    re.IGNORECASE,
)
_IDENTITY = re.compile(r"([^<>]*)<\s*([^<>\s]+)\s*>\s*")
_ACCOUNT = re.compile(r"(?:\d+\+)?([a-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com")
_FOOTER = re.compile(
    r"[^\w\[]{0,12}(?:generated|created|written|made) (?:with|by|using) "
    r"(?:\[([\w .-]{2,40})\]\(https?://\S{1,200}\)|([\w .-]{2,40}?))[.!]?",
    re.IGNORECASE,
)
_LINKS = {
    "claude-session": (re.compile(r"https://claude\.ai/code/\S+"), "claude-code"),
    "agent-logs-url": (re.compile(r"https://github\.com/[^/\s]+/[^/\s]+/sessions/\S+"), "copilot"),
    "amp-thread-id": (re.compile(r"(?:https://ampcode\.com/threads/)?T-\S+"), "amp"),
}
_AIDER_MODEL = re.compile(r"aider \((.{1,200})\)", re.IGNORECASE)
_AIDER_AUTHOR = " (aider)"
_PRODUCT_AND_MODEL = re.compile(r"([\w .-]{2,40}?) ?(?:\(([^()]{1,200})\)|:[ ]?(\S{1,200})(?: .*)?)")
_CHATGPT = re.compile(r"chatgpt[- ]?v?[\d.]{1,8}[a-z]{0,8}")


@dataclass(frozen=True, slots=True)
class _Mark:
    tool: str
    model: str | None = None
    raw: str | None = None
    names_itself: bool = False
    """A co-author of its own, so that a missing model is a model that nobody knows."""


@dataclass(frozen=True, slots=True)
class Trailers:
    name: str = "trailers"
    strength: int = 10

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        del repository
        return OnCommits({commit.id: said for commit in commits if (said := self.read_one(commit))})

    def read_one(self, commit: CommitText) -> WholeCommit | None:
        marks = list(dict.fromkeys((*_of_author(commit), *_of_message(commit.message))))
        if not marks:
            return None
        models = sorted({mark.model for mark in marks if mark.model})
        tools = sorted({mark.tool for mark in marks} - {_MODEL_ONLY})
        model = models[0] if len(models) == 1 and not _leaves_doubt(marks) else None
        raws = sorted({mark.raw for mark in marks if mark.raw})
        generation = Generation(
            model=model,
            models=() if model else tuple(models[:50]),
            tool=tools[0] if len(tools) == 1 else None,
            generated_at=commit.authored_at,
            commit=commit.id,
            evidence=self.name,
            raw_model=raws[0] if model and len(raws) == 1 else None,
        )
        return WholeCommit(Line(generation))


def _leaves_doubt(marks: list[_Mark]) -> bool:
    """Beside the one that names its model stands another that does not, so the lines may be of either."""
    known = {mark.tool for mark in marks if mark.model} - {_MODEL_ONLY}
    return any(not mark.model and (mark.names_itself or (known and mark.tool not in known)) for mark in marks)


def _of_author(commit: CommitText) -> Iterator[_Mark]:
    # The committer says nothing: aider commits what people wrote under `(aider)` too.
    if commit.author_name.endswith(_AIDER_AUTHOR):
        yield _Mark("aider")
    if tool := tool_of_email(commit.author_email):
        yield _Mark(tool)


def _of_message(message: str) -> Iterator[_Mark]:
    for line in message[:MAX_MESSAGE].splitlines():
        if len(line) > MAX_LINE:
            continue
        if trailer := _TRAILER.fullmatch(line.rstrip()):
            mark = _of_trailer(trailer[1].lower(), trailer[2].strip())
        else:
            mark = _of_footer(line.rstrip())
        if mark:
            yield mark


def _of_trailer(key: str, value: str) -> _Mark | None:
    if key in _LINKS:
        link, tool = _LINKS[key]
        return _Mark(tool) if link.fullmatch(value) else None
    if identity := _IDENTITY.fullmatch(value):
        who = tool_of_email(identity[2])
        return None if who is None else _Mark(who, *_model_in(identity[1].strip()), names_itself=True)
    if key == "co-authored-by" or "@" in value:
        return None
    return _of_free_text(value)


def tool_of_email(email: str) -> str | None:
    """The tool that writes code under this address; None for people and for bots that only review."""
    lower = email.strip().lower()
    if tool := EMAILS.get(lower):
        return tool
    account = _ACCOUNT.fullmatch(lower)
    return ACCOUNTS.get(account[1]) if account else None


def _model_in(name: str) -> tuple[str | None, str | None]:
    """The text is kept only where all of it was understood: the rest may be a person's name."""
    aider = _AIDER_MODEL.fullmatch(name)
    model, raw = normalise(aider[1] if aider else name)
    return (model, raw) if model else (None, None)


def _of_free_text(value: str) -> _Mark | None:
    """`Claude Sonnet 4.6`, `Claude:claude-3-opus coccinelle`, `GitHub Copilot (gpt-5)`, `Cursor`."""
    lower = value.lower()
    if lower in PRODUCTS:
        return _Mark(PRODUCTS[lower])
    if _CHATGPT.fullmatch(lower):
        return _Mark("chatgpt")
    if (both := _PRODUCT_AND_MODEL.fullmatch(value)) and (tool := PRODUCTS.get(both[1].lower())):
        return _Mark(tool, *_model_in(both[2] or both[3]))
    model, raw = normalise(value)
    # A path such as scripts/update.py looks like provider/model, and code generators sign with it.
    return _Mark(_MODEL_ONLY, model, raw) if model and model.partition("/")[0] in PROVIDERS else None


def _of_footer(line: str) -> _Mark | None:
    footer = _FOOTER.fullmatch(line)
    if footer is None:
        return None
    tool = PRODUCTS.get((footer[1] or footer[2]).strip().lower())
    return _Mark(tool) if tool else None
