"""What must be true of a repository and of one file before anything is put back."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.revert._source import Refusal
from aiprov.revert._write import Edit
from aiprov_runtime._functions import MODULE

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_MAX_NAME = 1000


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    path: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.path}::{self.qualname}"


def wanted(text: str) -> Wanted:
    """Take `path::qualname` apart; Refusal for what can be neither."""
    path, found, qualname = text.rpartition("::")
    path = path.removeprefix("./")
    if not found or not path or not qualname or len(text) > _MAX_NAME or not text.isprintable():
        raise Refusal("a function is named path::qualname, such as src/shop/pricing.py::Cart.total")
    if path.startswith(("/", "-")) or "\\" in path or path[1:2] == ":" or posixpath.normpath(path) != path:
        raise Refusal("its path must be relative to the repository's root, without ..; name it as git does")
    if path == ".." or path.startswith("../"):
        raise Refusal("its path leaves the repository; name it relative to the repository's root")
    if qualname == MODULE:
        raise Refusal("code outside functions is not reverted alone; name a function or revert the file with git")
    if "<" in qualname.replace("<locals>", ""):
        raise Refusal("a lambda or comprehension belongs to the function around it; name that function")
    return Wanted(path, qualname)


def revision(repository: Repository, text: str, *, option: str) -> str:
    """The commit that a release, tag or id names; UsageError where none does."""
    commit = repository.resolve(text)
    if commit is None:
        shallow = repository.run("rev-parse", "--is-shallow-repository").strip() == b"true"
        mend = "fetch it: git fetch --unshallow --tags" if shallow else "give a tag, branch or commit id"
        raise UsageError(f"{option} {text[:80]!r} names no commit here; {mend}")
    return commit


def check_idle(repository: Repository) -> None:
    """UsageError in the middle of a merge, rebase, cherry-pick or revert."""
    arguments = [part for name in _UNDER_WAY for part in ("--git-path", name)]
    paths = repository.run("rev-parse", *arguments).split(b"\n")
    for path, what in zip(paths, _UNDER_WAY.values(), strict=False):
        if (repository.root / os.fsdecode(path)).exists():
            raise UsageError(f"{what} is under way in this repository; finish or abort it first")


def committed_file(repository: Repository, head: str, path: str) -> Edit:
    """A file that is tracked, regular and clean, as an edit that changes nothing; Refusal for any other."""
    oid = _in_commit(repository, head, path)
    _check_real(repository, path)
    if _in_index(repository, path) != oid:
        raise Refusal(f"{path} has staged changes; commit or unstage them first")
    committed = repository.read(head, path)
    if not committed:
        raise Refusal(f"{path} is empty or too large to read; revert by hand")
    on_disk = (repository.root / path).read_bytes()
    if on_disk == committed:
        return Edit(path, committed, committed)
    if on_disk == committed.replace(b"\n", b"\r\n") and b"\r" not in committed:
        return Edit(path, committed, committed, crlf=True)
    raise Refusal(f"{path} differs from the last commit; commit or restore it first")


def _in_commit(repository: Repository, head: str, path: str) -> str:
    """The blob of a tracked regular file, judged from the root downward."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        prefix = "/".join(parts[:depth])
        entry = repository.run("ls-tree", "-z", "--full-tree", "--end-of-options", head, "--", prefix)
        about, _, name = entry.rstrip(b"\0").partition(b"\t")
        mode, _, oid = about.partition(b" ")
        if name != os.fsencode(prefix):
            raise Refusal(f"{path} is not in the last commit; check the path, or git add and commit it")
        if mode == b"120000":
            raise Refusal(f"{prefix} is a symbolic link; name the file that it points to")
        if mode == b"160000":
            raise Refusal(f"{path} lies in the submodule {prefix}; run aiprov inside it")
        if depth == len(parts) and not mode.startswith(b"100"):
            raise Refusal(f"{path} is a folder; name a file")
    return oid.partition(b" ")[2].decode()


def _check_real(repository: Repository, path: str) -> None:
    place = repository.root
    for part in path.split("/"):
        place = place / part
        if place.is_symlink():
            raise Refusal(f"{path} is reached through a symbolic link in the work tree; restore it with git first")
    if not place.is_file():
        raise Refusal(f"{path} is not in the work tree; restore it with git first")


def _in_index(repository: Repository, path: str) -> str | None:
    """The staged blob; None where the file is not tracked or unmerged."""
    try:
        entries = repository.run("ls-files", "-s", "-z", "--full-name", "--", path).split(b"\0")
    except GitError:
        return None
    found = [about.split(b" ") for about, _, name in (e.partition(b"\t") for e in entries) if name == os.fsencode(path)]
    return found[0][1].decode() if len(found) == 1 and found[0][2] == b"0" else None
