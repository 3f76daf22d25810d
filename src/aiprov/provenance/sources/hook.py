"""The journal that `aiprov hook` keeps while editors work: exact edits, below the git directory of this clone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.git import Repository
from aiprov.provenance.edits import _journal
from aiprov.provenance.edits._edits import find_edits
from aiprov.provenance.sources import CommitText, OnCommits


@dataclass(frozen=True, slots=True)
class Hook:
    name: str = "hook"
    strength: int = 50

    def read(self, repository: Repository, commits: Sequence[CommitText]) -> OnCommits:
        """What stands twice, as when an editor calls two hooks for one edit, is one edit."""
        folder = os.fsdecode(repository.run("rev-parse", "--git-common-dir").rstrip(b"\n"))
        git = Path(repository.root, folder)
        edits = list({(e.path, e.generation, e.blocks): e for e in _journal.read(git)}.values())
        return OnCommits(find_edits(repository, edits, commits))
