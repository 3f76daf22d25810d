"""Which repository a file lies in, found without running git."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from aiprov_runtime._manifest import check_path


class Place(NamedTuple):
    root: Path
    """Of the work tree."""
    path: str
    """Below the root."""
    git: Path
    """The git directory that all work trees of the repository have in common."""


def place_of(path: str, cwd: str) -> Place | None:
    """None outside of a repository, inside of its git directory, or for a name that no manifest can hold."""
    if not path or "\0" in path:
        return None
    file = Path(cwd or ".", path)
    folder = Path(os.path.realpath(file.parent))
    for root in (folder, *folder.parents):
        if git := _common(root / ".git"):
            name = (folder / file.name).relative_to(root).as_posix()
            return Place(root, name, git) if _is_fit(name) else None
    return None


def _is_fit(name: str) -> bool:
    try:
        name.encode()
        check_path(name)
    except ValueError:
        return False
    return not name.startswith(".git/")


def _common(entry: Path) -> Path | None:
    """A linked work tree's `.git` is a file that says where its part of the git directory is."""
    if entry.is_dir():
        return entry if (entry / "HEAD").is_file() else None
    if not entry.is_file():
        return None
    with entry.open("rb") as file:
        said = file.read(4096)
    if not said.startswith(b"gitdir: "):
        return None
    own = Path(entry.parent, os.fsdecode(said[8:].rstrip(b"\r\n")))
    if not (own / "HEAD").is_file():
        return None
    if not (own / "commondir").is_file():
        return own
    with (own / "commondir").open("rb") as file:
        return Path(os.path.normpath(own / os.fsdecode(file.read(4096).rstrip(b"\r\n"))))
