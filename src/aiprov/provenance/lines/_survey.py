"""What is known of the lines of many files, from the cache or found anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.lines._cache import Cache, cache_file, settings_of, touched_between
from aiprov.provenance.lines._examine import Task, examine
from aiprov.provenance.lines._history import History
from aiprov.provenance.lines._lineage import Trail
from aiprov.provenance.lines._origins import Origins
from aiprov.provenance.lines._patches import read_patches

Progress = Callable[[int, int], None]
_OFTEN = 64
_MANY = 20


@dataclass(frozen=True, slots=True)
class Scope:
    options: tuple[str, ...] = ()
    """How every blame is asked."""
    revision: str | None = None
    """None for the work tree."""
    recorded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Functions whose hash will be asked for in any case."""
    full: bool = False
    """Plain blame of all of history is wanted too."""


def survey(
    repository: Repository,
    history: History,
    wanted: Mapping[str, str | None],
    *,
    scope: Scope,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Origins]:
    """By path; `wanted` says which blob a file is, None where it is in no index."""
    tip = scope.revision or repository.resolve("HEAD")
    if tip is None or not wanted:
        return {}
    contents = {path: blob or _digest(plain_bytes(repository.root, path)) for path, blob in wanted.items()}
    settings = settings_of(repository, (*scope.options, "full" if scope.full else "bounded"))
    with closing(Cache(cache_file(repository), settings=settings, tip=tip)) as cache:
        found = _known(repository, cache, contents, history=history, tip=tip, scope=scope)
        missing = [path for path in wanted if path not in found]
        if progress:
            progress(len(found), len(wanted))
        if missing:
            _refuse_partial(repository, tip)
        patches = _all_patches(repository, history) if len(missing) > _MANY else {}
        trail = Trail(history.parents, history.changed, history.reach, patches, full=scope.full)
        task = Task(
            *(repository.root, trail, scope.options, scope.revision),
            marked=frozenset(history.layers),
            recorded=scope.recorded,
        )
        for path, origins in examine(task, missing, jobs=jobs or min(os.cpu_count() or 1, 8)):
            found[path] = origins
            if origins.error is None:
                cache.keep((path, contents[path]), origins)
            if len(found) % _OFTEN == 0:
                cache.flush()
            if progress:
                progress(len(found), len(wanted))
    return found


def _known(
    repository: Repository, cache: Cache, contents: Mapping[str, str], *, history: History, tip: str, scope: Scope
) -> dict[str, Origins]:
    touched: dict[str, frozenset[str]] = {}
    for old in cache.tips():
        between = touched_between(repository, old, tip, history.parents)
        if between is not None:
            touched[old] = between
    reach, concerns = history.reach, history.reach.concerns
    found = {
        path: entry
        for path, entry in cache.read(contents, touched=touched).items()
        if all(scope.full or reach.bound(entry.path(number)) == bound for number, bound in entry.bounds)
        and all(concerns(entry.commits[q.commit], entry.path(q.path)) == q.answer for q in entry.asked)
    }
    cache.renew({path: contents[path] for path in found})
    return found


def _refuse_partial(repository: Repository, tip: str) -> None:
    """One look at a clone that was made with a filter, instead of a failure for each file."""
    filters = repository.run("config", "--get-regexp", r"^remote\..*\.(promisor|partialclonefilter)$", ok=(0, 1))
    if not filters:
        return
    wanted = ("--objects", "--missing=print", tip, "--", "*.py")
    if b"\n?" in b"\n" + repository.run("--no-literal-pathspecs", "rev-list", *wanted):
        raise UsageError(
            "this clone was made with a filter and lacks older versions of files: run `git fetch --refetch --no-filter`"
        )


def _all_patches(repository: Repository, history: History) -> Mapping[str, bytes]:
    oldest = max(history.reach.first.values(), default=-1)
    return read_patches(repository, [commit for commit, place in history.order.items() if place <= oldest])


def _digest(data: bytes | None) -> str:
    return "-" + hashlib.blake2b(data or b"", digest_size=20).hexdigest()
