"""Every line of a version of the repository with what is known of it, for those who count lines.

    for file in annotate(repository, revision=None):        # None: the work tree
        for stretch in file.stretches:
            stretch.lines, stretch.commit, stretch.said, stretch.function

Stretches of a file are in order, do not overlap and hold every line that git can blame. Nothing is written but the
cache. Python files come with the lineage of `scan`: a line that a commit only re-formatted or moved is judged where it
was written, while `commit` stays what plain `git blame -w -M` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance.lines._files import blame_options, blobs_of
from aiprov.provenance.lines._history import History, read_history
from aiprov.provenance.lines._origins import Origins
from aiprov.provenance.lines._survey import Progress, Scope, survey
from aiprov.provenance.sources import CommitSource, Line
from aiprov.provenance.sources._all import in_repository
from aiprov.text import safe


class Stretch(NamedTuple):
    """Neighbouring lines that share all that is said of them here."""

    first: int
    lines: int
    commit: str
    """Of plain blame; a commit of zeros for work that is not committed."""
    origin: tuple[str, str, int] | None
    """Commit, path and line where the first of them was written; None where that is older than all evidence."""
    said: Line | None
    """A generation, a known person (no generation), UNTRACKED, or None: nothing is known."""
    function: str | None
    """Whose logic the lines are; None for blank lines, comments and docstrings, and in all but Python files."""


@dataclass(frozen=True, slots=True)
class FileLines:
    path: str
    stretches: tuple[Stretch, ...]


def annotate(
    repository: Repository,
    *,
    revision: str | None = None,
    paths: Collection[str] | None = None,
    sources: Sequence[CommitSource] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[FileLines]:
    """Files in order of their names; binary files and what git cannot blame are left out."""
    commit = None if revision is None else repository.resolve(revision)
    if revision is not None and commit is None:
        raise UsageError(f"{safe(revision)}: no such commit here; give a commit, tag or branch")
    history = read_history(repository, in_repository() if sources is None else sources, revision=commit)
    wanted = blobs_of(repository, commit)
    if paths is not None:
        wanted = {path: blob for path, blob in wanted.items() if path in paths}
    options, _ = blame_options(repository, None)
    scope = Scope(options, revision=commit, full=True)
    found = survey(repository, history, wanted, scope=scope, jobs=jobs, progress=progress)
    for path in sorted(found):
        if found[path].error is None:
            yield FileLines(path, tuple(_stretches(found[path], history)))


def _stretches(origins: Origins, history: History) -> Iterator[Stretch]:
    written = {line: (name, place) for line, name, place in origins.by_line()}
    last: Stretch | None = None
    for number, plain in origins.plain():
        if plain is None:
            continue
        name, origin = written.get(number, (None, plain))
        word = history.word(*origin) if origin and origin[0] in history.layers else None
        one = Stretch(number, 1, plain[0], origin, word[1] if word else None, name)
        if last is not None and _continues(last, one):
            last = last._replace(lines=last.lines + 1)
        else:
            if last is not None:
                yield last
            last = one
    if last is not None:
        yield last


def _continues(last: Stretch, one: Stretch) -> bool:
    if (last.first + last.lines, last.commit, last.said, last.function) != (one.first, *one[2:3], *one[4:]):
        return False
    if last.origin is None or one.origin is None:
        return last.origin is one.origin
    return last.origin[:2] == one.origin[:2] and last.origin[2] + last.lines == one.origin[2]
