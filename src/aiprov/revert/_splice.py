"""Put a function's earlier text in the place of today's, and touch nothing else."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aiprov.revert._source import Refusal, Source, ending, only_ending, split_lines
from aiprov_runtime._functions import FunctionNode, definitions, parse

_FSTRING_STARTS = {getattr(tokenize, name, -1) for name in ("FSTRING_START", "TSTRING_START")}
_FSTRING_ENDS = {getattr(tokenize, name, -1) for name in ("FSTRING_END", "TSTRING_END")}
_ROLES = frozenset({"setter", "getter", "deleter", "register", "overload", "property"})


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A source with its tree and lines."""

    source: Source
    tree: ast.Module
    lines: tuple[str, ...]
    functions: dict[str, list[FunctionNode]]
    """All definitions of each qualname in the order of their lines."""

    @classmethod
    def read(cls, source: Source, *, what: str) -> Module:
        try:
            return _read(source)
        except SyntaxError as error:
            where = f" (line {error.lineno}: {error.msg})" if error.lineno else f" ({error.msg})"
            raise Refusal(f"{what} does not parse{where}; revert by hand") from None

    def nodes(self, qualname: str) -> list[FunctionNode]:
        return self.functions.get(qualname, [])

    def span(self, node: FunctionNode | ast.stmt) -> tuple[int, int]:
        """Whole lines, 0-based and half open, from the first `@` to the end of the last statement."""
        return self._first(node), node.end_lineno or node.lineno

    def _first(self, node: FunctionNode | ast.stmt) -> int:
        decorators = getattr(node, "decorator_list", [])
        if not decorators:
            return node.lineno - 1
        line, column = decorators[0].lineno - 1, decorators[0].col_offset
        before = self.lines[line].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "surrogatepass")
        if before.strip() == "@":
            return int(line)
        # `@(` and `@\` put the decorator's expression on a later line than its sign.
        signs = (t.start[0] for t in tokens(self.lines[: line + 1]) if t.type == tokenize.OP and t.string == "@")
        return max((sign for sign in signs if sign <= line + 1), default=line + 1) - 1


@lru_cache(maxsize=6)
def _read(source: Source) -> Module:
    """The same text is looked at many times on the way to a patch; a big file takes seconds to parse."""
    tree = parse(source.text)
    functions: dict[str, list[FunctionNode]] = {}
    for definition in definitions(tree):
        if not isinstance(definition.node, ast.Module):
            functions.setdefault(definition.qualname, []).append(definition.node)
    for nodes in functions.values():
        nodes.sort(key=lambda node: node.lineno)
    return Module(source, tree, tuple(split_lines(source.text)), functions)


def tokens(lines: Sequence[str]) -> Iterator[tokenize.TokenInfo]:
    """Tokens as far as they go; a text that stops in the middle of a statement simply ends."""
    feed = iter([line.rstrip("\r\n") + "\n" for line in lines])
    try:
        yield from tokenize.generate_tokens(lambda: next(feed, ""))
    except (tokenize.TokenError, SyntaxError):
        return


def splice(today: Source, then: Source, qualname: str, *, then_qualname: str | None = None) -> Source:
    """Today's text with every definition of `qualname` as it stood then; Refusal where that is not sound."""
    now, old = Module.read(today, what="today's file"), Module.read(then, what="the file as of then")
    targets, sources = now.nodes(qualname), old.nodes(then_qualname or qualname)
    _check_pairs(now, old, targets, sources)
    lines = list(now.lines)
    newline = only_ending(today.text)
    for target, source in reversed(list(zip(targets, sources, strict=True))):
        start, end = now.span(target)
        text = _function_text(old, source, indent=indent_of(now.lines[start]), newline=newline)
        text[-1] = text[-1].rstrip("\r\n") + ending(lines[end - 1])
        lines[start:end] = text
    result = today.with_text("".join(lines))
    _verify(now, Module.read(result, what="the result"), qualname, sources)
    return result


def _check_pairs(now: Module, old: Module, targets: list[FunctionNode], sources: list[FunctionNode]) -> None:
    if not targets or not sources:
        raise Refusal("it is not defined in both revisions; check the path and the qualname")
    if len(targets) != len(sources):
        raise Refusal(f"it is defined {len(targets)} times today and {len(sources)} times then; revert by hand")
    if len(targets) > 1:
        today, then = (_places(m.tree, n) for m, n in ((now, targets), (old, sources)))
        if today != then:
            raise Refusal("its definitions stand in another order or other branches than then; revert by hand")


def _places(tree: ast.Module, nodes: list[FunctionNode]) -> list[tuple[str, ...]]:
    """Role and enclosing branches of each definition, which must agree before texts are exchanged."""
    above: dict[ast.AST, tuple[str, ...]] = {tree: ()}
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else ():
                if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                    above[child] = (*above[node], f"{type(node).__name__}.{name}")
                    pending.append(child)
    return [(*above[node], *_role(node)) for node in nodes]


def _role(node: FunctionNode) -> list[str]:
    names = [getattr(d, "attr", getattr(d, "id", "")) for d in node.decorator_list]
    return [name for name in names if name in _ROLES]


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _function_text(old: Module, node: FunctionNode, *, indent: str, newline: str | None) -> list[str]:
    start, end = old.span(node)
    text = list(old.lines[start:end])
    before = indent_of(text[0])
    if before != indent:
        inside = _string_lines(text)
        for number, line in enumerate(text):
            if number not in inside and line.strip() and line.startswith(before):
                text[number] = indent + line[len(before) :]
    if newline is not None:
        text = [line.rstrip("\r\n") + newline if ending(line) else line for line in text]
    return text


def _string_lines(lines: Sequence[str]) -> set[int]:
    """Lines, 0-based, that begin inside a string: their leading blanks are data."""
    inside: set[int] = set()
    opened: list[int] = []
    for token in tokens(lines):
        first, last = token.start[0], token.end[0]
        if token.type in _FSTRING_STARTS:
            opened.append(first)
        elif token.type in _FSTRING_ENDS and opened:
            first = opened.pop()
            inside.update(range(first, last))
        elif token.type == tokenize.STRING:
            inside.update(range(first, last))
    return inside


def _verify(now: Module, result: Module, qualname: str, sources: list[FunctionNode]) -> None:
    """The function is then's, all the rest is today's: what no span arithmetic can promise by itself."""
    spliced = result.nodes(qualname)
    if len(spliced) != len(sources) or not all(same(a, b, holes={}) for a, b in zip(spliced, sources, strict=True)):
        raise Refusal("its text of then does not stand alone in today's file; revert by hand")
    holes = dict(zip(now.nodes(qualname), spliced, strict=True))
    if not same(now.tree, result.tree, holes=holes):
        raise Refusal("putting it back would change the code around it; revert by hand")


def same(one: ast.AST, other: ast.AST, *, holes: dict[FunctionNode, FunctionNode]) -> bool:
    """Whether two trees are equal but for positions and the paired holes; own stack, so depth costs no recursion."""
    pending: list[tuple[object, object]] = [(one, other)]
    while pending:
        a, b = pending.pop()
        if isinstance(a, ast.FunctionDef | ast.AsyncFunctionDef) and a in holes:
            if holes[a] is not b:
                return False
        elif isinstance(a, ast.AST) and isinstance(b, ast.AST):
            if type(a) is not type(b):
                return False
            pending += [(getattr(a, name, None), getattr(b, name, None)) for name in a._fields]
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif type(a) is not type(b) or a != b:
            return False
    return True
