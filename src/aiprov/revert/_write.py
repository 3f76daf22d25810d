"""Write a plan: into the work tree, or as one commit on a new branch that the work tree never sees."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository


@dataclass(frozen=True, slots=True)
class Edit:
    """One file: its committed bytes, what they become, and whether the work tree holds CRLF for their LF."""

    path: str
    before: bytes
    after: bytes
    crlf: bool = False

    def on_disk(self, data: bytes) -> bytes:
        return data.replace(b"\n", b"\r\n") if self.crlf else data


def apply(repository: Repository, edits: Sequence[Edit]) -> None:
    """Replace the files one by one, each whole; UsageError with nothing written where one changed meanwhile."""
    prepared: list[tuple[Path, Path]] = []
    try:
        for edit in edits:
            target = repository.root / edit.path
            _check_unchanged(target, edit)
            prepared.append((_temporary(target, edit.on_disk(edit.after)), target))
        while prepared:
            temporary, target = prepared[0]
            temporary.replace(target)
            del prepared[0]
    finally:
        for temporary, _ in prepared:
            temporary.unlink(missing_ok=True)


def _check_unchanged(target: Path, edit: Edit) -> None:
    if target.is_symlink() or target.read_bytes() != edit.on_disk(edit.before):
        raise UsageError(f"{edit.path} changed while the revert was planned; run it again")


def _temporary(target: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def check_branch(repository: Repository, name: str) -> str:
    """The full reference name; UsageError where it is no branch name or already taken."""
    reference = f"refs/heads/{name}"
    try:
        repository.run("check-ref-format", reference)
    except (GitError, ValueError):
        raise UsageError("--branch needs a valid branch name, such as revert-suspects") from None
    if name.startswith("-") or name == "HEAD" or not name.isprintable():
        raise UsageError("--branch needs a valid branch name, such as revert-suspects")
    if repository.run("for-each-ref", "--count=1", reference):
        raise UsageError(f"branch {name} exists already; choose another name")
    return reference


def commit_branch(repository: Repository, edits: Sequence[Edit], *, head: str, name: str, message: str) -> str:
    """Make the branch with one commit upon `head`; returns the commit's id."""
    reference = check_branch(repository, name)
    tree = f"{head}^{{tree}}"
    for edit in edits:
        blob = repository.run("hash-object", "-w", "--stdin", data=edit.after).decode().strip()
        tree = _with_blob(repository, tree, edit.path.split("/"), blob)
    try:
        commit = repository.run("commit-tree", "-p", head, "-F", "-", tree, data=message.encode()).decode().strip()
    except GitError as error:
        raise UsageError(f"{error}; set user.name and user.email in git's configuration") from None
    try:
        repository.run("update-ref", "-m", "aiprov revert", reference, commit, "0" * len(commit))
    except GitError as error:
        raise UsageError(f"branch {name} cannot be made ({error}); choose another name") from None
    return commit


def _with_blob(repository: Repository, tree: str, parts: Sequence[str], blob: str) -> str:
    """A new tree in which the entry at `parts` is `blob`; every other entry is copied as it stands."""
    entries = [e for e in repository.run("ls-tree", "-z", "--end-of-options", tree).split(b"\0") if e]
    name = os.fsencode(parts[0])
    for number, entry in enumerate(entries):
        about, _, found = entry.partition(b"\t")
        mode, kind, oid = about.split(b" ")
        if found == name:
            new = blob if len(parts) == 1 else _with_blob(repository, oid.decode(), parts[1:], blob)
            entries[number] = b"%b %b %b\t%b" % (mode, kind, new.encode(), found)
    data = b"".join(entry + b"\0" for entry in entries)
    return repository.run("mktree", "-z", "--missing", data=data).decode().strip()
