"""The manifest on disk, and which file and functions a person means."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov.provenance._text import MAX_SOURCE, PYTHON, link_in
from aiprov.text import safe
from aiprov_runtime._functions import MODULE, Region, regions
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, check_path, dumps, load

_CLOSE = 3


def find_root(start: Path) -> Path:
    """The repository's root; `start` itself where there is no repository."""
    if not start.is_dir():
        raise UsageError(f"{safe(str(start))}: no such directory")
    try:
        return Repository.discover(start).root.resolve()
    except UsageError:
        start = start.resolve()
        if any((folder / ".git").exists() for folder in (start, *start.parents)):
            raise
        return start


def read_manifest(root: Path) -> Manifest:
    """Empty where there is none; ManifestError where it cannot be read."""
    path = root / MANIFEST_PATH
    _refuse_links(root, MANIFEST_PATH)
    if not path.exists():
        return Manifest({}, {})
    if not path.is_file():  # a pipe would be waited for
        raise UsageError(f"{MANIFEST_PATH} is not a file; remove it or restore it from git")
    return load(path.read_bytes())


def write_manifest(root: Path, manifest: Manifest) -> bool:
    """Replace the file in one step, or leave it where nothing changes; True where it was written."""
    data = dumps(manifest)
    path = root / MANIFEST_PATH
    _refuse_links(root, MANIFEST_PATH)
    path.parent.mkdir(exist_ok=True)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return False
        mode = stat.S_IMODE(path.stat().st_mode)
    write_atomically(path, data, mode=mode)
    return True


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            if mode is not None:
                os.fchmod(descriptor, mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # gone already, where all went well


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """One writer of the manifest at a time: several `record` in a batch must not lose each other's entries."""
    folder = (root / MANIFEST_PATH).parent
    _refuse_links(root, folder.name)
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_links(root: Path, path: str) -> None:
    if link := link_in(root, path):
        raise UsageError(f"{safe(link)} is a symbolic link; make it a plain file or directory")


def pruned(manifest: Manifest) -> Manifest:
    """Without generations that no function refers to and files that hold no function."""
    files = {path: functions for path, functions in manifest.files.items() if functions}
    used = {g for functions in files.values() for r in functions.values() for g in (r.generation, *r.other_generations)}
    return Manifest({key: g for key, g in manifest.generations.items() if key in used}, files)


@dataclass(frozen=True, slots=True)
class Target:
    """A file below the root, and the name or line after it where one was given."""

    path: str
    name: str | None = None
    line: int | None = None


def parse_target(text: str, *, root: Path, base: Path) -> Target:
    """`path`, `path::qualname` or `path:line`, relative to `base` or else to the root; a file's own name goes first."""
    for pattern in (r"(?P<path>.*)", r"(?P<path>.+?)::(?P<name>.+)", r"(?P<path>.+):(?P<line>[0-9]{1,9})"):
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found is None:
            continue
        parts = found.groupdict()
        for start in (base, root):
            path = _relative(parts["path"], root=root, base=start)
            if path is not None and (root / path).exists():
                return Target(path, parts.get("name"), int(parts["line"]) if "line" in parts else None)
    path_text, named, name = text.partition("::")
    if named and not name:
        raise UsageError(f"{safe(text)}: no function is named after ::")
    path_text = path_text if name else re.sub(r":[0-9]{1,9}$", "", text)
    path = _relative(path_text, root=root, base=base)
    if path is None:
        raise UsageError(f"{safe(path_text)} is outside of {safe(str(root))}")
    line = re.search(r":([0-9]{1,9})$", text)
    return Target(path, name or None, int(line[1]) if line and not name else None)


def _relative(text: str, *, root: Path, base: Path) -> str | None:
    if not text or "\0" in text:
        return None
    absolute = os.path.normpath(base / text)  # not resolve(): a link must be seen as a link
    relative = os.path.relpath(absolute, root)
    return None if relative == ".." or relative.startswith("../") else relative


def read_source(root: Path, path: str) -> bytes:
    """A Python file's bytes; UsageError for what is no plain Python file below the root."""
    name = safe(path)
    full = root / path
    if not full.is_symlink() and not full.exists():
        raise UsageError(f"{name}: no such file")
    _refuse_links(root, path)
    if not full.is_file():
        raise UsageError(f"{name} is not a file; name Python files or path::function")
    if full.suffix != ".py":
        raise UsageError(f"{name} is not a Python file; only functions in .py files are recorded")
    try:
        path.encode()
        check_path(path)
    except UnicodeEncodeError:
        raise UsageError(f"{name}: the file's name is not UTF-8; rename it") from None
    except ValueError as error:
        raise UsageError(f"{name}: {error}; rename it") from None
    if full.stat().st_size > MAX_SOURCE:
        raise UsageError(f"{name} is larger than {MAX_SOURCE >> 20} MiB")
    return full.read_bytes()


def read_regions(source: bytes, path: str) -> dict[str, Region]:
    try:
        return regions(source)
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise UsageError(f"{safe(path)}{line}: not valid {PYTHON}: {safe(error.msg or 'cannot be parsed')}") from None


def select(functions: dict[str, Region], target: Target) -> dict[str, Region]:
    """The functions a target names: the whole file, one function with those nested in it, or a class's methods."""
    name = target.name
    if name is None:
        return functions
    if name == MODULE:
        return {MODULE: functions[MODULE]}
    inside = f"{name}.<locals>." if name in functions else f"{name}."
    chosen = {q: region for q, region in functions.items() if q == name or q.startswith(inside)}
    if not chosen:
        close = difflib.get_close_matches(name[:200], list(functions)[:5000], n=_CLOSE)
        hint = f"; did you mean {', '.join(map(safe, close))}?" if close else ""
        raise UsageError(f"{safe(target.path)} has no function {safe(name)}{hint}")
    return chosen


def resolve_commit(root: Path, revision: str) -> str:
    """The full id; UsageError outside a repository and for an unknown revision."""
    try:
        commit = Repository.discover(root).resolve(revision)
    except GitError:
        commit = None
    if commit is None:
        raise UsageError(f"--commit {safe(revision)}: no such commit")
    return commit
