"""Commits of a clone outside of its history: branches whose work came in as other commits, or not at all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.provenance.lines._commits import read_texts
from aiprov.provenance.sources import CommitText
from aiprov.provenance.sources.git_ai import find_notes

MAX_STRANDED = 300_000
_HEAD_OF = re.compile(r"refs/(?:remotes/[^/]+/)?(?:pull/(\d+)/head|merge-requests/(\d+)(?:/head)?|pr/(\d+))", re.ASCII)
_REFS = ("refs/heads", "refs/tags", "refs/remotes", "refs/pull", "refs/merge-requests")

Lines = Mapping[int, tuple[str, str, int]]
"""By number the commit that a line came in with, and the path and the number there."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """The commits of a clone that are outside of its history."""

    parents: Mapping[str, tuple[str, ...]]
    """Children first."""
    requests: Mapping[str, tuple[str, ...]]
    """Heads of pull and merge requests by number."""
    texts: Mapping[str, CommitText]
    blamed: dict[tuple[str, str], Lines] = field(default_factory=dict)
    """By commit and path, for whichever source asks next."""

    @classmethod
    def of(cls, repository: Repository) -> Stranded:
        requests: dict[str, list[str]] = defaultdict(list)
        tips: set[str] = set()
        listed = repository.run("for-each-ref", "--format=%(objectname) %(refname)", *_REFS)
        for row in listed.decode("utf-8", "replace").splitlines():
            tip, _, ref = row.partition(" ")
            tips.add(tip)
            if head := _HEAD_OF.fullmatch(ref):
                requests[head[1] or head[2] or head[3]].append(tip)
        noted, _ = find_notes(repository)
        tips |= _commits(repository, list(noted))
        parents = _outside(repository, tips)
        texts = {text.id: text for text in read_texts(repository, list(parents))}
        return cls(parents, {number: tuple(dict.fromkeys(found)) for number, found in requests.items()}, texts)


def _commits(repository: Repository, names: Sequence[str]) -> set[str]:
    """Those of the names that are commits of this clone."""
    rows = repository.run("cat-file", "--batch-check=%(objectname) %(objecttype)", data=stdin(names)).split(b"\n")
    return {row[:-7].decode() for row in rows if row.endswith(b" commit")}


def _outside(repository: Repository, tips: set[str]) -> dict[str, tuple[str, ...]]:
    """Commits outside of the history with their parents, children first."""
    listed = repository.run(
        *("rev-list", "--topo-order", "--parents", "--ignore-missing", f"--max-count={MAX_STRANDED}", "--stdin"),
        data=stdin([*sorted(tips), "^HEAD"]),
    )
    rows = (line.split(" ") for line in listed.decode().splitlines())
    return {row[0]: tuple(row[1:]) for row in rows}


def stdin(names: Sequence[str]) -> bytes:
    return "\n".join(names).encode() + b"\n"
