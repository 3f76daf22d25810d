"""Build the manifest from history and records: the strongest evidence on each function decides."""

from __future__ import annotations

import gc
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.provenance._blame import Blame, blame
from aiprov.provenance._history import History, read_history
from aiprov.provenance._lineage import FileFacts, Lineage, Tally
from aiprov.provenance._moves import Moved, follow_moves
from aiprov.provenance._store import pruned, read_manifest
from aiprov.provenance._text import PYTHON, plain_bytes
from aiprov.provenance.sources import CommitSource, FileSource
from aiprov.provenance.sources.sidecar import SUFFIX, Sidecars
from aiprov.provenance.sources.trailers import Trailers
from aiprov.text import safe
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MAX_KEY, Generation, Manifest, Record, check_path

AI_SHARE = 0.95
MAX_OTHERS = 50
IGNORE_REVS = ".git-blame-ignore-revs"
_RECORDED = 30
_AHEAD = 8
_IGNORED_LINE = re.compile(rb"\s*(?:(?:[0-9a-f]{40}|[0-9a-f]{64})\s*)?(?:#.*)?", re.IGNORECASE)
_UNFIT_NAME = re.compile(r'["\\]')
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A manifest that nobody has written yet, and what the scan saw."""

    manifest: Manifest
    commits: int
    ai_commits: int
    files: int
    moved: int
    unnameable: int
    """Files whose names a manifest cannot hold."""
    unreadable: tuple[str, ...]
    """Files that git could not blame or Python cannot parse, one line each."""
    ignored: tuple[str, ...]
    """Evidence that does not hold, one line each."""


@dataclass(frozen=True, slots=True)
class _Files:
    python: tuple[str, ...]
    all: tuple[str, ...]
    unnameable: int
    absent: frozenset[str]
    """Tracked, but left out of this work tree by a sparse checkout."""


@dataclass(frozen=True, slots=True)
class _Claim:
    strength: int
    record: Record
    generations: tuple[Generation, ...] = ()


def scan(
    repository: Repository,
    *,
    since: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    commit_sources: Sequence[CommitSource] = (Trailers(),),
    file_sources: Sequence[FileSource] = (Sidecars(),),
) -> Scanned:
    """The manifest as history and today's work tree make it; `since` leaves older commits out. Nothing is written."""
    held = read_manifest(repository.root)
    limit = _since(repository, since)
    history = read_history(repository, commit_sources, since=limit)
    _refuse_shallow(repository, history)
    files = _list_files(repository)
    options, ignored = _blame_options(repository, limit)
    ignored += history.ignored
    lineage = Lineage(repository, history, options=options)

    def blamed(path: str) -> Blame:
        return blame(repository, path, options=options) if history.evidence else Blame()

    work = _ahead(blamed, files.python, jobs=jobs or _default_jobs())
    with _without_collector():
        facts, unreadable = _examine(lineage, work, held, progress=progress, total=len(files.python))
    collected = [(source, source.read(repository, files.all)) for source in file_sources]
    moved = follow_moves(repository.root, held, files.python, absent=files.absent)

    claims: dict[tuple[str, str], list[_Claim]] = {}
    for path, found in facts.items():
        for qualname, tally in found.tallies.items():
            if len(qualname) > MAX_KEY:
                ignored.append(f"{safe(path)}: a function's name is longer than {MAX_KEY} characters")
                continue
            claim = _claim_of_lines(tally, found.hashes[qualname], history)
            claims.setdefault((path, qualname), []).append(claim)
    for source, collection in collected:
        ignored += collection.ignored
        for evidence in collection.evidence:
            today = _hashes(repository, evidence.path)
            for qualname in sorted(evidence.hashes.keys() & today.keys()):
                if evidence.hashes[qualname] == today[qualname] and len(qualname) <= MAX_KEY:
                    record = Record("ai", evidence.generation.id, 1.0, today[qualname])
                    claim = _Claim(source.strength, record, (evidence.generation,))
                    claims.setdefault((evidence.path, qualname), []).append(claim)
    manifest = _settle(held, claims, facts=facts, moved=moved, history=history)
    return Scanned(
        manifest=manifest,
        commits=len(history.order),
        ai_commits=len(history.evidence),
        files=len(files.python),
        moved=len(moved.places),
        unnameable=files.unnameable,
        unreadable=tuple(unreadable),
        ignored=tuple(ignored),
    )


def _since(repository: Repository, since: str | None) -> str | None:
    if since is None:
        return None
    commit = repository.resolve(since)
    if commit is None:
        raise UsageError(f"--since {safe(since)}: no such commit here; give a commit, tag or branch")
    return commit


def _refuse_shallow(repository: Repository, history: History) -> None:
    if repository.run("rev-parse", "--is-shallow-repository").strip() != b"true":
        return
    where = os.fsdecode(repository.run("rev-parse", "--git-path", "shallow").rstrip(b"\n"))
    ends = (repository.root / where).read_bytes().decode("ascii", "replace").split()
    if any(commit in history.order for commit in ends):
        raise UsageError(
            "this clone is shallow, so the writers of older lines are not known: run `git fetch --unshallow`, "
            "or give --since a commit after the cut"
        )


def _default_jobs() -> int:
    return min(os.cpu_count() or 1, 8)


def _list_files(repository: Repository) -> _Files:
    """Regular tracked files, with sidecars that are not tracked yet."""
    staged = repository.run("ls-files", "-t", "-s", "-z").split(b"\0")
    names = {entry.partition(b"\t")[2] for entry in staged if entry[2:].startswith(b"100")}
    absent = {entry.partition(b"\t")[2] for entry in staged if entry.startswith(b"S ")}
    others = repository.run("ls-files", "-z", "--others", "--exclude-standard").split(b"\0")
    names |= {name for name in others if name.endswith(SUFFIX.encode())}
    python: list[str] = []
    every: list[str] = []
    unnameable = 0
    for raw in sorted(names):
        name = _name(raw)
        if name is None:
            unnameable += raw.endswith(b".py")
            continue
        every.append(name)
        if name.endswith(".py") and plain_bytes(repository.root, name) is not None:
            python.append(name)
    return _Files(tuple(python), tuple(every), unnameable, frozenset(filter(None, map(_name, absent))))


def _name(raw: bytes) -> str | None:
    """The name as text, where a manifest can hold it."""
    try:
        name = raw.decode()
        check_path(name)
    except ValueError:
        return None
    return None if _UNFIT_NAME.search(name) or len(name) > MAX_KEY else name


def _blame_options(repository: Repository, limit: str | None) -> tuple[tuple[str, ...], list[str]]:
    options = [f"^{limit}"] if limit else []
    listed = plain_bytes(repository.root, IGNORE_REVS)
    if listed is None:
        return tuple(options), []
    for number, line in enumerate(listed.split(b"\n"), 1):
        if not _IGNORED_LINE.fullmatch(line):
            return tuple(options), [f"{IGNORE_REVS}:{number}: not a full commit id; the file is not honoured"]
    return (f"--ignore-revs-file={IGNORE_REVS}", *options), []


def _ahead(
    job: Callable[[str], Blame], paths: Sequence[str], *, jobs: int
) -> Iterator[tuple[str, Callable[[], Blame]]]:
    """Results in order, with git at work on the files to come; the caller's own work stays in its thread."""
    pool = ThreadPoolExecutor(max_workers=jobs)
    waiting: deque[tuple[str, Future[Blame]]] = deque()
    try:
        for path in paths:
            waiting.append((path, pool.submit(job, path)))
            if len(waiting) > _AHEAD * jobs:
                first, future = waiting.popleft()
                yield first, future.result
        for first, future in waiting:
            yield first, future.result
    finally:
        # On Ctrl-C nothing that waits is begun; nothing was written either way.
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Syntax trees hold no cycles, but searching them for some takes three times as long as parsing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _examine(
    lineage: Lineage,
    work: Iterable[tuple[str, Callable[[], Blame]]],
    held: Manifest,
    *,
    progress: Progress | None,
    total: int,
) -> tuple[dict[str, FileFacts], list[str]]:
    facts: dict[str, FileFacts] = {}
    failed: list[str] = []
    for done, (path, result) in enumerate(work, 1):
        try:
            facts[path] = lineage.examine(path, result(), recorded=held.files.get(path, {}).keys())
        except GitError as error:
            failed.append(f"{safe(path)}: {safe(str(error))}")
        except SyntaxError as error:
            failed.append(f"{safe(path)}: not valid {PYTHON}: {safe(error.msg or 'cannot be parsed')}")
        if progress:
            progress(done, total)
    return facts, failed


def _hashes(repository: Repository, path: str) -> dict[str, str]:
    source = plain_bytes(repository.root, path)
    try:
        return {} if source is None else {name: region.code_hash for name, region in regions(source).items()}
    except SyntaxError:
        return {}


@lru_cache(4096)
def _id(generation: Generation) -> str:
    return generation.id


def _claim_of_lines(tally: Tally, code_hash: str, history: History) -> _Claim:
    """The generation with most lines leads, the newest of equals."""
    counts = [(generation, lines) for generation, lines in tally.items() if generation is not None]
    newest = len(history.order)
    counts.sort(key=lambda item: (-item[1], history.order.get(item[0].commit or "", newest), _id(item[0])))
    share = sum(lines for _, lines in counts) / tally.total()
    generations = tuple(generation for generation, _ in counts[: MAX_OTHERS + 1])
    record = Record(
        contributor="ai" if share >= AI_SHARE else "mixed",
        generation=_id(generations[0]),
        ai_lines=round(share, 4),
        code_hash=code_hash,
        other_generations=tuple(sorted(map(_id, generations[1:]))),
    )
    return _Claim(_strength(generations), record, generations)


_STRENGTHS = {"record": _RECORDED, Sidecars().name: Sidecars().strength, Trailers().name: Trailers().strength}


def _strength(generations: Iterable[Generation]) -> int:
    """Evidence that this version does not know was put there by somebody who did."""
    return min((_STRENGTHS.get(g.evidence or "", _RECORDED) for g in generations), default=_RECORDED)


def _settle(
    held: Manifest,
    claims: dict[tuple[str, str], list[_Claim]],
    *,
    facts: dict[str, FileFacts],
    moved: Moved,
    history: History,
) -> Manifest:
    """Held records that still fit compete with today's claims; one that does not gives way, or stays as it was."""
    generations = dict(held.generations)
    files: dict[str, dict[str, Record]] = {}
    for (path, qualname), found in sorted(claims.items()):
        best = max(found, key=lambda claim: claim.strength)
        files.setdefault(path, {})[qualname] = best.record
        generations |= {_id(generation): generation for generation in best.generations}
    for path, qualname, record in _held_records(held, moved):
        sources = [held.generations[g] for g in (record.generation, *record.other_generations) if g in held.generations]
        if sources and path in facts and all(_is_derived(generation, history) for generation in sources):
            continue
        today = facts[path].hashes.get(qualname) if path in facts else None
        rivals = claims.get((path, qualname), [])
        fits = path not in facts or record.code_hash is None or (path, qualname) in moved.places
        if fits or record.code_hash == today:
            if all(_strength(sources) > rival.strength for rival in rivals):
                files.setdefault(path, {})[qualname] = record
        elif not rivals:
            files.setdefault(path, {})[qualname] = record  # with its old hash, so that everybody sees it is stale
    return pruned(Manifest(generations, files))


def _is_derived(generation: Generation, history: History) -> bool:
    """This scan has read the same commit again, so what it says now is all there is."""
    return generation.evidence == Trailers().name and generation.commit in history.order


def _held_records(held: Manifest, moved: Moved) -> Iterable[tuple[str, str, Record]]:
    for path, functions in held.files.items():
        for qualname, record in functions.items():
            if (path, qualname) not in moved.gone:
                yield path, qualname, record
    for (path, qualname), record in moved.places.items():
        yield path, qualname, record
