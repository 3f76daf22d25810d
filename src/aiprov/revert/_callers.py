"""Where a function's name is used: by text and AST, so the same name of another thing is listed too."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from aiprov.git import Repository
from aiprov.revert._source import Refusal, Source
from aiprov.revert._splice import Module
from aiprov_runtime._functions import MODULE

MAX_SHOWN = 10
_MAX_FILES = 200


@dataclass(frozen=True, slots=True, order=True)
class Caller:
    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.function})"


def callers(repository: Repository, commit: str, *, path: str, qualname: str) -> list[Caller]:
    """Uses of the function's name (its class's, for a constructor) in tracked Python files, itself left out."""
    name = _name(qualname)
    if name is None:
        return []
    found = repository.run(
        "grep", "-l", "-z", "-I", "-F", "-w", "--no-textconv", "-e", name, commit, ok=(0, 1)
    )  # fmt: skip
    paths = [p.removeprefix(f"{commit}:") for p in found.decode("utf-8", "surrogateescape").split("\0") if p]
    listed: set[Caller] = set()
    for file in [p for p in paths if p.endswith(".py")][:_MAX_FILES]:
        listed.update(_in_file(repository, commit, file, name, own=qualname if file == path else None))
    return sorted(listed)


def _name(qualname: str) -> str | None:
    """The word to look for; None for special methods, which nobody calls by name."""
    parts = [part for part in qualname.split(".") if part != "<locals>"]
    if parts[-1] in ("__init__", "__new__") and len(parts) > 1:
        return parts[-2]
    return None if parts[-1].startswith("__") and parts[-1].endswith("__") else parts[-1]


def _in_file(repository: Repository, commit: str, path: str, name: str, *, own: str | None) -> list[Caller]:
    data = repository.read(commit, path)
    try:
        module = Module.read(Source.decode(data or b""), what=path)
    except Refusal:
        return []
    lines = {
        node.lineno
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names))
    }
    found = (Caller(path, line, _owner(module, line)) for line in lines)
    return [c for c in found if own is None or not (c.function == own or c.function.startswith(f"{own}.<locals>."))]


def _owner(module: Module, line: int) -> str:
    """The innermost function around a line."""
    spans = ((module.span(node), qualname) for qualname, nodes in module.functions.items() for node in nodes)
    around = [(end - start, qualname) for (start, end), qualname in spans if start < line <= end]
    return min(around, default=(0, MODULE))[1]
