"""Every commit's standing: its place in history, its parent, what sources say of it, and which files that reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aiprov.git import Repository
from aiprov.provenance.lines._commits import read_texts
from aiprov.provenance.lines._judge import Word
from aiprov.provenance.lines._squash import BRIDGED, bridged
from aiprov.provenance.lines._stranded import Stranded
from aiprov.provenance.sources import UNCOMMITTED, CommitSource, CommitText, FirstOf, LineEvidence, OnCommits

_CHUNK = 10_000
_MAX_CHANGED = 200
_WORK_TREE = -1
Layer = tuple[int, LineEvidence]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far evidence can have got, by commits' places and files' names alone."""

    order: Mapping[str, int] = field(default_factory=dict)
    """Children before parents, so a commit with a higher number is never a descendant."""
    commits: Sequence[str] = ()
    first: Mapping[str, int] = field(default_factory=dict)
    """By path the place of the oldest commit in which it may hold a line that somebody speaks of."""

    depth: Mapping[str, int] = field(default_factory=dict)
    """By path the place of the oldest commit that such a line can have come from, under whatever name."""

    def bound(self, path: str) -> tuple[str, ...]:
        """How blame is told to look no further than the oldest such commit."""
        place = self.depth.get(path)
        if place is None:
            return ()
        return ("^HEAD",) if place == _WORK_TREE else (f"^{self.commits[place]}^@",)

    def concerns(self, commit: str, path: str) -> bool:
        """Whether such a line can be in this commit's version of the file; False for commits outside of the history."""
        place = _WORK_TREE if not commit.strip("0") else self.order.get(commit)
        return place is not None and place <= self.first.get(path, _WORK_TREE - 1)


@dataclass(frozen=True, slots=True)
class History:
    order: Mapping[str, int] = field(default_factory=dict)
    """Children before parents, so a commit with a higher number is never a descendant."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """The first parent only."""
    evidence: Mapping[str, LineEvidence] = field(default_factory=dict)
    """Of the commits that somebody speaks of."""
    layers: Mapping[str, tuple[Layer, ...]] = field(default_factory=dict)
    """The same by source, the strongest first."""
    spoke: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By source the commits that it speaks of."""
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Python files that a commit modified or deleted: code that it moved came from one of them."""
    reach: Reach = field(default_factory=Reach)
    ignored: tuple[str, ...] = ()
    """Evidence that does not hold, one line each."""

    def word(self, commit: str, path: str, line: int) -> Word | None:
        """The strongest source's that has one."""
        for strength, evidence in self.layers.get(commit, ()):
            if said := evidence.at(path, line):
                return strength, said
        return None


def read_history(
    repository: Repository, sources: Sequence[CommitSource], *, since: str | None = None, revision: str | None = None
) -> History:
    """All that HEAD or another commit reaches, or what it reaches beyond `since`."""
    if repository.resolve(revision or "HEAD") is None:
        return History()
    order, parents, merges = _read_order(repository, revision or "HEAD", since)
    texts = list(read_texts(repository, list(order)))
    ordered = sorted(sources, key=lambda s: -s.strength)
    found = list(_with_branches(repository, texts, [(source, source.read(repository, texts)) for source in ordered]))
    layers = _layered(found, order)
    ignored = tuple(line for _, one in found for line in one.ignored)
    spoke: dict[str, frozenset[str]] = {}
    for source, one in found:
        spoke[source.name] = spoke.get(source.name, frozenset()) | one.evidence.keys()
    if not layers:
        return History(order, parents, spoke=spoke, ignored=ignored)
    evidence = {commit: FirstOf(tuple(one for _, one in found)) for commit, found in layers.items()}
    oldest = max(order.get(commit, 0) for commit in layers)
    changed: dict[str, tuple[str, ...]] = {}
    first: dict[str, int] = {}
    depth: dict[str, int] = {}
    concerned = [commit for commit, place in order.items() if place <= oldest]
    for chunk in reversed(list(_chunks(concerned))):
        names = _read_names(repository, chunk)
        for commit in reversed(chunk):
            _spread(names.get(commit, ()), first, depth, place=order[commit], speaks=commit in layers)
            if commit not in merges and (gave := _gave(names.get(commit, ()))):
                changed[commit] = gave
    if revision is None:
        _spread(_read_uncommitted(repository), first, depth, place=_WORK_TREE, speaks=UNCOMMITTED in layers)
    return History(order, parents, evidence, layers, spoke, changed, Reach(order, tuple(order), first, depth), ignored)


def _with_branches(
    repository: Repository, texts: Sequence[CommitText], found: Iterable[tuple[CommitSource, OnCommits]]
) -> Iterator[tuple[CommitSource, OnCommits]]:
    """What hangs on commits' ids reaches from a branch to the commit that it was squashed into."""
    stranded: Stranded | None = None
    for source, one in found:
        if source.name not in BRIDGED:
            yield source, one
            continue
        stranded = stranded or Stranded.of(repository)
        more = bridged(
            *(repository, texts, one.evidence, lambda theirs, read=source.read: read(repository, theirs).evidence),
            stranded=stranded,
        )
        yield source, OnCommits({**one.evidence, **more}, one.ignored)


def _read_order(
    repository: Repository, head: str, since: str | None
) -> tuple[dict[str, int], dict[str, str], set[str]]:
    limit = (f"^{since}",) if since else ()
    order: dict[str, int] = {}
    parents: dict[str, str] = {}
    merges: set[str] = set()
    for place, line in enumerate(
        repository.run("rev-list", "--topo-order", "--parents", head, *limit, "--").decode().splitlines()
    ):
        commit, *above = line.split(" ")
        order[commit] = place
        if above:
            parents[commit] = above[0]
        if len(above) > 1:
            merges.add(commit)
    return order, parents, merges


def _layered(found: Iterable[tuple[CommitSource, OnCommits]], order: Mapping[str, int]) -> dict[str, tuple[Layer, ...]]:
    layers: dict[str, list[Layer]] = {}
    for source, one in found:
        for commit, said in one.evidence.items():
            if commit in order or commit == UNCOMMITTED:
                layers.setdefault(commit, []).append((source.strength, said))
    return {commit: tuple(said) for commit, said in layers.items()}


def _chunks(commits: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(commits), _CHUNK):
        yield commits[start : start + _CHUNK]


Change = tuple[bytes, str]
"""What `--name-status` says, and the name."""


def _read_names(repository: Repository, commits: list[str]) -> dict[str, list[Change]]:
    """Against every parent: what came in by a merge may have come in by it alone."""
    output = repository.run(
        *("diff-tree", "--stdin", "-r", "-m", "-z", "--root", "--no-renames", "--name-status"),
        data=("\n".join(commits) + "\n").encode(),
    )
    found: dict[str, list[Change]] = {}
    wanted = frozenset(commits)
    names: list[Change] = []
    tokens = iter(output.split(b"\0"))
    for token in tokens:
        if len(token) > 1:  # a commit's id stands alone before its names
            commit = token.split(b" ", 1)[0].strip().decode("ascii", "replace")
            names = found.setdefault(commit, []) if commit in wanted else []
        elif token:
            _add(names, token, next(tokens, b""))
    return found


def _read_uncommitted(repository: Repository) -> list[Change]:
    names: list[Change] = []
    tokens = iter(repository.run("diff-index", "-z", "--no-renames", "--name-status", "HEAD", "--").split(b"\0"))
    for token in tokens:
        if token:
            _add(names, token, next(tokens, b""))
    return names


def _add(names: list[Change], status: bytes, raw: bytes) -> None:
    if raw.endswith(b".py"):
        names.append((status, raw.decode("utf-8", "surrogateescape")))


def _spread(
    changes: Sequence[Change], first: dict[str, int], depth: dict[str, int], *, place: int, speaks: bool
) -> None:
    """Lines go along with their file, and may go from any file that lost some to any that got some."""
    depths = [depth[path] for status, path in changes if status != b"A" and path in depth]
    if not speaks and not depths:
        return
    oldest = max(depths, default=place)
    for status, path in changes:
        if status != b"D":
            first.setdefault(path, place)
            depth[path] = max(depth.get(path, _WORK_TREE), oldest)


def _gave(changes: Sequence[Change]) -> tuple[str, ...]:
    names = tuple(path for status, path in changes if status != b"A")
    return names if len(names) <= _MAX_CHANGED else ()
