"""Git, called as argument lists with the repository's own hooks, filters and pagers switched off."""

from __future__ import annotations

import os
import subprocess
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from aiprov.errors import UsageError
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, load

_OPTIONS = (
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.pager=cat"),
    *("-c", "diff.external="),
    *("-c", "color.ui=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "gc.auto=0"),
)
_KEPT_ENVIRONMENT = frozenset({"GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_CEILING_DIRECTORIES"})
_MAX_BLOB = 64 * 1024 * 1024


class GitError(UsageError):
    """Git refused; the text holds its own first line."""


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT_ENVIRONMENT}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0"}


@dataclass(slots=True, weakref_slot=True, eq=False)
class Repository:
    """One work tree; reads objects through a single long-lived `cat-file`."""

    root: Path
    _batch: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @classmethod
    def discover(cls, start: Path) -> Repository:
        try:
            top = cls(start).run("rev-parse", "--show-toplevel")
        except GitError as error:
            if "not a git repository" in str(error) or "must be run in a work tree" in str(error):
                where = "not a git repository with a work tree; run this inside of one, or name it with --repo"
                raise UsageError(f"{start}: {where}") from None
            raise UsageError(f"{start}: {error}") from None
        return cls(Path(os.fsdecode(top.rstrip(b"\n"))))

    def run(self, *args: str, data: bytes | None = None, ok: Sequence[int] = (0,)) -> bytes:
        """Standard output of one git command; GitError for any other exit code than `ok`."""
        try:
            done = subprocess.run(
                ["git", *_OPTIONS, *args],
                cwd=self.root,
                input=data,
                stdin=subprocess.DEVNULL if data is None else None,
                capture_output=True,
                env=_environment(),
                check=False,
            )
        except FileNotFoundError:
            missing = "no such directory" if not self.root.is_dir() else "git is not installed"
            raise GitError(missing) from None
        except NotADirectoryError:
            raise GitError("not a directory") from None
        if done.returncode not in ok:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
            raise GitError(f"git {args[0]}: {lines[0].removeprefix('fatal: ')}")
        return done.stdout

    def resolve(self, revision: str) -> str | None:
        """The full id of the commit that a tag, branch or (short) id names; None where nothing does."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            return None
        found = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", ok=(0, 1, 128)
        )
        name = found.decode("ascii", "replace").strip()
        return name if name.isalnum() else None  # a range would give several

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's bytes at a commit; None where it is absent, not a file or larger than 64 MiB."""
        if "\n" in path:
            return None
        process = self._cat_file()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(os.fsencode(f"{commit}:{path}") + b"\n")
        process.stdin.flush()
        header = process.stdout.readline().split()
        if len(header) < 3 or not header[-1].isdigit():  # noqa: PLR2004  # "<name> missing" has no size
            return None
        size = int(header[-1])
        body = _take(process.stdout, size)
        return body if header[-2] == b"blob" else None

    def _cat_file(self) -> subprocess.Popen[bytes]:
        if self._batch is None or self._batch.poll() is not None:
            self._batch = subprocess.Popen(
                ["git", *_OPTIONS, "cat-file", "--batch"],
                cwd=self.root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            weakref.finalize(self, _stop, self._batch)
        return self._batch

    def files(self, commit: str) -> tuple[str, ...]:
        """Every regular file of a commit, symbolic links and submodules left out; names that are not UTF-8 too."""
        entries = self.run("ls-tree", "-r", "-z", "--end-of-options", commit).split(b"\0")
        regular = (entry.partition(b"\t")[2] for entry in entries if entry.startswith(b"100"))
        return tuple(name for raw in regular if (name := _text(raw)) is not None)

    def tracked(self) -> tuple[str, ...]:
        """Every regular file in the index."""
        entries = self.run("ls-files", "-s", "-z").split(b"\0")
        regular = (entry.partition(b"\t")[2] for entry in entries if entry.startswith(b"100"))
        return tuple(name for raw in regular if (name := _text(raw)) is not None)

    def manifest(self, commit: str) -> Manifest | None:
        """The manifest as committed; ManifestError where it cannot be read."""
        data = self.read(commit, MANIFEST_PATH)
        return None if data is None else load(data, name=f"{commit[:12]}:{MANIFEST_PATH}")


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _take(stream: IO[bytes], size: int) -> bytes:
    """The body and its closing newline; a body over the limit is read past, not kept."""
    if size <= _MAX_BLOB:
        return stream.read(size + 1)[:-1]
    left = size + 1
    while left and (chunk := stream.read(min(left, 1 << 20))):
        left -= len(chunk)
    return b""


def _stop(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait()
