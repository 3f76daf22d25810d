"""What every source of evidence has in common. A source is one file here, and one entry in the list of `_all.py`.

Two shapes cover all of them: a `CommitSource` says which lines of a commit a model wrote (trailers, notes, edits
found again in a commit), a `FileSource` says which code of a file a model wrote (sidecars).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiprov.git import Repository
from aiprov_runtime._manifest import Generation

UNCOMMITTED = "0" * 40
"""Stands for the work tree where a commit is asked for, as in `git blame`."""


@dataclass(frozen=True, slots=True)
class CommitText:
    """What a commit says about itself; a source takes from it what is no person's data."""

    id: str
    author_name: str
    author_email: str
    authored_at: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """A source's word on one line: a model wrote it or, with no generation, a person did."""

    generation: Generation | None
    weight: float = 1.0
    """How much of the line counts as theirs; the rest is nobody's."""


UNTRACKED = Line(None, 0.0)
"""The source watched this commit and does not know who wrote the line; weaker sources are not asked."""


class LineEvidence(Protocol):
    """A commit's word on its own lines, by their numbers in that commit's version of the file."""

    def at(self, path: str, line: int) -> Line | None:
        """Who wrote this line, None where the evidence does not reach."""


@dataclass(frozen=True, slots=True)
class WholeCommit:
    """Line evidence that does not tell lines apart."""

    line: Line

    def at(self, path: str, line: int) -> Line | None:
        del path, line
        return self.line


@dataclass(frozen=True, slots=True)
class SomeLines:
    """Line evidence that knows its lines one by one, and is silent on all others."""

    lines: Mapping[str, Mapping[int, Line]]

    def at(self, path: str, line: int) -> Line | None:
        return self.lines.get(path, {}).get(line)


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Several sources on one commit, the strongest first."""

    evidence: tuple[LineEvidence, ...]

    def at(self, path: str, line: int) -> Line | None:
        return next((said for one in self.evidence if (said := one.at(path, line))), None)


@dataclass(frozen=True, slots=True)
class OnCommits:
    """What a commit source found, by commit, and what it had to leave out, as one line each."""

    evidence: Mapping[str, LineEvidence] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """A generation's claim on a file, as the canonical hash of each function that it covers."""

    path: str
    generation: Generation
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Collected:
    """What a file source found, and what it had to leave out, as one line each."""

    evidence: tuple[FileEvidence, ...] = ()
    ignored: tuple[str, ...] = field(default=())


class Source(Protocol):
    @property
    def name(self) -> str:
        """As it stands in a generation's `evidence`."""

    @property
    def strength(self) -> int:
        """Where two sources speak of one line or function, the higher number decides."""


class CommitSource(Source, Protocol):
    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        """What is known of these commits, the newest first, and under UNCOMMITTED of the work tree."""


class FileSource(Source, Protocol):
    def read(self, repository: Repository, files: Sequence[str]) -> Collected: ...
