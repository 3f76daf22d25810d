from __future__ import annotations

from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance.lines._commits import read_texts
from aiprov.provenance.sources import CommitSource, OnCommits


def read_source(work: Work, source: CommitSource) -> OnCommits:
    """What one source says of all that HEAD reaches."""
    repository = Repository(work.root)
    commits = work.git("rev-list", "--topo-order", "HEAD").split()
    return source.read(repository, list(read_texts(repository, commits)))
