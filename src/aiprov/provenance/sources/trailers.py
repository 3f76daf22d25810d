"""Commit trailers, footers and author marks, wherever in the message a squash left them.

A mark is an exact e-mail, a bot's account, a product's name on its own or a fixed footer: never a name that a person
could have. Bots that only review (Codex connector, Gemini Code Assist, Copilot's reviewer) mark nothing, and what a
revert quotes of the commit that it takes back is no mark of its own.

Where several people share a commit with a model, each line counts as the model's only by its share of all who are
named; where a squash lists its commits and some of them are not marked, by the share of those that are. Neither makes
a function a model's own.
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
MAX_PEOPLE = 200

EMAILS = {
    "noreply@anthropic.com": "claude-code",
    "claude@anthropic.com": "claude-code",
    "noreply@openai.com": "codex",
    "codex@openai.com": "codex",
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
    "devin@cognition.ai": "devin",
    "oz-agent@warp.dev": "warp",
    "qwen-coder@alibabacloud.com": "qwen-code",
    "crush@charm.land": "crush",
    "vibe@mistral.ai": "mistral-vibe",
}
# Accounts on GitHub: `<digits>+<account>@users.noreply.github.com`; the digits differ between copies of one bot.
ACCOUNTS = {
    "claude[bot]": "claude-code",
    "codegen-sh[bot]": "codegen",
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
    "roomote[bot]": "roo",
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
    "crush": "crush",
    "cursor": "cursor",
    "cursor agent": "cursor",
    "devin ai": "devin",
    "firebender": "firebender",
    "gemini": "gemini-cli",
    "gemini cli": "gemini-cli",
    "generic llm chatbot": "llm",
    "github copilot": "copilot",
    "google antigravity": "antigravity",
    "google jules": "jules",
    "jetbrains junie": "junie",
    "junie": "junie",
    "mistral vibe": "mistral-vibe",
    "openai codex": "codex",
    "opencode": "opencode",
    "windsurf": "windsurf",
}
# As the sender of a footer they are no people.
FOOTERS = PRODUCTS | {"devin": "devin", "jules": "jules"}
# The tool is not known where only a model is named.
_MODEL_ONLY = ""

_TRAILER = re.compile(
    r"[ \t]{0,12}(?:[-*][ \t]+)?"
    r"(co-authored-by|assisted-by|generated-by|made-with|claude-session|agent-logs-url|amp-thread-id)"
    r"[ \t]*:[ \t]*(\S.*)",
    re.IGNORECASE,
)
_IDENTITY = re.compile(r"([^<>]*)<\s*([^<>\s]+)\s*>\s*")
_ACCOUNT = re.compile(r"(?:(\d+)\+)?([a-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com")
# Of the accounts called Copilot the one that signs what a person accepted from its reviews.
_REVIEWERS = frozenset({"175728472"})
_FOOTER = re.compile(
    r"[^\w\[]{0,12}(?:generated|created|written|made) (?:with|by|using) "
    r"(?:\[([\w .-]{2,40})\]\(https?://\S{1,200}\)|([\w .-]{2,40}?)(?: \(https?://\S{1,200}\))?)[.!]?",
    re.IGNORECASE,
)
_LINKS = {
    "claude-session": (re.compile(r"https://claude\.ai/code/\S+"), "claude-code"),
    "agent-logs-url": (re.compile(r"https://github\.com/[^/\s]+/[^/\s]+/sessions/\S+"), "copilot"),
    "amp-thread-id": (re.compile(r"(?:https://ampcode\.com/threads/)?T-\S+"), "amp"),
}
_AIDER_MODEL = re.compile(r"aider \((.{1,200})\)", re.IGNORECASE)
_AIDER_AUTHOR = " (aider)"
_AIDER_SUBJECT = "aider: "
_PRODUCT_AND_MODEL = re.compile(r"([\w .-]{2,40}?) ?(?:\(([^()]{1,200})\)|:[ ]?(\S{1,200})(?: .*)?)")
_VIA = re.compile(r"(.{2,100}?) via [\w .-]{2,30}\W*", re.IGNORECASE)
_AFTER_VERSION = re.compile(r"[\w .-]{2,40} / (.{2,100})")
_REVERT = re.compile(r"(?:revert|reapply)\b", re.IGNORECASE)
_REVERTS = re.compile(r"(?:this )?reverts (?:commit [0-9a-f]{7,64}|\S*[#!]\d).*", re.IGNORECASE)
_FENCE = re.compile(r"[ \t]{0,12}(?:```[^`]*|~~~[^~]*)")
_ORIGINAL = re.compile(r"original .{0,40}:\s*", re.IGNORECASE)
_SUB_COMMIT = re.compile(r"\* (?!merge )\S.*", re.IGNORECASE)
_SQUASH_END = re.compile(r"-{5,20}")
# What stands before the @ of many people's addresses.
_ANYBODYS = frozenset(
    {
        *("", "admin", "code", "contact", "dev", "developer", "email", "git", "github", "hello", "hi", "info"),
        *("mail", "me", "noreply", "root", "user", "work", "you"),
    }
)
_PARTLY = 0.9
"""More than this is not believed where some of a squash's commits are not marked."""
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
        found = {commit.id: said for commit in commits if (said := self.read_one(commit))}
        by_aider = {commit.author_email for commit in commits if commit.id in found and _is_aiders(found[commit.id])}
        for commit in commits:
            # Early versions of aider signed nowhere else; with people who never used it the word means something else.
            if commit.author_email in by_aider and commit.message.startswith(_AIDER_SUBJECT):
                found.setdefault(commit.id, self._said(commit, [_Mark("aider")], 1.0))
        return OnCommits(found)

    def read_one(self, commit: CommitText) -> WholeCommit | None:
        lines = _own_lines(commit.message)
        marks = [mark for line in lines if (mark := _mark(line))]
        every = list(dict.fromkeys((*_of_author(commit), *marks)))
        return self._said(commit, every, _weight(commit, lines, every)) if every else None

    def _said(self, commit: CommitText, marks: list[_Mark], weight: float) -> WholeCommit:
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
        return WholeCommit(Line(generation, weight))


def _is_aiders(said: WholeCommit) -> bool:
    return said.line.generation is not None and said.line.generation.tool == "aider"


def _own_lines(message: str) -> list[str]:
    """The message's lines, without examples between fences, and without what a revert may quote."""
    lines = _without_examples([line.rstrip() for line in message[:MAX_MESSAGE].splitlines()])
    if not lines or not _REVERT.match(lines[0]):
        return lines
    starts = [number for number, line in enumerate(lines) if _REVERTS.fullmatch(line)]
    if not starts:
        while lines and not lines[-1]:
            lines.pop()
        starts = [max((number for number, line in enumerate(lines) if not line), default=len(lines))]
    own = lines[starts[-1] + 1 :]
    end = next((number for number, line in enumerate(own) if _ORIGINAL.fullmatch(line)), len(own))
    return [line for line in own[:end] if not line[:1].isspace()]


def _without_examples(lines: list[str]) -> list[str]:
    fences = [number for number, line in enumerate(lines) if _FENCE.fullmatch(line)]
    starts = [0, *(last + 1 for last in fences[1::2])]
    ends = [*fences[: len(fences) // 2 * 2 : 2], len(lines)]
    return [line for first, end in zip(starts, ends, strict=True) for line in lines[first:end]]


def _weight(commit: CommitText, lines: Sequence[str], marks: Sequence[_Mark]) -> float:
    """How much of each line is the models', by what the message says of others who had a part."""
    people = _people(commit, lines)
    models = len({mark.tool for mark in marks})
    shared = models / (models + people) if people > 1 else 1.0
    return min(shared, _marked_share(lines))


def _people(commit: CommitText, lines: Sequence[str]) -> int:
    named = [(commit.author_name, commit.author_email)]
    for line in lines:
        trailer = _TRAILER.fullmatch(line) if len(line) <= MAX_LINE else None
        identity = (
            _IDENTITY.fullmatch(trailer[2].strip()) if trailer and trailer[1].lower() == "co-authored-by" else None
        )
        if identity:
            named.append((identity[1], identity[2]))
    known: list[set[str]] = []
    for name, email in named[:MAX_PEOPLE]:
        lower = email.strip().lower()
        account = _ACCOUNT.fullmatch(lower)
        if "[bot]" in lower or lower in EMAILS or (account and account[2] in ACCOUNTS):
            continue
        # One person may be named by several addresses, with the name in common or the account in place of it.
        keys = {
            lower,
            _letters(name.removesuffix(_AIDER_AUTHOR)),
            _letters(account[2] if account else lower.partition("@")[0]),
        } - _ANYBODYS
        same = [person for person in known if person & keys]
        known = [person for person in known if not person & keys] + [keys.union(*same)]
    return len(known)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


def _marked_share(lines: Sequence[str]) -> float:
    """Of the commits that a squash lists; 1 where it lists none, or where a mark is on the squash as a whole."""
    around = ["", *lines, ""]
    listed = [
        number
        for number, line in enumerate(lines)
        if _SUB_COMMIT.fullmatch(line) and not around[number] and not around[number + 2]
    ]
    if len(listed) <= 1:
        return 1.0
    marked: set[int] = set()
    last = listed[-1]
    for number, line in enumerate(lines):
        if number > last and _SQUASH_END.fullmatch(line):
            last = len(lines)
        if _mark(line):
            # Servers move co-authors to the end, whichever commit named them.
            if number < listed[0] or (number > listed[-1] and (last == len(lines) or _is_co_author(line))):
                return 1.0
            marked.add(max(place for place in listed if place <= number))
    return min(len(marked) / len(listed), _PARTLY) if 0 < len(marked) < len(listed) else 1.0


def _is_co_author(line: str) -> bool:
    return line.lstrip().lower().startswith("co-authored-by")


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


def _mark(line: str) -> _Mark | None:
    if len(line) > MAX_LINE:
        return None
    if trailer := _TRAILER.fullmatch(line):
        return _of_trailer(trailer[1].lower(), trailer[2].strip())
    return _of_footer(line)


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
    return ACCOUNTS.get(account[2]) if account and account[1] not in _REVIEWERS else None


def _model_in(name: str) -> tuple[str | None, str | None]:
    """The text is kept only where all of it was understood: the rest may be a person's name."""
    inner = _AIDER_MODEL.fullmatch(name) or _VIA.fullmatch(name) or _AFTER_VERSION.fullmatch(name)
    model, raw = normalise(inner[1] if inner else name)
    return (model, raw) if model else (None, None)


def _of_free_text(value: str) -> _Mark | None:
    """`Claude Sonnet 4.6`, `Claude:claude-3-opus coccinelle`, `GitHub Copilot (gpt-5)`, `Cursor`."""
    lower = value.lower()
    if lower in PRODUCTS:
        return _Mark(PRODUCTS[lower])
    if _CHATGPT.fullmatch(lower):
        return _Mark("chatgpt")
    if via := _VIA.fullmatch(value):
        return _of_free_text(via[1])
    if (both := _PRODUCT_AND_MODEL.fullmatch(value)) and (tool := PRODUCTS.get(both[1].lower())):
        return _Mark(tool, *_model_in(both[2] or both[3]))
    model, raw = normalise(value)
    # A path such as scripts/update.py looks like provider/model, and code generators sign with it.
    return _Mark(_MODEL_ONLY, model, raw) if model and model.partition("/")[0] in PROVIDERS else None


def _of_footer(line: str) -> _Mark | None:
    footer = _FOOTER.fullmatch(line)
    if footer is None:
        return None
    tool = FOOTERS.get((footer[1] or footer[2]).strip().lower())
    return _Mark(tool) if tool else None
