"""Shares: how many lines and functions a model wrote, a person, and nobody knows who."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.provenance._collector import without_collector
from aiprov.provenance._models import said_of
from aiprov.provenance._store import read_manifest
from aiprov.provenance._text import MAX_SOURCE, PYTHON, plain_bytes
from aiprov.provenance.ask._tree import Range, commits_between, refuse_shallow, restrict, text_lines, touched_between
from aiprov.provenance.lines._annotate import Stretch, annotate
from aiprov.provenance.lines._blame import blame
from aiprov.provenance.lines._code import Code
from aiprov.provenance.sources import CommitSource, Line
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import Generation, Manifest, ManifestError, Record

NOT_KNOWN = "unknown"
AI, HUMAN, UNKNOWN, MIXED = "ai", "human", "unknown", "mixed"
_DIGITS = 9
_MAX_LINES = 1_000_000
_EMPTY = Manifest({}, {})
Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Work:
    """What one model or one tool wrote."""

    ai_lines: int = 0
    functions: Counter[str] = field(default_factory=Counter)

    def add(self, other: Work) -> None:
        self.ai_lines += other.ai_lines
        self.functions += other.functions


@dataclass(slots=True)
class Shares:
    """Of one file, or of several together. The three kinds of lines add up to the total."""

    ai_lines: int = 0
    human_lines: int = 0
    unknown_lines: int = 0
    functions: Counter[str] = field(default_factory=Counter)
    """By contributor."""
    stale: int = 0
    """Functions that count as unknown, since their code is not that of their record."""
    models: dict[str, Work] = field(default_factory=dict)
    tools: dict[str, Work] = field(default_factory=dict)

    @property
    def total_lines(self) -> int:
        return self.ai_lines + self.human_lines + self.unknown_lines

    def add(self, other: Shares) -> None:
        self.ai_lines += other.ai_lines
        self.human_lines += other.human_lines
        self.unknown_lines += other.unknown_lines
        self.functions += other.functions
        self.stale += other.stale
        for mine, theirs in ((self.models, other.models), (self.tools, other.tools)):
            for name, work in theirs.items():
                mine.setdefault(name, Work()).add(work)


@dataclass(frozen=True, slots=True)
class Stats:
    files: dict[str, Shares]
    problems: tuple[str, ...]
    """What could not be read, one line each."""

    @property
    def totals(self) -> Shares:
        total = Shares()
        for shares in self.files.values():
            total.add(shares)
        return total


def stats(
    repository: Repository,
    asked: Range,
    *,
    paths: Sequence[str] = (),
    sources: Sequence[CommitSource] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Stats:
    """What is there in the work tree or a revision, or in a range: of the later tree what blame dates after the first.

    Lines are judged as `scan` judges them. A function whose record rests on something else than its lines, and fits
    its code, speaks for all of them. Of a revision older than its scan, today's records count that fit its code.
    """
    lines = restrict(text_lines(repository, asked.until), paths)
    manifest, problems = _manifest(repository, asked.until)
    today = _todays(repository) if asked.until else _EMPTY
    inside = None
    if asked.since is not None and asked.until is not None:
        inside = commits_between(repository, asked.since, asked.until)
        lines = {path: lines[path] for path in touched_between(repository, asked.since, asked.until) & lines.keys()}
    refuse_shallow(repository, asked, inside)
    files: dict[str, Shares] = {}
    with without_collector():
        for path, stretches in _annotated(repository, asked, lines, sources=sources, progress=progress):
            if stretches is None:
                share = "its lines count as unknown" if inside is None else "none of its lines are counted"
                problems.append(f"{readable(path)}: not looked into, so {share}")
            counted: Collection[int] = range(1, lines[path] + 1)
            if inside is not None:
                dated = {number for one in stretches or () if one.commit in inside for number in _numbers(one)}
                counted = dated.intersection(counted)
            if counted or inside is None:
                said = {number: one.said for one in stretches or () if one.said for number in _numbers(one)}
                code = _code(repository, asked.until, path) if path.endswith(".py") else None
                if code is None and path.endswith(".py"):
                    problems.append(f"{readable(path)}: not valid {PYTHON}, so its functions are not counted")
                held = _with_later(manifest, today, path, code) if code else manifest
                files[path] = shares_of_file(said, counted, code=code, path=path, manifest=held)
    return Stats(dict(sorted(files.items())), tuple(problems))


def readable(path: str) -> str:
    """A name as text; each byte that is not UTF-8 as its code."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _numbers(stretch: Stretch) -> range:
    return range(stretch.first, stretch.first + stretch.lines)


def _manifest(repository: Repository, revision: str | None) -> tuple[Manifest, list[str]]:
    """An unreadable one of long ago is no reason not to count lines; today's is to be mended."""
    if revision is None:
        return read_manifest(repository.root), []
    try:
        return repository.manifest(revision) or Manifest({}, {}), []
    except ManifestError as error:
        return Manifest({}, {}), [str(error)]


def _todays(repository: Repository) -> Manifest:
    """That of the work tree, of help only: a revision can be counted without."""
    try:
        return read_manifest(repository.root)
    except (ManifestError, UsageError):
        return _EMPTY


def _with_later(held: Manifest, later: Manifest, path: str, code: Code) -> Manifest:
    """With the later records of functions that have none that fits, where these do: code is often scanned after it."""
    records = held.files.get(path, {})
    more: dict[str, Record] = {}
    for name, record in later.files.get(path, {}).items():
        if name not in code.functions or records.get(name) == record:
            continue
        found, now = code.code_hash(name), records.get(name)
        if record.code_hash == found and (now is None or now.code_hash not in (None, found)):
            more[name] = record
    if not more:
        return held
    return Manifest({**later.generations, **held.generations}, {path: {**records, **more}})


def _annotated(
    repository: Repository,
    asked: Range,
    lines: Mapping[str, int],
    *,
    sources: Sequence[CommitSource] | None,
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, Sequence[Stretch] | None]]:
    """Every path once; None for those that no source can name or git cannot blame."""
    left = dict.fromkeys(path for path, count in lines.items() if count <= _MAX_LINES)
    for file in annotate(
        repository,
        revision=asked.until,
        paths=left.keys(),
        sources=sources,
        progress=progress,
    ):
        left.pop(file.path)
        yield file.path, file.stretches
    for path, count in lines.items():
        if path in left or count > _MAX_LINES:
            yield path, _dated(repository, path, asked) if path in left and asked.since is not None else None


def _dated(repository: Repository, path: str, asked: Range) -> list[Stretch] | None:
    """Each line's commit, and nothing said of it."""
    try:
        places = blame(repository, path, revision=asked.until).lines
    except GitError:
        return None
    return [Stretch(number, 1, place[0], None, None, None) for number, place in places.items()]


def _code(repository: Repository, revision: str | None, path: str) -> Code | None:
    source = plain_bytes(repository.root, path) if revision is None else _read(repository, revision, path)
    try:
        return None if source is None or len(source) > MAX_SOURCE else Code(source)
    except SyntaxError:
        return None


def _read(repository: Repository, revision: str, path: str) -> bytes | None:
    if "\n" in path:  # which the long-lived process cannot be asked for
        return repository.run("cat-file", "blob", f"{revision}:{path}", ok=(0, 128))
    return repository.read(revision, path)


def shares_of_file(
    said: Mapping[int, Line],
    counted: Collection[int],
    *,
    code: Code | None = None,
    path: str = "",
    manifest: Manifest = _EMPTY,
) -> Shares:
    """Of the lines in `counted`, with what is said of them; functions only where there is Python code."""
    result = Shares()
    heard = dict(said)
    if code is not None:
        _count_functions(result, heard, counted, code=code, path=path, manifest=manifest)
    people = 0.0
    models: dict[tuple[str, str], float] = {}
    for line in map(heard.get, counted):
        if line is not None and line.generation is not None:
            key = (_model(line.generation), line.generation.tool or NOT_KNOWN)
            models[key] = models.get(key, 0.0) + line.weight
        elif line is not None:
            people += line.weight
    written = sum(models.values())
    kinds = apportion({AI: written, HUMAN: people, UNKNOWN: len(counted) - written - people}, len(counted))
    result.ai_lines, result.human_lines, result.unknown_lines = kinds[AI], kinds[HUMAN], kinds[UNKNOWN]
    for (model, tool), lines in apportion(models, result.ai_lines).items():
        result.models.setdefault(model, Work()).ai_lines += lines
        result.tools.setdefault(tool, Work()).ai_lines += lines
    return result


def _count_functions(
    result: Shares,
    heard: dict[int, Line],
    counted: Collection[int],
    *,
    code: Code,
    path: str,
    manifest: Manifest,
) -> None:
    """Functions with a line in `counted`, by contributor; `heard` takes in what their records say of their lines."""
    own: dict[str, list[int]] = {}
    for number in counted:
        own.setdefault(code.owner(number) or MODULE, []).append(number)
    writers: dict[str, set[Generation | None]] = {}
    has_logic = False
    for number, name in code.counted():
        has_logic = has_logic or (name == MODULE and number in counted)
        if (line := heard.get(number)) and line.weight > 0:
            writers.setdefault(name, set()).add(line.generation)
    if not has_logic:
        own.pop(MODULE, None)  # blank lines and comments between functions
    records = manifest.files.get(path, {})
    for name, numbers in own.items():
        record = records.get(name)
        if record is not None and record.code_hash is not None and code.code_hash(name) != record.code_hash:
            result.stale += 1
            record = None
        result.functions[record.contributor if record else UNKNOWN] += 1
        if record is not None:
            known = [manifest.generations[id_] for id_ in _ids(record) if id_ in manifest.generations]
            by = manifest.generations.get(record.generation or "") or _several(known)
            if record.contributor in (AI, MIXED):
                result.models.setdefault(_model(by), Work()).functions[record.contributor] += 1
                result.tools.setdefault(by.tool or NOT_KNOWN, Work()).functions[record.contributor] += 1
            # Where lines bear the record out, it was made from them, and they say more.
            made_from_lines = writers.get(name, set()).issuperset(known or [None])
            if not made_from_lines and (word := _word(record, by)):
                heard.update(dict.fromkeys(numbers, word))


def _several(known: Sequence[Generation]) -> Generation:
    """One that stands for all of them."""
    models = {model for generation in known for model in (generation.model, *generation.models) if model}
    tools = {generation.tool for generation in known}
    sure = models.pop() if len(models) == 1 and all(generation.model for generation in known) else None
    return Generation(model=sure, models=tuple(sorted(models)), tool=tools.pop() if len(tools) == 1 else None)


def _word(record: Record, by: Generation) -> Line | None:
    """What a record that was not made from lines says of each of them."""
    if record.contributor == HUMAN:
        return Line(None)
    share = 1.0 if record.contributor == AI else record.ai_lines if record.contributor == MIXED else None
    return None if share is None else Line(by, share)


def _ids(record: Record) -> Iterator[str]:
    yield from filter(None, (record.generation, *record.other_generations))


def _model(generation: Generation) -> str:
    return said_of(generation.model, generation.models) or generation.raw_model or NOT_KNOWN


def apportion(weights: Mapping[Key, float], total: int) -> dict[Key, int]:
    """Whole numbers that add up to the total, each next to its weight: the largest fractions are rounded up."""
    exact = {key: round(weight, _DIGITS) for key, weight in weights.items()}
    whole = {key: math.floor(weight) for key, weight in exact.items()}
    order = sorted(exact, key=lambda key: (whole[key] - exact[key], str(key)))
    for key in order[: max(0, total - sum(whole.values()))]:
        whole[key] += 1
    return whole
