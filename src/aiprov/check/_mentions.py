"""Which test files and test functions name a function. That a test names it does not say that it tests it well."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from aiprov.check._tree import Source
from aiprov.provenance._moves import Place
from aiprov_runtime._functions import MODULE, Definition

_FOLDERS = frozenset({"test", "tests", "testing"})
_FILES = frozenset({"conftest.py", "test.py", "tests.py"})


def is_test(path: str) -> bool:
    place = PurePosixPath(path)
    by_name = place.name in _FILES or place.name.startswith("test_") or place.name.endswith("_test.py")
    return by_name or not _FOLDERS.isdisjoint(place.parts[:-1])


def name_in_tests(qualname: str) -> str | None:
    """What a test would call this function by; None for what is tested through others: `_helper`, `f.<locals>.g`."""
    owner, _, name = qualname.rpartition(".")
    if qualname == MODULE or "<locals>" in qualname:
        return None
    if name.startswith("__") and name.endswith("__"):
        name = owner.rpartition(".")[2]  # nobody writes `__init__`; its class is named
    return None if not name or name.startswith("_") else name


def mentions(tests: Iterable[Source], names: Collection[str]) -> dict[str, set[Place]]:
    """For each name the functions in test files in whose code it stands, `<module>` for what is in none."""
    found: dict[str, set[Place]] = {}
    for source in tests:
        for qualname, definitions in (source.functions or {}).items():
            for definition in definitions:
                for name in _names(definition):
                    if name in names:
                        found.setdefault(name, set()).add((source.path, qualname))
    return found


def _names(definition: Definition) -> Iterator[str]:
    pending: list[ast.AST] = [definition.node]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        is_other = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not definition.node
        if not is_other:  # a function of its own
            pending += ast.iter_child_nodes(node)
