"""Agent Trace files below `.agent-trace/`: ranges of lines, believed where the history bears them out.

A record should count lines at the revision that it names; the reference writer names the commit before the edit and
counts lines of a file that is not committed yet. So a range with a hash belongs to the first commit from there on that
added the hashed text, and one without to the named commit or its child, where what that added is just this range.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from aiprov.git import Repository
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.agent_trace._content_hash import Budget, ContentHash, Version
from aiprov.provenance.agent_trace._format import EVIDENCE, Parsed, Span, parse
from aiprov.provenance.edits._touches import Stamp, added_lines, stamps, touched, touched_now
from aiprov.provenance.sources import UNCOMMITTED, UNTRACKED, CommitText, Line, OnCommits, SomeLines
from aiprov.text import safe

FOLDER = ".agent-trace"
MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 1000
MAX_SPANS = 200_000
_MAX_TRIES = 30
_MAX_LINES = 3_000_000
_MIXED = 0.5
_CLOCKS = 120.0
_SUFFIXES = (".json", ".jsonl")


@dataclass(frozen=True, slots=True)
class AgentTraces:
    name: str = EVIDENCE
    strength: int = 35
    files: tuple[Path, ...] = ()
    """Further files, named by a person."""

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        unread: list[str] = []
        parsed = [parse(data) for data in _contents(repository, self.files, unread)]
        found = [span for one in parsed for span in one.spans]
        spans = _placed(repository, found[-MAX_SPANS:])
        confirmed = _Confirmed(repository, commits, spans) if spans else None
        ignored = (*unread, *_left_out(parsed, len(found), confirmed.used if confirmed else 0))
        return OnCommits(confirmed.evidence() if confirmed else {}, ignored)


def _left_out(parsed: Iterable[Parsed], spans: int, used: int) -> Iterator[str]:
    unreadable = sum(one.unreadable for one in parsed)
    if unreadable:
        yield f"{EVIDENCE}: {unreadable} records are in no form of Agent Trace"
    if spans > used:
        yield f"{EVIDENCE}: {spans - used} of {spans} ranges fit no commit's added lines"


def _contents(repository: Repository, files: tuple[Path, ...], unread: list[str]) -> Iterator[bytes]:
    """The work tree's files before those of HEAD that it does not have."""
    root = repository.root
    listed = repository.run("ls-tree", "-r", "-z", "--name-only", "HEAD", "--", FOLDER, ok=(0, 128)).split(b"\0")
    names = dict.fromkeys(raw.decode("utf-8", "surrogateescape") for raw in listed)
    if not (root / FOLDER).is_symlink():
        for folder, _, held in os.walk(root / FOLDER):
            names |= dict.fromkeys(os.path.relpath(os.path.join(folder, name), root) for name in held)  # noqa: PTH118
    read: set[Path] = set()
    for name in sorted(name for name in names if name.endswith(_SUFFIXES))[:MAX_FILES]:
        data = plain_bytes(root, name, limit=MAX_BYTES)
        if data is None:
            data = repository.read("HEAD", name)
        if data is None:
            unread.append(f"{safe(name)}: not a plain file of at most {MAX_BYTES >> 20} MiB")
        else:
            read.add((root / name).resolve())
            yield data
    for file in files:
        if file.resolve() not in read:
            yield file.read_bytes()


def _placed(repository: Repository, spans: Sequence[Span]) -> list[Span]:
    """Absolute paths become relative: below this root, or below the one that another machine's records share."""
    root = repository.root.as_posix()
    if not any(span.is_absolute for span in spans):
        return list(spans)
    known = frozenset(repository.tracked())
    roots: Counter[str] = Counter()
    for path in {span.path for span in spans if span.is_absolute}:
        parts = path.split("/")
        for start in range(1, len(parts) - 1):  # a lone file name is in every project
            if "/".join(parts[start:]) in known:
                roots["/".join(parts[:start])] += 1
                break
    bases = [root, *(base for base, _ in roots.most_common(10))]
    placed = []
    for span in spans:
        base = next((base for base in bases if span.path.startswith(f"{base}/")), None)
        if base is not None:
            placed.append(replace(span, path=span.path.removeprefix(f"{base}/")))
        elif not span.is_absolute:
            placed.append(span)
    return placed


@dataclass(frozen=True, slots=True)
class _Asked:
    span: Span
    hashed: ContentHash | None
    commits: tuple[str, ...]
    """That may have taken the lines in, the oldest first."""

    @property
    def length(self) -> int:
        return self.span.end - self.span.start + 1


class _Confirmed:
    """The spans' lines, by the commits that added them."""

    def __init__(self, repository: Repository, commits: Sequence[CommitText], spans: Sequence[Span]) -> None:
        self._repository = repository
        self._order = {commit.id: place for place, commit in enumerate(commits)}
        self._budget = Budget()
        self._lines: dict[str, dict[str, dict[int, Line]]] = defaultdict(lambda: defaultdict(dict))
        self.used = 0
        by_path = _grouped(spans)
        self._touching = _find_touching(repository, commits, by_path.keys())
        self._parents = _find_parents(repository, {stamp.id for found in self._touching.values() for stamp in found})
        asked = {path: [self._ask(span) for span in found] for path, found in by_path.items()}
        wanted: dict[str, set[str]] = defaultdict(set)
        for path, spans_there in asked.items():
            for one in spans_there:
                for commit in one.commits:
                    wanted[commit].add(path)
        new: dict[str, dict[str, frozenset[int]]] = defaultdict(dict)
        for commit, path, lines in added_lines(repository, dict(wanted)):
            new[path][commit] = frozenset(line.number for line in lines)
        for path, spans_there in asked.items():
            self._confirm(path, spans_there, new.get(path, {}))

    def evidence(self) -> dict[str, SomeLines]:
        return {commit: SomeLines(dict(files)) for commit, files in self._lines.items()}

    def _ask(self, span: Span) -> _Asked:
        hashed = ContentHash.parse(span.content_hash)
        return _Asked(span, hashed, tuple(self._candidates(span, hashed)))

    def _candidates(self, span: Span, hashed: ContentHash | None) -> list[str]:
        """The commits that may have taken the span's lines in, the oldest first."""
        touching = self._touching.get(span.path, [])
        revision = span.revision or ""
        place = self._order.get(revision)
        if place is not None:
            later = [s.id for s in touching if self._order.get(s.id, -1) <= place]
            if hashed is None:  # only these two can be told from a chance
                later = [commit for commit in later if revision in (commit, self._parents.get(commit))]
            return later[:_MAX_TRIES]
        at = _seconds(span.recorded_at)
        if hashed is None or at is None:
            return []
        return [s.id for s in touching if max(s.authored, s.committed) >= at - _CLOCKS][:_MAX_TRIES]

    def _confirm(self, path: str, asked: Sequence[_Asked], new: dict[str, frozenset[int]]) -> None:
        """The later record wins where two speak of a line."""
        claimed: dict[str, set[int]] = defaultdict(set)
        for one in asked:
            for commit in one.commits if one.hashed is None else ():
                claimed[commit].update(range(one.span.start, one.span.end + 1))

        @cache
        def version_of(commit: str) -> Version:
            return Version(self._read(commit, path), new[commit], self._budget)

        for one in asked:
            known = [commit for commit in one.commits if commit in new]
            if fitting := _fitting(one, known, version_of, claimed):
                commit, place = fitting
                lines = version_of(commit).new_in(place, one.length)
                self._lines[commit][path].update(dict.fromkeys(lines, _line(one.span, commit)))
                self.used += 1

    def _read(self, commit: str, path: str) -> list[bytes]:
        root = self._repository.root
        data = plain_bytes(root, path) if commit == UNCOMMITTED else self._repository.read(commit, path)
        return (data or b"").replace(b"\r\n", b"\n").split(b"\n")


def _fitting(
    one: _Asked, known: Sequence[str], version_of: Callable[[str], Version], claimed: Mapping[str, set[int]]
) -> tuple[str, int] | None:
    """The commit where the span's lines came in, and the place."""
    start, length = one.span.start, one.length
    if one.hashed is None:
        fitting = [commit for commit in known if version_of(commit).is_run(start, length, claimed[commit])]
        return (fitting[0], start) if len(fitting) == 1 else None
    for commit in known:
        if version_of(commit).has(one.hashed, start, length):
            return commit, start
    for commit in known:
        if (place := version_of(commit).find(one.hashed, length)) is not None:
            return commit, place
    return None


def _grouped(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """By path in their order; where there is too much of them the newest."""
    by_path: dict[str, list[Span]] = defaultdict(list)
    lines = 0
    for span in reversed(spans):
        lines += span.end - span.start + 1
        if not span.is_placeholder and lines <= _MAX_LINES:
            by_path[span.path].append(span)
    return {path: found[::-1] for path, found in by_path.items()}


def _find_touching(
    repository: Repository, commits: Sequence[CommitText], paths: Collection[str]
) -> dict[str, list[Stamp]]:
    """For each path the commits that changed it, the oldest first, and the work tree in the end."""
    found: dict[str, list[Stamp]] = defaultdict(list)
    if not paths or not commits:
        return found
    for one in reversed(touched(repository, stamps(repository, [commit.id for commit in commits]), paths)):
        for path in one.paths:
            found[path].append(one.stamp)
    now = touched_now(repository, paths)
    for path in now.paths if now else ():
        found[path].append(Stamp(UNCOMMITTED, float("inf"), float("inf")))
    return found


def _find_parents(repository: Repository, commits: Collection[str]) -> dict[str, str]:
    """First parents; that of the work tree is HEAD."""
    head = repository.resolve("HEAD")
    parents = {UNCOMMITTED: head} if head else {}
    listed = "\n".join(commit for commit in commits if commit != UNCOMMITTED)
    if listed:
        output = repository.run(
            *("log", "--no-walk=unsorted", "--stdin", "-s", "--no-show-signature", "--no-notes", "--format=%H %P"),
            data=listed.encode(),
        )
        for line in output.decode("ascii", "replace").splitlines():
            commit, *rest = line.split()
            if rest:
                parents[commit] = rest[0]
    return parents


def _line(span: Span, commit: str) -> Line:
    if span.generation is None:
        return Line(None) if span.contributor == "human" else UNTRACKED
    generation = span.generation._replace(commit=None if commit == UNCOMMITTED else commit)
    return Line(generation, _MIXED if span.contributor == "mixed" else 1.0)


def _seconds(text: str | None) -> float | None:
    if not text or not text.endswith("Z"):
        return None
    return datetime.fromisoformat(text).timestamp()
