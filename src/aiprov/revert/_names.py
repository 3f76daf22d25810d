"""Which names a module binds, which of them a function uses, and which nobody binds any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from aiprov.revert._source import Refusal
from aiprov.revert._splice import Module
from aiprov_runtime._functions import FunctionNode

Kind = Literal["module", "import", "function", "class", "value"]
Compound = ast.If | ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.For | ast.While | ast.Match
Signature = tuple[object, ...]
_HOW_CALLED = frozenset({"property", "cached_property", "staticmethod", "classmethod", "contextmanager", "setter"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One way in which a module gets a name."""

    name: str
    kind: Kind
    origin: str
    """What an import names, dotted; empty for the others."""
    statement: ast.stmt
    """The statement directly in the module that holds it."""
    node: ast.AST


def bindings(tree: ast.Module) -> dict[str, list[Binding]]:
    """What each name of a module is bound to, branches included, in source order."""
    found: dict[str, list[Binding]] = {}
    for statement in tree.body:
        for node in _own(statement):
            for name, kind, origin in _bound_by(node):
                found.setdefault(name, []).append(Binding(name, kind, origin, statement, node))
    return found


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """A statement and what stands in its branches, not the insides of functions and classes."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += reversed(list(ast.iter_child_nodes(node)))


def _bound_by(node: ast.AST) -> Iterator[tuple[str, Kind, str]]:
    match node:
        case ast.Import(names):
            for alias in names:
                path = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or path, "module", path
        case ast.ImportFrom(module, names, level):
            for alias in names:
                yield alias.asname or alias.name, "import", "." * (level or 0) + f"{module or ''}.{alias.name}"
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
            yield name, "function", ""
        case ast.ClassDef(name):
            yield name, "class", ""
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, "value", ""
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            if node.name:
                yield node.name, "value", ""


def used(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that these functions read and do not bind themselves, as far as one walk can tell."""
    loaded: set[str] = set()
    own: set[str] = set()
    for root in nodes:
        for node in ast.walk(root):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    loaded.add(name)
                case ast.Name(id=name):
                    own.add(name)
                case ast.arg(arg=name):
                    own.add(name)
                case ast.Global(names):
                    loaded.update(names)
                case ast.Import() | ast.ImportFrom():
                    own.update(name for name, _, _ in _bound_by(node))
                case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                    if node is not root:
                        own.add(name)
    return loaded - own


@dataclass(frozen=True, slots=True)
class Unresolved:
    name: str
    line: int


@lru_cache(maxsize=6)
def unresolved(module: Module) -> tuple[list[Unresolved], set[str]]:
    """What pyflakes finds unbound, and the imports that nothing uses."""
    from pyflakes import checker, messages

    try:
        # It hangs its own marks on the nodes, which no walk over fields sees.
        found = checker.Checker(module.tree, filename="").messages
    except RecursionError:
        raise Refusal("the file is nested too deeply to check its names; revert by hand") from None
    missing = [
        Unresolved(m.message_args[0], m.lineno)
        for m in found
        if isinstance(m, messages.UndefinedName | messages.UndefinedLocal | messages.ImportStarUsage)
    ]
    return missing, {m.message_args[0] for m in found if isinstance(m, messages.UnusedImport)}


def conflict(name: str, then: list[Binding], today: list[Binding]) -> str | None:
    """Why a name that both revisions bind cannot stand for the same thing; None where it may."""
    if any(_compatible(a, b) for a in then for b in today):
        return None
    return f"`{name}` was {_described(then[0])} then and is {_described(today[0])} today"


def moved(name: str, then: list[Binding], today: list[Binding]) -> str | None:
    """What to look at where a name comes from another place than then."""
    if any(a.kind == b.kind and a.origin == b.origin for a in then for b in today):
        return None
    return f"`{name}` was {_described(then[0])} then and is {_described(today[0])} today: check that they agree"


def changed_value(name: str, then: list[Binding], today: list[Binding]) -> str | None:
    """A constant that the body reads and that has another value today."""
    if len(then) != 1 or len(today) != 1 or {then[0].kind, today[0].kind} != {"value"}:
        return None
    same = ast.dump(then[0].statement) == ast.dump(today[0].statement)
    return None if same else f"`{name}` has another value today than then, and keeps it"


def _compatible(a: Binding, b: Binding) -> bool:
    kinds = {a.kind, b.kind}
    if a.kind == b.kind or kinds == {"function", "class"}:
        return True
    if "module" in kinds:
        return kinds == {"module", "import"} and a.origin.strip(".") == b.origin.strip(".")
    return "import" in kinds


def _described(binding: Binding) -> str:
    words = {"function": "a function", "class": "a class", "value": "a value", "module": "the module"}
    return f"{words.get(binding.kind, 'imported as')} {binding.origin}".rstrip()


def signature(node: FunctionNode) -> Signature:
    """How a function is called: parameters, which of them have defaults, and decorators that change the call."""
    a = node.args
    how = sorted(_HOW_CALLED & {getattr(d, "attr", getattr(d, "id", "")) for d in node.decorator_list})
    return (
        isinstance(node, ast.AsyncFunctionDef),
        [p.arg for p in a.posonlyargs],
        [p.arg for p in a.args],
        a.vararg is not None,
        [(p.arg, default is not None) for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True)],
        a.kwarg is not None,
        len(a.defaults),
        how,
    )


def accepts(node: FunctionNode, call: ast.Call, *, bound: bool) -> bool:
    """Whether a call fits a function's parameters; starred arguments are given the benefit of the doubt."""
    a = node.args
    if any(isinstance(x, ast.Starred) for x in call.args) or any(k.arg is None for k in call.keywords):
        return True
    positional = [p.arg for p in (*a.posonlyargs, *a.args)][1 if bound else 0 :]
    given = {k.arg for k in call.keywords}
    if len(call.args) > len(positional) and a.vararg is None:
        return False
    by_position = set(positional[: len(call.args)])
    keywords = {p.arg for p in (*a.args, *a.kwonlyargs)}
    if by_position & given & keywords or (not given <= keywords and a.kwarg is None):
        return False
    required = set(positional[: max(0, len(positional) - len(a.defaults))])
    required |= {p.arg for p, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is None}
    return required <= by_position | given
