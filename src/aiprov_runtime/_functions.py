"""Which function owns a line or a code object, and a hash of its logic that a formatter cannot change."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any, cast

MODULE = "<module>"
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_CO_OPTIMIZED = 0x1
_PARSED = "<aiprov>"
_QUIET = ("ignore", None, Warning, re.compile(_PARSED), 0)
# Positions are not fields; these fields hold what comments, prefixes and contexts add.
_SKIPPED_FIELDS = frozenset({"kind", "type_comment", "type_ignores", "ctx"})
_BLOCKS = frozenset({"body", "handlers", "orelse", "finalbody", "cases"})


@dataclass(frozen=True, slots=True)
class Region:
    """All definitions of one qualname in a file, each as (first line with decorators, last line), 1-based."""

    qualname: str
    spans: tuple[tuple[int, int], ...]
    code_hash: str
    """16 hex digits over the canonical form of every definition, in source order."""

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Definition:
    """One `def` (or the module itself) with the qualname that CPython gives its code object."""

    qualname: str
    node: FunctionNode | ast.Module
    start: int
    end: int


def owner(qualname: str, *, is_function: bool = True) -> str:
    """The function whose record covers a code object with this `co_qualname`; class bodies pass `is_function=False`."""
    while not is_function or (qualname.rpartition(".")[2][:1] == "<" and qualname != MODULE):
        qualname, found, _ = qualname.rpartition(".<locals>.")
        if not found:
            return MODULE
        is_function = True
    return qualname


def owner_of_code(code: CodeType) -> str | None:
    """The qualname of the function that owns this code object, `<module>` for class bodies and the module itself."""
    if code.co_flags & _CO_OPTIMIZED:
        return owner(code.co_qualname) if "<" in code.co_qualname else code.co_qualname
    if code.co_qualname == MODULE or "__qualname__" in code.co_names:
        return owner(code.co_qualname, is_function=False)
    return None  # what Cython and mypyc make up for a traceback: it names a function without its class


def parse(source: str | bytes) -> ast.Module:
    """Parse quietly; every way in which a file cannot be parsed is a SyntaxError."""
    # Invalid escapes are the author's business. `catch_warnings` would put back what another thread has changed since,
    # and `filterwarnings` makes the host say every warning again that it had said once.
    if warnings.filters[:1] != [_QUIET]:
        cast("list[Any]", warnings.filters).insert(0, _QUIET)
    try:
        return ast.parse(source, filename=_PARSED)
    # SystemError: CPython 3.11 counts the depth of all threads that parse in one variable.
    except (ValueError, RecursionError, MemoryError, SystemError) as error:
        raise SyntaxError(str(error) or type(error).__name__) from None


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """Every function of a module in source order, the module first."""
    last = max((getattr(node, "end_lineno", 1) or 1 for node in tree.body), default=1)
    yield Definition(MODULE, tree, 1, last)
    pending: list[tuple[ast.AST, str, frozenset[str]]] = [(tree, "", frozenset())]
    while pending:
        node, prefix, hoisted = pending.pop()
        inside = _statements(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name if node.name in hoisted else prefix + node.name
            prefix = f"{name}."
            if not isinstance(node, ast.ClassDef):
                yield Definition(name, node, first_line(node), node.end_lineno or node.lineno)
                prefix = f"{name}.<locals>."
            hoisted = frozenset(_globals_of(node))
        pending += [(child, prefix, hoisted) for child in reversed(inside)]


def _globals_of(scope: FunctionNode | ast.ClassDef) -> Iterator[str]:
    """Names that a scope declares `global`: functions defined under them get no prefix."""
    pending: list[ast.AST] = list(scope.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global):
            yield from node.names
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending += _statements(node)


def _statements(node: ast.AST) -> list[ast.AST]:
    """What stands in a node's blocks, in source order; expressions hold no definitions."""
    return [child for name in _blocks(type(node)) for child in getattr(node, name, ())]  # type: ignore[arg-type]  # classes can be hashed


@cache
def _blocks(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name in _BLOCKS)


def first_line(node: FunctionNode | ast.ClassDef) -> int:
    """The first decorator's line where there is one, as `co_firstlineno` counts."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def regions(source: str | bytes) -> dict[str, Region]:
    """Every function of a file by qualname, `<module>` included; raises SyntaxError."""
    grouped: dict[str, list[Definition]] = {}
    for definition in definitions(parse(source)):
        grouped.setdefault(definition.qualname, []).append(definition)
    return {
        qualname: Region(qualname, tuple((d.start, d.end) for d in found), code_hash([d.node for d in found]))
        for qualname, found in grouped.items()
    }


def region_at(functions: dict[str, Region], line: int) -> Region | None:
    """The innermost function whose lines hold `line`; the module where no function does."""
    best, size = functions.get(MODULE), 0
    for region in functions.values():
        for start, end in region.spans:
            if start <= line <= end and region.qualname != MODULE and (not size or end - start < size):
                best, size = region, end - start + 1
    return best


def code_hash(nodes: Sequence[ast.AST]) -> str:
    """16 hex digits over the logic of these definitions: no positions, comments, formatting or docstrings."""
    digest = hashlib.sha256()
    for node in nodes:
        digest.update(b"\x00def\x00")
        digest.update("".join([f"{token}\x00" for token in _canonical(node)]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _canonical(root: ast.AST) -> Iterator[str]:
    """The tokens of a depth-first walk, the same on every supported Python; own stack, so depth costs no recursion."""
    pending: list[object] = [root]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.AST):
            yield type(item).__name__
            parts = _parts(item, is_root=item is root)
        elif isinstance(item, list):
            yield f"[{len(item)}"
            parts = item
        else:
            yield _scalar(item)
            continue
        pending += reversed(parts)


def _parts(node: ast.AST, *, is_root: bool) -> list[object]:
    """A node's fields as name, value, name, value …, without what does not change its meaning."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_root:
        return [node.name]  # a function of its own: it enters its owner by name only
    parts: list[object] = []
    kind = type(node)
    for name in _logic(kind):  # type: ignore[arg-type]  # classes can be hashed
        value = getattr(node, name, None)
        if value is None or value == []:
            if kind is ast.Constant:
                parts += [name, value]
            continue
        if isinstance(value, list):
            if isinstance(value[0], ast.stmt):
                value = [s for s in value if not _is_text(s)]
            elif kind is ast.JoinedStr:
                value = _joined(value)
            elif kind is ast.Delete:
                value = _flattened(value)
        parts += [name, value]
    return parts


@cache
def _logic(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields that make a node what it is."""
    return tuple(name for name in kind._fields if name not in _SKIPPED_FIELDS)


def _is_text(statement: ast.stmt) -> bool:
    """A docstring, or a text that stands as a statement: formatters indent both anew."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _joined(values: list[ast.expr]) -> list[object]:
    """An f-string's parts with neighbouring literals as one: Pythons and formatters split them differently."""
    merged: list[object] = []
    for value in values:
        if isinstance(value, ast.Constant):
            text = str(value.value)
            if merged and isinstance(merged[-1], str):
                merged[-1] += text
            elif text:
                merged.append(text)
        else:
            merged.append(value)
    return merged


def _flattened(targets: list[ast.expr]) -> list[ast.expr]:
    """`del (a, b)` and `del a, b` are one statement to a formatter."""
    flat: list[ast.expr] = []
    for target in targets:
        flat += _flattened(target.elts) if isinstance(target, ast.Tuple) else [target]
    return flat


def _scalar(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int {value:x}"  # no limit on digits, unlike repr
    if isinstance(value, str):
        return f"str {len(value)} {value}"  # with its length, no text can pass for several tokens
    return f"{type(value).__name__} {value!r}"
