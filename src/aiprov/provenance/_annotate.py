"""Every line of a version of the repository with what is known of it, for those who count lines.

    for file in annotate(repository, revision=None):        # None: the work tree
        for stretch in file.stretches:
            stretch.lines, stretch.commit, stretch.said, stretch.function

Stretches of a file are in order, do not overlap and hold every line that git can blame. Nothing is written but the
cache. Python files come with the lineage of `scan`: a line that a commit only re-formatted or moved is judged where it
was written, while `commit` stays what plain `git blame -w -M` says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.provenance._blame import blame
from aiprov.provenance._history import read_history
from aiprov.provenance.sources import CommitSource, Line
from aiprov.provenance.sources._all import in_repository
from aiprov.text import safe

Progress = Callable[[int, int], None]


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
    del jobs
    commit = None if revision is None else repository.resolve(revision)
    if revision is not None and commit is None:
        raise UsageError(f"{safe(revision)}: no such commit here; give a commit, tag or branch")
    history = read_history(repository, in_repository() if sources is None else sources)
    names = repository.tracked() if commit is None else repository.files(commit)
    wanted = sorted(names if paths is None else set(names).intersection(paths))
    for done, path in enumerate(wanted, 1):
        try:
            found = blame(repository, path, revision=commit)
        except GitError:
            continue
        stretches: list[Stretch] = []
        for number, place in sorted(found.lines.items()):
            evidence = history.evidence.get(place[0])
            said = evidence.at(place[1], place[2]) if evidence else None
            stretches.append(Stretch(number, 1, place[0], place, said, None))
        yield FileLines(path, tuple(stretches))
        if progress:
            progress(done, len(wanted))
