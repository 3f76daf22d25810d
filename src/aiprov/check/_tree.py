"""The work tree's Python files, each parsed at most once and only when it is asked about."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from aiprov.provenance._text import plain_bytes
from aiprov_runtime._functions import Definition, definitions, parse


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


class Tree:
    def __init__(self, root: Path, python: Sequence[str]) -> None:
        self._root = root
        self._python = python
        self._sources: dict[str, Source] = {}

    def source(self, path: str) -> Source:
        if path not in self._sources:
            self._sources[path] = Source(self._root, path)
        return self._sources[path]

    def all(self) -> Iterator[Source]:
        """Every tracked Python file."""
        return map(self.source, self._python)
