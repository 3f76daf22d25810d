"""What every source of evidence has in common. A source is one file here, and one entry in the list that uses it.

Two shapes cover all of them: a `CommitSource` says which lines of a commit a model wrote (trailers, notes),
a `FileSource` says which code of a file a model wrote (sidecars, transcripts, exports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiprov.git import Repository
from aiprov_runtime._manifest import Generation


@dataclass(frozen=True, slots=True)
class CommitText:
    """What a commit says about itself; a source takes from it what is no person's data."""

    id: str
    author_name: str
    author_email: str
    authored_at: str | None
    message: str


class LineEvidence(Protocol):
    """A commit's word on its own lines, by their numbers in that commit's version of the file."""

    def at(self, path: str, line: int) -> Generation | None:
        """Who wrote this line, None where the evidence does not reach."""


@dataclass(frozen=True, slots=True)
class WholeCommit:
    """Line evidence that does not tell lines apart."""

    generation: Generation

    def at(self, path: str, line: int) -> Generation | None:
        del path, line
        return self.generation


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
        """Where two sources speak of one function, the higher number decides."""


class CommitSource(Source, Protocol):
    def read(self, commit: CommitText) -> LineEvidence | None: ...


class FileSource(Source, Protocol):
    def read(self, repository: Repository, files: Sequence[str]) -> Collected: ...
