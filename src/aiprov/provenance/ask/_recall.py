"""Every function in the work tree that a model, a tool or a prompt had a hand in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Final

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance._collector import without_collector
from aiprov.provenance._models import normalise
from aiprov.provenance.ask._today import Provenance, Source, provenance_of
from aiprov.text import safe
from aiprov_runtime._manifest import Generation, Manifest

PROMPT_HASH: Final = re.compile(r"(?:(?:hmac-)?sha256:)?[0-9a-f]{8,64}", re.IGNORECASE)
_CLOSE = 3
_GLOB = frozenset("*?[")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*")
_AGO = re.compile(r"(\d{1,5})\s*([hdw])(?:\s*ago)?")
_HOURS = {"h": 1, "d": 24, "w": 168}
# What may follow a model's name that is the same model: a date, a size, a variant; but 4-6 is no variant of 4.
_VARIANT = re.compile(r"[-@:/\[]")
_MINOR = re.compile(r"-\d{1,2}(?!\d)")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; one generation must answer to all of it."""

    model: str | None = None
    tool: str | None = None
    prompt: str | None = None
    """A prompt's hash or the first 8 digits of it or more."""
    since: str | None = None
    """A date, `7d` for seven days ago, or a revision."""
    contributor: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A live function and which of its generations the query means."""

    provenance: Provenance
    matched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recalled:
    functions: tuple[Found, ...]
    deleted: int
    """Records that match and whose function is no longer in the work tree."""
    undated: int
    """Records that would match, if it were known when they were generated."""
    hints: tuple[str, ...]
    """Names that no record holds, with those near to them."""


def recall(manifest: Manifest, query: Query, *, root: Path, now: datetime, prompt_url: str | None = None) -> Recalled:
    """Of each file in question only, the functions in question are looked for and hashed."""
    since = _Since(query.since, root, now) if query.since is not None else None
    asked, undated = _generations(manifest, query, since)
    any_generation = query.model is None and query.tool is None and query.prompt is None and query.since is None
    found: list[Found] = []
    deleted = unknown = 0
    with without_collector():
        for path, records in sorted(manifest.files.items()):
            source: Source | None = None
            for qualname, record in records.items():
                if query.contributor is not None and record.contributor != query.contributor:
                    continue
                ids = (record.generation, *record.other_generations)
                matched = tuple(dict.fromkeys(id_ for id_ in ids if id_ in asked))
                unknown += not matched and not undated.isdisjoint(ids)
                if not matched and not any_generation:
                    continue
                source = source or Source(root, path)
                if source.has(qualname) is False:
                    deleted += 1
                    continue
                one = provenance_of(path, qualname, manifest=manifest, source=source, prompt_url=prompt_url)
                found.append(Found(one, tuple(part.generation for part in one.generations if part.generation in asked)))
    return Recalled(tuple(found), deleted, unknown, tuple(_hints(manifest, query)))


def _generations(manifest: Manifest, query: Query, since: _Since | None) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of those that answer to the whole query, and of those that would if their time were known."""
    asked: set[str] = set()
    undated: set[str] = set()
    for id_, generation in manifest.generations.items():
        if (
            (query.model is None or any(names_model(query.model, name) for name in _models(generation)))
            and (query.tool is None or names_tool(query.tool, generation.tool))
            and (query.prompt is None or _is_prompt(query.prompt, generation.prompt_hash))
        ):
            after = True if since is None else since.holds(generation)
            (undated if after is None else asked if after else set()).add(id_)
    return frozenset(asked), frozenset(undated)


def _models(generation: Generation) -> Iterator[str]:
    yield from filter(None, (generation.model, *generation.models, generation.raw_model))


@lru_cache(256)
def names_model(wanted: str, model: str) -> bool:
    """Whether a name, in any spelling, a beginning of one or a glob, means this model."""
    name = model.lower()
    bare = name.partition("/")[2]
    asked = _spelled(wanted)
    if _GLOB & set(asked):
        return fnmatchcase(name, asked) or ("/" not in asked and fnmatchcase(bare, asked))
    return any(_begins(form, asked) for form in (name, bare, _spelled(model)) if form)


def _spelled(text: str) -> str:
    wanted = text.strip()
    if _GLOB & set(wanted):
        return wanted.lower()
    return (normalise(wanted)[0] or re.sub(r"\s+", "-", wanted)).lower()


def _begins(name: str, asked: str) -> bool:
    rest = name.removeprefix(asked)
    if not asked or (rest == name and rest):
        return False
    if asked[-1].isdigit() and _MINOR.match(rest):
        return False
    return not rest or asked.endswith("/") or _VARIANT.match(rest) is not None


def names_tool(wanted: str, tool: str | None) -> bool:
    asked = re.sub(r"\s+", "-", wanted.strip().lower())
    return tool is not None and fnmatchcase(tool.lower(), asked)


def _is_prompt(wanted: str, prompt_hash: str | None) -> bool:
    """With `sha256:` or `hmac-sha256:` before it only that kind."""
    if prompt_hash is None:
        return False
    asked = wanted.lower()
    return prompt_hash.startswith(asked) if ":" in asked else prompt_hash.rpartition(":")[2].startswith(asked)


class _Since:
    """A point in time or in history: after a revision comes what it does not reach."""

    def __init__(self, text: str, root: Path, now: datetime) -> None:
        self._older: Collection[str] = ()
        self._newer: Collection[str] = ()
        moment = _moment(text, now)
        if moment is None:
            repository = Repository.discover(root)
            commit = repository.resolve(text)
            if commit is None:
                raise UsageError(
                    f"--since {safe(text, limit=100)}: neither a date like 2026-11-02, nor 7d, nor a revision here"
                )
            moment = datetime.fromtimestamp(
                int(repository.run("log", "-1", "--format=%ct", "--no-show-signature", commit, "--")), UTC
            )
            self._older = frozenset(repository.run("rev-list", commit, "--").decode().split())
            self._newer = frozenset(repository.run("rev-list", "HEAD", f"^{commit}", "--").decode().split())
        self._moment = moment

    def holds(self, generation: Generation) -> bool | None:
        """None where the generation's time is not known."""
        if generation.commit in self._newer:
            return True
        if generation.commit in self._older:
            return False
        try:
            return _in_utc(datetime.fromisoformat(generation.generated_at or "")) >= self._moment
        except ValueError:
            return None


def _moment(text: str, now: datetime) -> datetime | None:
    """None for what is no date."""
    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
    if not _DATE.fullmatch(text.strip()):
        return None
    try:
        return _in_utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _hints(manifest: Manifest, query: Query) -> Iterator[str]:
    generations = manifest.generations.values()
    if query.model is not None:
        models = {name for generation in generations for name in _models(generation)}
        yield from _hint("model", query.model, models, names_model)
    if query.tool is not None:
        tools = {generation.tool for generation in generations if generation.tool}
        yield from _hint("tool", query.tool, tools, names_tool)


def _hint(kind: str, wanted: str, known: Iterable[str], means: Callable[[str, str], bool]) -> Iterator[str]:
    names = sorted(known)
    if any(means(wanted, name) for name in names):
        return
    asked = _spelled(wanted)
    bare = asked.rpartition("/")[2].strip("*")
    forms = {form: name for name in names for form in (name.lower(), name.lower().rpartition("/")[2])}
    close = [name for name in names if bare and bare in name.lower()]
    for text in (asked, bare):
        close += [forms[form] for form in difflib.get_close_matches(text[:200], forms, n=_CLOSE)]
    hint = f"; did you mean {' or '.join(safe(name) for name in list(dict.fromkeys(close))[:_CLOSE])}?" if close else ""
    yield f"no record names the {kind} {safe(wanted, limit=100)}{hint}"
