"""The tree, the manifest, the evidence and the policy held against each other. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiprov.check._drift import displaced, edited
from aiprov.check._evidence import as_of_today, at_odds, unrecorded, unseen
from aiprov.check._findings import Finding
from aiprov.check._lines import ManifestLines
from aiprov.check._reviews import read_reviews
from aiprov.check._rules import Facts, violations
from aiprov.check._tree import Tree
from aiprov.check._valid import invalid_entries
from aiprov.config import Policy
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import Scanned, _times, scan
from aiprov.provenance._collector import without_collector
from aiprov.provenance._moves import Place, follow_moves
from aiprov.provenance._store import read_manifest
from aiprov.provenance._text import PYTHON, is_plain, plain_bytes
from aiprov.provenance.lines._files import list_files
from aiprov.provenance.lines._history import read_history
from aiprov.provenance.lines._outline import Today
from aiprov.provenance.sources._all import in_repository
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH, MAX_BYTES, Generation, Manifest, ManifestError

_WHERE = re.compile(rf"{re.escape(MANIFEST_PATH)}:(?:(\d+):)? ?")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    findings: tuple[Finding, ...]
    functions: int
    """How many the manifest records."""
    has_manifest: bool
    unreadable: tuple[str, ...]
    """Files that could not be looked into, one line each."""
    unseen: tuple[str, ...] = ()
    """Sources that the manifest cites and this clone has nothing of."""


def check(
    repository: Repository,
    *,
    policy: Policy,
    paths: Sequence[str] = (),
    since: str | None = None,
    history: bool = True,
    progress: Progress | None = None,
) -> Checked:
    """Everything that is not as it should be; `paths` restrict it, without `history` only the tree is looked at."""
    data = plain_bytes(repository.root, MANIFEST_PATH, limit=MAX_BYTES)
    try:
        held = read_manifest(repository.root)
    except ManifestError as error:
        return Checked((_unreadable(str(error)),), 0, has_manifest=True, unreadable=())
    wanted = _within(paths)
    files = list_files(repository)
    tree = Tree(repository.root, files.python)
    lines = ManifestLines(data or b"")
    with without_collector():
        if history:
            scanned = _scan(repository, since=since, progress=progress)
            today, moved, hashes, missed = scanned.manifest, scanned.moved, scanned.hashes, scanned.unreadable
        else:
            moved = follow_moves(repository.root, held, files.python, absent=files.absent)
            hashes = _hashes(repository, held, wanted)
            scanned, today = None, None
            there = [path for path in held.files if wanted(path) and is_plain(repository.root, path)]
            missed = tuple(f"{path}: not valid {PYTHON}" for path in there if path not in hashes)
        findings = [*invalid_entries(held, lines), *edited(held, today, hashes=hashes, tree=tree)]
        findings += displaced(moved, tree, lines)
        if scanned:
            settled = {place for finding in findings if (place := _place(finding.function))}
            findings += at_odds(held, scanned.manifest, spoke=scanned.spoke, settled=settled, lines=lines)
            findings += unrecorded(held, scanned.manifest, spoke=scanned.spoke, moved=moved, tree=tree)
    if policy != Policy():
        judged = as_of_today(held, scanned.manifest, moved) if scanned else held
        findings += violations(_facts(repository, policy, judged, tree, history=history))
    shown = [finding for finding in findings if _concerns(finding, wanted)]
    return Checked(
        findings=tuple(sorted(shown, key=lambda finding: finding.sort_key)),
        functions=sum(map(len, held.files.values())),
        has_manifest=data is not None,
        unreadable=missed,
        unseen=tuple(unseen(held, scanned.spoke)) if scanned else (),
    )


def _unreadable(text: str) -> Finding:
    where = _WHERE.match(text)
    line = int(where[1]) if where and where[1] else None
    return Finding(kind="invalid", message=text[where.end() :] if where else text, path=MANIFEST_PATH, line=line)


def _place(function: str | None) -> Place | None:
    path, found, qualname = (function or "").rpartition("::")
    return (path, qualname) if found else None


def _scan(repository: Repository, *, since: str | None, progress: Progress | None) -> Scanned:
    try:
        return scan(repository, since=since, progress=progress)
    except UsageError as error:
        if repository.run("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise UsageError(f"{error}; or check the tree alone: --no-history") from None
        raise


def _hashes(repository: Repository, held: Manifest, wanted: Callable[[str], bool]) -> dict[str, dict[str, str]]:
    """Today's, of recorded functions; what cannot be parsed has none."""
    today = Today(repository.root)
    return {
        path: {name: today.hash(path, name) for name in functions if name in names}
        for path, functions in held.files.items()
        if wanted(path) and (names := today.names(path)) is not None
    }


def _within(paths: Sequence[str]) -> Callable[[str], bool]:
    """Whether a file is one of these, or below one; every file where none are given."""
    return lambda path: not paths or any(path == one or path.startswith(f"{one}/") for one in paths)


def _concerns(finding: Finding, wanted: Callable[[str], bool]) -> bool:
    """A damaged manifest concerns everybody."""
    named = [place[0] for place in (_place(finding.function), _place(finding.to)) if place]
    return any(map(wanted, named or [finding.path or ""])) or (not named and finding.path == MANIFEST_PATH)


def _facts(repository: Repository, policy: Policy, manifest: Manifest, tree: Tree, *, history: bool) -> Facts:
    start = _start(repository, policy)
    commits: list[str] = []
    reviews = None
    if policy.asks_for_reviews and history:
        known = read_history(repository, in_repository(), since=start)
        commits = [commit for commit in known.order if commit in known.evidence]
        named = (g.commit for g in manifest.generations.values() if g.commit and g.commit in known.order)
        reviews = read_reviews(repository, dict.fromkeys([*commits, *named]), trailer=policy.trailer)
    is_new = _is_after(repository, start) if start else lambda _: True
    return Facts(policy, manifest, tree, commits, reviews, is_new)


def _start(repository: Repository, policy: Policy) -> str | None:
    if policy.since is None:
        return None
    start = repository.resolve(policy.since)
    if start is None:
        mend = "name a commit, tag or branch; in a shallow clone, fetch it: git fetch --unshallow --tags"
        raise UsageError(f"[tool.aiprov.policy] since: no commit {safe(policy.since)} here; {mend}")
    return start


def _is_after(repository: Repository, start: str) -> Callable[[Generation], bool]:
    """By its commit or, where history does not have that one, by its time; where neither is known it counts as new."""
    new = set(repository.run("rev-list", "HEAD", f"^{start}").decode().split())
    every = set(repository.run("rev-list", "HEAD").decode().split())
    begin = _times.from_epoch(repository.run("log", "-1", "--format=%at", start).decode().strip())

    def is_after(generation: Generation) -> bool:
        if generation.commit in every:
            return generation.commit in new
        return generation.generated_at is None or begin is None or generation.generated_at > begin

    return is_after
