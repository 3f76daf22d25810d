"""Today's functions and their hashes, from what was found already or by parsing what is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from aiprov.provenance._text import plain_bytes
from aiprov.provenance.lines._code import Code
from aiprov.provenance.lines._origins import Origins


class Today:
    def __init__(self, root: Path, found: Mapping[str, Origins] | None = None) -> None:
        self._root = root
        self._found = found or {}
        self._parsed: dict[str, Code | None] = {}
        self._hashes: dict[tuple[str, str], str] = {}

    def names(self, path: str) -> Collection[str] | None:
        """None for what cannot be read as Python, or is not there."""
        known = self._found.get(path)
        if known is not None and known.names is not None:
            return known.names
        code = self._code(path)
        return None if code is None else code.functions.keys()

    def hash(self, path: str, qualname: str) -> str:
        """Of a function that is there."""
        known = self._found.get(path)
        if known is not None and qualname in known.hashes:
            return known.hashes[qualname]
        if (path, qualname) not in self._hashes:
            code = self._code(path)
            assert code is not None
            self._hashes[path, qualname] = code.code_hash(qualname)
        return self._hashes[path, qualname]

    def _code(self, path: str) -> Code | None:
        if path not in self._parsed:
            source = plain_bytes(self._root, path)
            try:
                self._parsed[path] = None if source is None else Code(source)
            except SyntaxError:
                self._parsed[path] = None
        return self._parsed[path]
