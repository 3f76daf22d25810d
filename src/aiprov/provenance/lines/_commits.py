"""What commits say about themselves, read for many of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance.sources import CommitText

_CHUNK = 10_000
_FIELDS = "%H%n%at%n%an%n%ae%n%B"


def chunks(commits: Sequence[str]) -> Iterator[Sequence[str]]:
    """Portions of which git's answer fits into memory."""
    for start in range(0, len(commits), _CHUNK):
        yield commits[start : start + _CHUNK]


def read_texts(repository: Repository, commits: Sequence[str]) -> Iterator[CommitText]:
    """In the order given."""
    for chunk in chunks(commits):
        output = repository.run(
            *("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--no-notes", "--no-mailmap"),
            *("--encoding=UTF-8", f"--format={_FIELDS}"),
            data="\n".join(chunk).encode(),
        )
        for entry in output.decode("utf-8", "replace").split("\0"):
            fields = entry.split("\n", 4)
            if len(fields) == len(_FIELDS.split("%n")):
                commit, when, name, email, message = fields
                yield CommitText(commit, name, email, _times.from_epoch(when), message)
