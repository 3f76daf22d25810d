"""Every commit's standing: its place in history, its parent, and what the sources say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance.sources import CommitSource, CommitText, LineEvidence

UNCOMMITTED = "0" * 40
_CHUNK = 10_000
_FIELDS = "%H%n%at%n%an%n%ae%n%B"
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
    evidence: dict[str, LineEvidence] = {}
    ranked = sorted(sources, key=lambda source: -source.strength)
    for chunk in _chunks(list(order)):
        evidence |= _read_evidence(repository, chunk, ranked)
    if not evidence:
        return History(order, parents)
    oldest = max(order[commit] for commit in evidence)
    changed: dict[str, tuple[str, ...]] = {}
    for chunk in _chunks([commit for commit, place in order.items() if place <= oldest]):
        changed |= _read_changed(repository, chunk)
    return History(order, parents, evidence, changed, oldest)


def _chunks(commits: list[str]) -> list[list[str]]:
    return [commits[start : start + _CHUNK] for start in range(0, len(commits), _CHUNK)]


def _read_evidence(
    repository: Repository, commits: list[str], sources: Sequence[CommitSource]
) -> dict[str, LineEvidence]:
    output = repository.run(
        *("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--no-notes", "--no-mailmap"),
        *("--encoding=UTF-8", f"--format={_FIELDS}"),
        data="\n".join(commits).encode(),
    )
    found: dict[str, LineEvidence] = {}
    for entry in output.decode("utf-8", "replace").split("\0"):
        fields = entry.split("\n", 4)
        if len(fields) == len(_FIELDS.split("%n")):
            commit, when, name, email, message = fields
            text = CommitText(commit, name, email, _times.from_epoch(when), message)
            said = next((said for source in sources if (said := source.read(text))), None)
            if said:
                found[commit] = said
    return found


def _read_changed(repository: Repository, commits: list[str]) -> dict[str, tuple[str, ...]]:
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
