"""What is known of files already, kept beside the repository's objects: a scan is right without it, and slower.

A file's entry holds no word of any source. It is good for the same content at the same path wherever blame starts from
the same place, which is so where no commit on the way, from one first parent to the next, touched that path, and where
all that its answers hung on is answered alike today.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiprov.git import GitError, Repository
from aiprov.provenance._text import PYTHON, plain_bytes
from aiprov.provenance.lines._files import IGNORE_REVS
from aiprov.provenance.lines._origins import Origins, decode, encode

_FORMAT = "3"
_KEPT_SCANS = 50
_MAX_TIPS = 8
_PATIENCE = 0.5
_TABLE = (
    "CREATE TABLE files (path BLOB, content TEXT, settings TEXT, tip TEXT, scan INTEGER, data BLOB,"
    " PRIMARY KEY (path, content, settings))"
)
Key = tuple[str, str]
"""A path and what stands for its content."""


class Cache:
    """Unreadable, locked, read-only or foreign: then there is none, and nobody is told."""

    def __init__(self, file: Path | None, *, settings: str, tip: str) -> None:
        self._settings = settings
        self._tip = tip
        self._connection = _opened(file) if file else None
        self._waiting: dict[Key, bytes] = {}
        numbers = list(self._rows("SELECT max(scan) FROM files"))
        self._scan = 1 + (numbers[0][0] if numbers and isinstance(numbers[0][0], int) else 0)

    def tips(self) -> list[str]:
        """Where the entries were made, the newest first."""
        query = "SELECT tip FROM files WHERE settings = ? GROUP BY tip ORDER BY max(scan) DESC LIMIT ?"
        return [tip for (tip,) in self._rows(query, self._settings, _MAX_TIPS) if isinstance(tip, str)]

    def read(self, wanted: Mapping[str, str], *, touched: Mapping[str, frozenset[str]]) -> dict[str, Origins]:
        """Entries by path for these contents; `touched` holds by tip the paths to distrust."""
        found: dict[str, Origins] = {}
        for raw, content, tip, data in self._rows(
            "SELECT path, content, tip, data FROM files WHERE settings = ?", self._settings
        ):
            path = os.fsdecode(raw) if isinstance(raw, bytes) else ""
            if wanted.get(path) == content and tip in touched and path not in touched[tip] and isinstance(data, bytes):
                seal, body = data[:16], data[16:]
                if seal == _seal(path, content, body) and (entry := decode(body)):
                    found[path] = entry
        return found

    def keep(self, key: Key, entry: Origins) -> None:
        body = encode(entry)
        self._waiting[key] = _seal(*key, body) + body

    def renew(self, keys: Mapping[str, str]) -> None:
        """These entries are good at this tip too."""
        tip, settings = self._tip, self._settings
        self._write(
            "UPDATE files SET tip = ?, scan = ? WHERE path = ? AND content = ? AND settings = ? AND tip != ?",
            [(tip, self._scan, os.fsencode(path), content, settings, tip) for path, content in keys.items()],
        )

    def flush(self) -> None:
        rows = [
            (os.fsencode(path), content, self._settings, self._tip, self._scan, data)
            for (path, content), data in self._waiting.items()
        ]
        self._waiting.clear()
        self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        self.flush()
        self._write("DELETE FROM files WHERE scan < ?", [(self._scan - _KEPT_SCANS,)])
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, values) if self._connection else ()
        except (sqlite3.Error, OverflowError, UnicodeError):
            return

    def _write(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows or not self._connection:
            return
        with contextlib.suppress(sqlite3.Error, UnicodeError), self._connection:
            self._connection.executemany(query, rows)


def _opened(file: Path) -> sqlite3.Connection | None:
    for attempt in range(2):
        connection = None
        try:
            file.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(file, timeout=_PATIENCE)
            tables = connection.execute("SELECT sql FROM sqlite_master").fetchall()
            if not tables:
                connection.execute(_TABLE)
            elif (_TABLE,) not in tables:
                raise sqlite3.DatabaseError
            return connection
        except sqlite3.OperationalError:  # locked or read-only; the file itself may be sound
            attempt = 1  # noqa: PLW2901
        except (sqlite3.Error, OSError):
            if attempt == 0:
                with contextlib.suppress(OSError):
                    file.unlink()
        if connection:
            connection.close()
        if attempt:
            return None
    return None


def _seal(path: str, content: str, body: bytes) -> bytes:
    """So that no damage to the file is taken for an answer."""
    key = hashlib.blake2b(f"{path}\0{content}".encode("utf-8", "surrogateescape")).digest()
    return hashlib.blake2b(body, digest_size=16, key=key).digest()


def cache_file(repository: Repository) -> Path | None:
    """Below the directory that all work trees share; None while a merge is under way, which blame looks into."""
    common = repository.run("rev-parse", "--git-common-dir", "--git-path", "MERGE_HEAD").split(b"\n")
    folder, merge = (repository.root / os.fsdecode(line) for line in common[:2])
    return None if merge.exists() else folder / "aiprov" / "scan.sqlite3"


def settings_of(repository: Repository, options: tuple[str, ...]) -> str:
    """A digest of all that entries hang on, and that holds for a whole scan."""
    where = repository.run("rev-parse", "--git-path", "info/grafts", "--git-path", "shallow").split(b"\n")
    parts = [_FORMAT, PYTHON, *options, repository.run("for-each-ref", "refs/replace").decode("utf-8", "replace")]
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16)
    for line in where[:2]:
        with contextlib.suppress(OSError):
            digest.update(b"\0" + (repository.root / os.fsdecode(line)).read_bytes())
    digest.update(b"\0" + (plain_bytes(repository.root, IGNORE_REVS) or b""))
    return digest.hexdigest()


def touched_between(repository: Repository, tip: str, head: str, parents: Mapping[str, str]) -> frozenset[str] | None:
    """What the first-parent ways from both commits down to where they meet touched; None where they do not."""
    if tip == head:
        return frozenset()
    above = dict(parents)
    try:
        if tip not in parents:
            rows = repository.run("rev-list", "--first-parent", "--parents", tip, f"^{head}").decode().splitlines()
            above |= {row.split(" ")[0]: row.split(" ")[1] for row in rows if " " in row}
        main = _chain(head, above)
        side, on_main = _chain(tip, above), set(main)
        meeting = next((commit for commit in side if commit in on_main), None)
        if meeting is None:
            return None
        pairs = [f"{commit} {above[commit]}\n" for chain in (main, side) for commit in chain[: chain.index(meeting)]]
        output = repository.run(
            *("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--name-only", "--no-commit-id"),
            data="".join(pairs).encode(),
        )
    except GitError:
        return None
    return frozenset(name.decode("utf-8", "surrogateescape") for name in output.split(b"\0"))


def _chain(commit: str | None, parents: Mapping[str, str]) -> list[str]:
    chain: list[str] = []
    while commit:
        chain.append(commit)
        commit = parents.get(commit)
    return chain
