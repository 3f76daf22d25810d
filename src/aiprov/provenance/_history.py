"""Every commit's standing: its place in history, its parent, and what the sources say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.provenance._commits import chunks, read_texts
from aiprov.provenance.sources import CommitSource, CommitText, FirstOf, LineEvidence

_MAX_CHANGED = 200


@dataclass(frozen=True, slots=True)
class History:
    order: dict[str, int] = field(default_factory=dict)
    """Children before parents, so a commit with a higher number is never a descendant."""
    parents: dict[str, str] = field(default_factory=dict)
    """The first parent only."""
    evidence: dict[str, LineEvidence] = field(default_factory=dict)
    """Of the commits that a model had a hand in."""
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Python files that a commit modified or deleted: code that it moved came from one of them."""
    oldest: int = -1
    """The place of the oldest commit with evidence."""
    ignored: tuple[str, ...] = ()
    """Evidence that does not hold, one line each."""

    def concerns(self, commit: str) -> bool:
        """Whether a model's code can be in a commit or under it; False for commits outside of this history."""
        return self.order.get(commit, 0 if not commit.strip("0") else self.oldest + 1) <= self.oldest


def read_history(repository: Repository, sources: Sequence[CommitSource], *, since: str | None = None) -> History:
    """All that HEAD reaches, or what it reaches beyond `since`."""
    if repository.resolve("HEAD") is None:
        return History()
    limit = (f"^{since}",) if since else ()
    listed = repository.run("rev-list", "--topo-order", "--parents", "HEAD", *limit).decode().splitlines()
    order: dict[str, int] = {}
    parents: dict[str, str] = {}
    for place, line in enumerate(listed):
        commit, _, rest = line.partition(" ")
        order[commit] = place
        if rest:
            parents[commit] = rest.partition(" ")[0]
    texts = list(read_texts(repository, list(order)))
    evidence, ignored = _weigh(repository, texts, sources)
    if not evidence:
        return History(order, parents, ignored=ignored)
    oldest = max(order.get(commit, 0) for commit in evidence)
    changed: dict[str, tuple[str, ...]] = {}
    for chunk in chunks([commit for commit, place in order.items() if place <= oldest]):
        changed |= _read_changed(repository, chunk)
    return History(order, parents, evidence, changed, oldest, ignored)


def _weigh(
    repository: Repository, texts: Sequence[CommitText], sources: Sequence[CommitSource]
) -> tuple[dict[str, LineEvidence], tuple[str, ...]]:
    """For each commit what the sources say of it, the strongest first."""
    said: dict[str, list[LineEvidence]] = {}
    ignored: list[str] = []
    for source in sorted(sources, key=lambda source: -source.strength):
        found = source.read(repository, texts)
        ignored += found.ignored
        for commit, one in found.evidence.items():
            said.setdefault(commit, []).append(one)
    layered = {commit: layers[0] if len(layers) == 1 else FirstOf(tuple(layers)) for commit, layers in said.items()}
    return layered, tuple(ignored)


def _read_changed(repository: Repository, commits: Sequence[str]) -> dict[str, tuple[str, ...]]:
    output = repository.run(
        *("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=MD"),
        data=("\n".join(commits) + "\n").encode(),
    )
    found: dict[str, list[str]] = {}
    wanted = frozenset(commits)
    names: list[str] = []
    for raw in output.split(b"\0"):
        # A commit's id stands alone before its names.
        text = raw.decode("utf-8", "surrogateescape")
        commit = text.removesuffix("\n")
        if commit in wanted:
            names = found.setdefault(commit, [])
        elif text.endswith(".py"):
            names.append(text)
    return {commit: tuple(names) for commit, names in found.items() if 0 < len(names) <= _MAX_CHANGED}
