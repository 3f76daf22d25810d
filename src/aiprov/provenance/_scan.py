"""Build the manifest from history and records: the strongest evidence on each function decides."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance._collector import without_collector
from aiprov.provenance._moves import Moved, follow_moves
from aiprov.provenance._settle import Place, Seen, settle
from aiprov.provenance._store import read_manifest
from aiprov.provenance._survivors import with_survivors
from aiprov.provenance._text import MAX_SOURCE
from aiprov.provenance.lines._files import Files, blame_options, list_files
from aiprov.provenance.lines._history import History, read_history
from aiprov.provenance.lines._judge import AI_SHARE, Claim, Tally, claim_of
from aiprov.provenance.lines._origins import Origins
from aiprov.provenance.lines._outline import Today
from aiprov.provenance.lines._survey import Progress, Scope, survey
from aiprov.provenance.sources import CommitSource, FileEvidence, FileSource
from aiprov.provenance.sources._all import beside_files, in_repository
from aiprov.text import safe
from aiprov_runtime._manifest import MAX_KEY, Manifest, Record

_RECORDS = {"record": 60, "hook": 50}
_LOCAL = frozenset({"hook", "transcript", "aider-chat", "devmemory"})
_ALWAYS = frozenset({"trailers"})

__all__ = ["AI_SHARE", "Progress", "Scanned", "scan"]


@dataclass(frozen=True, slots=True)
class Scanned:
    """A manifest that nobody has written yet, and what the scan saw."""

    manifest: Manifest
    commits: int
    ai_commits: int
    files: int
    moved: Moved
    hashes: Mapping[str, Mapping[str, str]]
    """By file that could be read: of the functions that had a record, as they are today."""
    spoke: Mapping[str, Collection[str]]
    """By source the commits that it said something about."""
    unnameable: int
    """Files whose names a manifest cannot hold."""
    unreadable: tuple[str, ...]
    """Files that git could not blame or Python cannot parse, one line each."""
    ignored: tuple[str, ...]
    """Evidence that does not hold, one line each."""


def scan(
    repository: Repository,
    *,
    since: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    commit_sources: Sequence[CommitSource] | None = None,
    file_sources: Sequence[FileSource] | None = None,
) -> Scanned:
    """The manifest as history and today's work tree make it; `since` leaves older commits out. Nothing is written.

    Sources that are not given are those that every clone holds.
    """
    commit_sources = in_repository() if commit_sources is None else commit_sources
    file_sources = beside_files() if file_sources is None else file_sources
    held = read_manifest(repository.root)
    limit = _since(repository, since)
    history = read_history(repository, commit_sources, since=limit)
    _refuse_shallow(repository, history)
    files = list_files(repository)
    options, ignored = blame_options(repository, limit)
    ignored += history.ignored
    recorded = {path: frozenset(functions) for path, functions in held.files.items()}
    reached = {path: files.blobs.get(path) for path in files.python if path in history.reach.first}
    found = survey(
        *(repository, history, reached), scope=Scope(options, recorded=recorded), jobs=jobs, progress=progress
    )
    with without_collector():
        today = Today(repository.root, {path: one for path, one in found.items() if one.error is None})
        moved = follow_moves(repository.root, held, files.python, absent=files.absent, names=today.names)
        claims, left_out = _gather(repository, found, history, today, files=files, sources=file_sources)
        ignored += left_out
        readable = {path for path in held.files if path.endswith(".py") and today.names(path) is not None}
        hashes = {
            path: {name: today.hash(path, name) for name in recorded.get(path, ()) if name in (today.names(path) or ())}
            for path in readable
        }
        settled = settle(held, claims, hashes=hashes, moved=moved, seen=_seen(history, commit_sources, file_sources))
        manifest = with_survivors(repository, settled, hashes=hashes)
    failed = sorted([one.error for one in found.values() if one.error] + [_too_large(path) for path in files.too_large])
    return Scanned(
        manifest=manifest,
        commits=len(history.order),
        ai_commits=len(history.evidence),
        files=len(files.python),
        moved=moved,
        hashes=hashes,
        spoke=history.spoke,
        unnameable=files.unnameable,
        unreadable=tuple(failed),
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


def _gather(
    repository: Repository,
    found: Mapping[str, Origins],
    history: History,
    today: Today,
    *,
    files: Files,
    sources: Sequence[FileSource],
) -> tuple[dict[Place, list[Claim]], list[str]]:
    """All that is said of today's functions, and what cannot be used of it."""
    claims: dict[Place, list[Claim]] = {}
    ignored: list[str] = []
    for path, qualname, claim in _claims_of_lines(found, history, today):
        if len(qualname) > MAX_KEY:
            ignored.append(f"{safe(path)}: a function's name is longer than {MAX_KEY} characters")
        else:
            claims.setdefault((path, qualname), []).append(claim)
    for source in sources:
        collected = source.read(repository, files.all)
        ignored += collected.ignored
        for evidence in collected.evidence:
            for qualname, claim in _claims_of_file(evidence, source.strength, today):
                claims.setdefault((evidence.path, qualname), []).append(claim)
    return claims, ignored


def _too_large(path: str) -> str:
    return f"{safe(path)}: larger than {MAX_SOURCE >> 20} MiB"


def _claims_of_lines(found: Mapping[str, Origins], history: History, today: Today) -> Iterator[tuple[str, str, Claim]]:
    for path in sorted(found):
        for qualname, tally in tallies(found[path], history):
            if tally.strength is not None:
                claim = claim_of(tally, today.hash(path, qualname), order=history.order)
                if claim:
                    yield path, qualname, claim


def tallies(origins: Origins, history: History) -> Iterator[tuple[str, Tally]]:
    """By function; evidence is asked once for each line that somebody speaks of."""
    spoken = [commit in history.layers for commit in origins.commits]
    for qualname, traced in origins.functions.items():
        tally = Tally()
        for run in traced.runs:
            if run.commit < 0 or not spoken[run.commit]:
                tally.add(None, run.size)
                continue
            commit, path = origins.commits[run.commit], origins.path(run.path)
            for line in range(run.line, run.line + run.size):
                tally.add(history.word(commit, path, line))
        yield qualname, tally


def _claims_of_file(evidence: FileEvidence, strength: int, today: Today) -> Iterator[tuple[str, Claim]]:
    names = today.names(evidence.path) or ()
    for qualname in sorted(evidence.hashes.keys() & names):
        if len(qualname) <= MAX_KEY and evidence.hashes[qualname] == today.hash(evidence.path, qualname):
            record = Record("ai", evidence.generation.id, 1.0, evidence.hashes[qualname])
            yield qualname, Claim(strength, record, (evidence.generation,))


def _seen(history: History, commits: Sequence[CommitSource], files: Sequence[FileSource]) -> Seen:
    known = (*in_repository(), *beside_files(), *commits, *files)
    strengths = _RECORDS | {source.name: source.strength for source in known}
    shared = frozenset(source.name for source in commits) - _LOCAL
    return Seen(history.order, history.spoke, shared, _ALWAYS, strengths)
