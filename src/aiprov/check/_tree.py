"""The work tree's Python files, each parsed at most once and only when it is asked about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aiprov.git import Repository
from aiprov.provenance._text import plain_bytes
from aiprov_runtime._functions import Definition, code_hash, definitions, parse


class Source:
    """One file; `functions` is None where it is absent or no Python."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self._root = root

    @cached_property
    def functions(self) -> dict[str, list[Definition]] | None:
        data = plain_bytes(self._root, self.path)
        if data is None:
            return None
        try:
            tree = parse(data)
        except SyntaxError:
            return None
        found: dict[str, list[Definition]] = {}
        for definition in definitions(tree):
            found.setdefault(definition.qualname, []).append(definition)
        return found

    def line(self, qualname: str) -> int | None:
        """Where the `def` stands, below its decorators."""
        found = (self.functions or {}).get(qualname)
        return None if not found else found[0].start if isinstance(found[0].node, ast.Module) else found[0].node.lineno

    def code_hash(self, qualname: str) -> str | None:
        found = (self.functions or {}).get(qualname)
        return code_hash([definition.node for definition in found]) if found else None


@dataclass(frozen=True, slots=True)
class Tree:
    root: Path
    python: tuple[str, ...]
    """Tracked files with names that are text."""
    absent: frozenset[str]
    """Tracked, but left out of this work tree by a sparse checkout."""
    _sources: dict[str, Source]

    @classmethod
    def of(cls, repository: Repository) -> Tree:
        python: list[str] = []
        absent: set[str] = set()
        for entry in repository.run("ls-files", "-t", "-s", "-z").split(b"\0"):
            about, _, raw = entry.partition(b"\t")
            name = raw.decode("utf-8", "surrogateescape")
            if not name.endswith(".py") or not name.isprintable():
                continue  # a name that no record can have
            if about.startswith(b"S "):
                absent.add(name)
            elif about[2:].startswith(b"100"):
                python.append(name)
        return cls(repository.root, tuple(sorted(set(python))), frozenset(absent), {})

    def source(self, path: str) -> Source:
        if path not in self._sources:
            self._sources[path] = Source(self.root, path)
        return self._sources[path]

    def all(self) -> Iterator[Source]:
        """Every tracked Python file, in order."""
        return (self.source(path) for path in self.python)
