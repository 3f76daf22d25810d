"""Imports of the project's own modules that would fail today."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiprov.revert._names import bindings
from aiprov.revert._source import Refusal, Source
from aiprov_runtime._functions import parse

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one revision and how to read them."""

    list_files: Callable[[], frozenset[str]]
    read: Read

    @property
    def files(self) -> frozenset[str]:
        return self.list_files()


def gone_imports(nodes: Sequence[ast.AST], *, path: str, then_path: str, today: Tree, then: Tree) -> list[str]:
    """What these imports named in the project then and is not there today; what was never there is not judged."""
    gone: dict[str, None] = {}
    for root in nodes:
        for node in ast.walk(root):
            for module, name in _imported(node):
                before = _provides(module, name, path=then_path, tree=then)
                if before and not _provides(module, name, path=path, tree=today):
                    gone[f"{module}.{name}" if name else module] = None
    return list(gone)


def _imported(node: ast.AST) -> Iterable[tuple[str, str]]:
    if isinstance(node, ast.Import):
        return [(alias.name, "") for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." * (node.level or 0) + (node.module or "")
        return [(module, alias.name) for alias in node.names if alias.name != "*"]
    return []


def _provides(module: str, name: str, *, path: str, tree: Tree) -> bool:
    """Whether some file of the project can be this module and, where a name is asked for, binds it."""
    stems = _stems(module, path, tree.files)
    if not name:
        return bool(stems)
    return any(_binds(stem, name, tree) for stem in stems)


def _stems(module: str, path: str, files: frozenset[str]) -> list[str]:
    """Paths without `.py` that a module may have, relative ones exactly, others below any folder of the importer."""
    dotted = module.lstrip(".")
    level = len(module) - len(dotted)
    relative = dotted.replace(".", "/")
    if level:
        folder = path
        for _ in range(level):
            folder = posixpath.dirname(folder)
        roots = [folder]
    else:
        parts = path.split("/")[:-1]
        roots = ["", "src", *("/".join(parts[:n]) for n in range(1, len(parts) + 1))]
    stems = (posixpath.join(root, relative) if relative else root for root in dict.fromkeys(roots))
    return [stem for stem in stems if f"{stem}.py" in files or posixpath.join(stem, "__init__.py") in files]


def _binds(stem: str, name: str, tree: Tree) -> bool:
    if {f"{stem}/{name}.py", f"{stem}/{name}/__init__.py"} & tree.files:
        return True
    data = tree.read(f"{stem}.py" if f"{stem}.py" in tree.files else posixpath.join(stem, "__init__.py"))
    try:
        module = parse(Source.decode(data or b"").text)
    except (Refusal, SyntaxError):
        return True
    bound = bindings(module)
    starred = any(isinstance(s, ast.ImportFrom) and s.names[0].name == "*" for s in ast.walk(module))
    return name in bound or starred or "__getattr__" in bound
