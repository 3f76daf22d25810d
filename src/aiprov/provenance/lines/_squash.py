"""Evidence on branch commits carried over to the commits of the history that took their work in.

A squash or a rebase on the server makes new commits: the notes and finer trailers stay on those of the branch. For a
commit that says nothing of single lines, its branch is looked for in this clone, by three tracks in this order:

1. `(#7)` or `(!7)` ends its subject, and the head of that pull or merge request is here: then no other is looked for;
2. a commit outside of the history has the same author, the same time and the same subject (a rebase, a cherry-pick);
3. commits outside of the history produced the very same files, at least half of those that it changed.

A line is followed only where the texts agree: to the same number where the file is the same in both, else between
lines that stand once in each file, with what is the same between two of those. There the branch is blamed, and the
commit that brought the line in answers. Where that commit is not marked while others of its branch are, the line is
nobody's, whatever the squash as a whole says. Candidates that contradict each other say nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain

from aiprov.git import GitError, Repository
from aiprov.provenance.lines._blame import blame
from aiprov.provenance.lines._commits import chunks
from aiprov.provenance.lines._stranded import Lines, Stranded, stdin
from aiprov.provenance.sources import UNTRACKED, CommitText, FirstOf, Line, LineEvidence, WholeCommit

Read = Callable[[Sequence[CommitText]], Mapping[str, LineEvidence]]

BRIDGED = frozenset({"git-ai", "trailers"})
"""Sources whose word hangs on a commit's id; the others find what they know in any commit that holds it."""
MAX_BRANCH = 500
MAX_CANDIDATES = 4
MAX_FILES = 2000
MAX_BOUNDARIES = 20
TELLING = 8
"""Bytes without the white space around them."""
_REQUEST = re.compile(r"\([#!](\d{1,9})\)$", re.ASCII)
_ENTRY = re.compile(rb":\d+ 100\d+ [0-9a-f]+ ([0-9a-f]+) [AM]")


def bridged(
    repository: Repository,
    texts: Sequence[CommitText],
    evidence: Mapping[str, LineEvidence],
    read: Read,
    *,
    stranded: Stranded | None = None,
) -> dict[str, LineEvidence]:
    """What is to be believed of commits whose branch was found, with their own evidence behind it."""
    silent = [text for text in texts if not _tells_lines_apart(evidence.get(text.id))]
    stranded = stranded or Stranded.of(repository)
    said = read(list(stranded.texts.values())) if silent and stranded.texts else {}
    said = {commit: one for commit, one in said.items() if commit in stranded.texts}
    if not said:
        return {}
    branches = _Branches.of_evidence(stranded, said)
    found: dict[str, LineEvidence] = {}
    candidates = list(_candidates(repository, silent, branches))
    branches.learn_writers(repository, [head for _, heads in candidates for head in heads.all()])
    for text, heads in candidates:
        own = evidence.get(text.id)
        if not all(branches.repeats(head, own) for head in heads.all()):
            bridge = _Bridge(repository, text.id, heads, branches, otherwise=UNTRACKED if own else None)
            found[text.id] = FirstOf((bridge, own)) if own else bridge
    return found


def _tells_lines_apart(evidence: LineEvidence | None) -> bool:
    if isinstance(evidence, FirstOf):
        return any(map(_tells_lines_apart, evidence.evidence))
    return evidence is not None and not isinstance(evidence, WholeCommit)


@dataclass(frozen=True, slots=True)
class Heads:
    """Commits whose files hold the lines of another commit."""

    everywhere: tuple[str, ...] = ()
    by_path: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, path: str) -> tuple[str, ...]:
        return self.everywhere or self.by_path.get(path, ())

    def all(self) -> set[str]:
        return {*self.everywhere, *chain.from_iterable(self.by_path.values())}


@dataclass(frozen=True, slots=True)
class _Wrote:
    paths: frozenset[str]
    removes: bool
    """It took files away too, so that one that is new may be one of those."""


@dataclass(frozen=True, slots=True)
class _Branches:
    """Stranded commits, with what is known of them."""

    parents: Mapping[str, tuple[str, ...]]
    requests: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, CommitText]
    said: Mapping[str, LineEvidence]
    informed: frozenset[str]
    """Commits with evidence, and those that stand on such."""
    blamed: dict[tuple[str, str], Lines]
    _wrote: dict[str, _Wrote] = field(default_factory=dict)
    _walked: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of_evidence(cls, stranded: Stranded, said: Mapping[str, LineEvidence]) -> _Branches:
        informed: set[str] = set()
        for commit in reversed(list(stranded.parents)):  # parents first
            if commit in said or not informed.isdisjoint(stranded.parents[commit]):
                informed.add(commit)
        parents, requests, texts = stranded.parents, stranded.requests, stranded.texts
        return cls(parents, requests, texts, said, frozenset(informed), stranded.blamed)

    def of(self, head: str) -> list[str]:
        """The branch's own commits, none where it is too long to be one piece of work."""
        if head not in self._walked:
            found = {head: None}
            waiting = [head]
            while waiting and len(found) <= MAX_BRANCH:
                for parent in self.parents[waiting.pop()]:
                    if parent in self.parents and parent not in found:
                        found[parent] = None
                        waiting.append(parent)
            self._walked[head] = [] if waiting else list(found)
        return self._walked[head]

    def learn_writers(self, repository: Repository, heads: Sequence[str]) -> None:
        self._wrote.update(_read_wrote(repository, list({commit for head in heads for commit in self.of(head)})))

    def writers(self, head: str, path: str) -> list[str]:
        return [commit for commit in self.of(head) if commit in self._wrote and path in self._wrote[commit].paths]

    def may_rename(self, commit: str) -> bool:
        return self._wrote[commit].removes

    def reach(self, marked: AbstractSet[str]) -> Callable[[str], bool]:
        """Whether a commit stands on one of these, or is one."""
        return lambda head: head in self.informed and not marked.isdisjoint(self.of(head))

    def repeats(self, head: str, own: LineEvidence | None) -> bool:
        """Every commit of the branch says what the squash says as a whole, so there is nothing to learn."""
        if not isinstance(own, WholeCommit):
            return False
        said = [self.said.get(commit) for commit in self.of(head) if len(self.parents[commit]) < 2]  # noqa: PLR2004
        return all(isinstance(one, WholeCommit) and _whose(one.line) == _whose(own.line) for one in said)


def _whose(line: Line) -> tuple[object, ...]:
    who = line.generation
    return (line.weight, who and who._replace(commit=None, generated_at=None))


def _candidates(
    repository: Repository, silent: Sequence[CommitText], branches: _Branches
) -> Iterator[tuple[CommitText, Heads]]:
    twins: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for commit in branches.said:
        twins[_identity(branches.texts[commit])].append(commit)
    rest: list[CommitText] = []
    for text in silent:
        request = _REQUEST.search(_subject(text))
        numbered = branches.requests.get(request[1], ()) if request else ()
        theirs = [head for head in numbered if head in branches.parents]
        heads = theirs or twins.get(_identity(text), [])
        if not heads:
            rest.append(text)
        elif len(heads) <= MAX_CANDIDATES and (told := [head for head in heads if head in branches.informed]):
            yield text, Heads(tuple(told))
    yield from _same_files(repository, rest, branches)


def _same_files(
    repository: Repository, silent: Sequence[CommitText], branches: _Branches
) -> Iterator[tuple[CommitText, Heads]]:
    begin = min(_when(branches.texts[commit]) for commit in branches.said)
    by_id = {text.id: text for text in silent if _when(text) >= begin}
    makers: dict[tuple[str, str], list[str]] = defaultdict(list)
    marked: dict[str, set[str]] = defaultdict(set)
    for commit, files in _files(repository, list(branches.informed) if by_id else []):
        for file in files:
            makers[file].append(commit)
            if commit in branches.said:
                marked[file[0]].add(commit)
    for commit, files in _files(repository, list(by_id)):
        text = by_id[commit]
        same: dict[str, tuple[str, ...]] = {}
        for file in files:
            earlier = [m for m in makers.get(file, ()) if _when(branches.texts[m]) <= _when(text)]
            if 0 < len(earlier) <= MAX_CANDIDATES:
                same[file[0]] = tuple(earlier)
        if 2 * len(same) >= len(files):
            told = {p: m for p, m in same.items() if p in marked and any(map(branches.reach(marked[p]), m))}
            if told:
                yield text, Heads(by_path=told)


def _files(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """By commit the paths that it wrote, each with the blob; merges and very large commits write none."""
    for chunk in chunks(commits):
        output = repository.run(
            *("diff-tree", "--stdin", "--root", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM"),
            data=stdin(chunk),
        )
        commit = ""
        files: list[tuple[str, str]] = []
        fields = iter(output.split(b"\0"))
        for part in fields:
            if entry := _ENTRY.fullmatch(part):
                files.append((next(fields, b"").decode("utf-8", "surrogateescape"), entry[1].decode()))
            elif part.startswith(b":"):
                next(fields, None)
            else:
                # A commit's id stands alone before its files.
                if 0 < len(files) <= MAX_FILES:
                    yield commit, files
                commit, files = part.strip().decode("ascii", "replace"), []


def _read_wrote(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, _Wrote]]:
    for chunk in chunks(commits):
        output = repository.run(
            "diff-tree", "--stdin", "--root", "-r", "-z", "--no-renames", "--name-status", data=stdin(chunk)
        )
        commit = ""
        paths: set[str] = set()
        removes = False
        tokens = iter(output.split(b"\0"))
        for token in tokens:
            if len(token) == 1:
                removes = removes or token == b"D"
                paths.add(next(tokens, b"").decode("utf-8", "surrogateescape"))
            else:
                # A commit's id stands alone before its files.
                yield commit, _Wrote(frozenset(paths), removes)
                commit, paths, removes = token.strip().decode("ascii", "replace"), set(), False


class _Bridge:
    """A commit's lines, as the commits of its branch tell of them."""

    __slots__ = ("_branches", "_commit", "_heads", "_otherwise", "_repository", "_tables")

    def __init__(
        self, repository: Repository, commit: str, heads: Heads, branches: _Branches, *, otherwise: Line | None
    ) -> None:
        self._repository = repository
        self._commit = commit
        self._heads = heads
        self._branches = branches
        self._otherwise = otherwise
        self._tables: dict[str, list[dict[int, Line]]] = {}

    def at(self, path: str, line: int) -> Line | None:
        if path not in self._tables:
            self._tables[path] = [self._table(head, path) for head in self._heads.of(path)]
        said = {answer for table in self._tables[path] if (answer := table.get(line))}
        return said.pop() if len(said) == 1 else None

    def _table(self, head: str, path: str) -> dict[int, Line]:
        writers = self._branches.writers(head, path)
        if not writers:
            return {}
        here, there = self._repository.read(self._commit, path), self._repository.read(writers[0], path)
        # A merge on the branch may have had a hand in the file too.
        maker = writers[0] if len(writers) == 1 and here == there else head
        there = there if maker == writers[0] else self._repository.read(head, path)
        if here is None or there is None:
            return {}
        mine, theirs = _lines(here), _lines(there)
        pairs = {n: n for n in range(1, len(mine) + 1)} if here == there else aligned(mine, theirs)
        if not pairs:
            return {}
        if maker == writers[0] and self._is_new(maker, path):
            places: Lines = {number: (maker, path, number) for number in range(1, len(theirs) + 1)}
        else:
            places = self._blame(maker, path)
        found: dict[int, Line] = {}
        for number, other in pairs.items():
            commit, origin, line = places.get(other, ("", "", 0))
            if commit in self._branches.parents:
                said = self._branches.said.get(commit)
                answer = said.at(origin, line) if said else None
                if answer := self._own(answer) if answer else self._otherwise:
                    found[number] = answer
        return found

    def _is_new(self, commit: str, path: str) -> bool:
        """Nothing of the file was there before, so that blame could not tell more."""
        parents = self._branches.parents[commit]
        renamed = self._branches.may_rename(commit)
        return not renamed and all(self._repository.read(parent, path) is None for parent in parents)

    def _blame(self, commit: str, path: str) -> Lines:
        blamed, parents = self._branches.blamed, self._branches.parents
        if (commit, path) not in blamed:
            limits = {p for own in self._branches.of(commit) for p in parents[own] if p not in parents}
            options = [f"^{limit}" for limit in sorted(limits)] if len(limits) <= MAX_BOUNDARIES else ["^HEAD"]
            try:
                found = blame(self._repository, path, revision=commit, options=tuple(options)).lines
            except GitError:
                found = {}
            blamed[commit, path] = found
        return blamed[commit, path]

    def _own(self, line: Line) -> Line:
        """As a word on the commit that is in the history."""
        who = line.generation
        return line if who is None else Line(who._replace(commit=self._commit), line.weight)


def _lines(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n")


def aligned(mine: Sequence[bytes], theirs: Sequence[bytes]) -> dict[int, int]:
    """Numbers of lines that are the same line in both texts: telling ones that stand once, and what they enclose."""
    there = {line: place for line, place in _once(theirs).items() if len(line.strip()) >= TELLING}
    found = {place: there[line] for line, place in _once(mine).items() if line in there}
    for anchor, other in [(-1, -1), *found.items()]:
        length = 1
        while (
            anchor + length < len(mine)
            and other + length < len(theirs)
            and mine[anchor + length] == theirs[other + length]
            and anchor + length not in found
        ):
            length += 1
        ends = anchor + length == len(mine) and other + length == len(theirs)
        if ends or found.get(anchor + length) == other + length:
            found |= {anchor + step: other + step for step in range(1, length)}
    return {here + 1: other + 1 for here, other in found.items()}


def _once(lines: Sequence[bytes]) -> dict[bytes, int]:
    counts = Counter(lines)
    return {line: place for place, line in enumerate(lines) if counts[line] == 1}


def _identity(text: CommitText) -> tuple[str, ...]:
    return text.author_name, text.author_email, _when(text), _subject(text)


def _when(text: CommitText) -> str:
    return text.authored_at or ""


def _subject(text: CommitText) -> str:
    return text.message.lstrip().partition("\n")[0].rstrip()
