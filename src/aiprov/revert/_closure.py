"""Bring back the imports, constants and helpers that an earlier body needs and today's file lacks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiprov.revert._names import Binding, bindings, changed_value, conflict, moved, unresolved, used
from aiprov.revert._source import Refusal, Source, only_ending, split_lines
from aiprov.revert._splice import Module, same
from aiprov_runtime._functions import FunctionNode

Helper = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_ROUNDS = 40
_FIRST_LINES = re.compile(r"#!|.*coding[:=]")


@dataclass(frozen=True, slots=True)
class Restored:
    """A function that already stands in the result as it was in `then`."""

    qualname: str
    then: Module
    then_qualname: str
    same_folder: bool = True
    """False where the file lay elsewhere, so that relative imports mean something else."""


@dataclass(frozen=True, slots=True)
class Closed:
    source: Source
    added: tuple[str, ...]
    """One line for each thing brought back."""
    definitions: tuple[str, ...]
    """Functions and classes among them."""
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    line: int
    text: str
    label: str
    is_import: bool
    is_definition: bool
    node: ast.stmt


def close(today: Module, spliced: Source, restored: Restored, *, others: Sequence[Restored] = ()) -> Closed:
    """The result with every name of the earlier body bound; Refusal where adding what was there is not enough."""
    pieces: dict[str, _Piece] = {}
    warnings: dict[str, None] = {}
    result = spliced
    for _ in range(_ROUNDS):
        result, anchors = _insert(spliced, restored.qualname, pieces)
        module = Module.read(result, what="the result")
        wanted = _wanted(module, restored, today, others)
        if not wanted:
            _check_meaning(module, restored, pieces, warnings)
            _check_rest(Module.read(spliced, what="the result"), module, anchors)
            added = tuple(p.label for p in sorted(pieces.values(), key=lambda p: p.line))
            imports = tuple(p.node for p in pieces.values() if isinstance(p.node, ast.Import | ast.ImportFrom))
            helpers = (p.node for p in pieces.values() if p.is_definition)
            names = tuple(sorted(h.name for h in helpers if isinstance(h, Helper)))
            return Closed(result, added, names, imports, tuple(warnings))
        bound = bindings(module.tree)
        for name in wanted:
            if name in bound:
                raise Refusal(f"`{name}` would be used before it is bound; move its definition up or revert by hand")
            pieces |= {p.text: p for p in _pieces(name, restored, bound, warnings)}
    raise Refusal("its earlier body needs too much that is gone; revert the file instead")


def _unresolved_in(restored: Restored) -> set[str]:
    """What was unbound in the function already then."""
    module = restored.then
    spans = [module.span(node) for node in module.nodes(restored.then_qualname)]
    return {u.name for u in unresolved(module)[0] if any(start < u.line <= end for start, end in spans)}


def _wanted(module: Module, restored: Restored, today: Module, others: Sequence[Restored]) -> list[str]:
    """Names to bring back: unbound in the function and not so then, or newly unbound anywhere else."""
    spans = [module.span(node) for node in module.nodes(restored.qualname)]
    missing = unresolved(module)[0]
    inside = [u.name for u in missing if any(start < u.line <= end for start, end in spans)]
    outside = [u.name for u in missing if not any(start < u.line <= end for start, end in spans)]
    then = _unresolved_in(restored) if inside else set()
    if _lost_future(restored.then, today) and (names := then & set(inside) & _annotated(restored)):
        raise Refusal(
            f"its annotation `{min(names)}` needs `from __future__ import annotations`, which the file had then; add it"
        )
    before = {u.name for u in unresolved(today)[0]}.union(*map(_unresolved_in, others)) if outside else set()
    wanted = [name for name in inside if name not in then] + [name for name in outside if name not in before]
    return list(dict.fromkeys(wanted))


def _lost_future(then: Module, today: Module) -> bool:
    return any(b.origin == "__future__.annotations" for b in bindings(then.tree).get("annotations", ())) and not any(
        b.origin == "__future__.annotations" for b in bindings(today.tree).get("annotations", ())
    )


def _annotated(restored: Restored) -> set[str]:
    """Names in annotations, which that import keeps from being looked up."""
    nodes = [n for node in restored.then.nodes(restored.then_qualname) for n in ast.walk(node)]
    annotations = [getattr(n, field, None) for n in nodes for field in ("annotation", "returns")]
    return {n.id for a in annotations if a is not None for n in ast.walk(a) if isinstance(n, ast.Name)}


def _pieces(
    name: str, restored: Restored, bound: dict[str, list[Binding]], warnings: dict[str, None]
) -> Iterator[_Piece]:
    then = bindings(restored.then.tree).get(name)
    if not then:
        raise Refusal(_no_source(name, restored))
    for binding in then:
        if isinstance(binding.node, ast.Import | ast.ImportFrom) and not isinstance(binding.statement, ast.Try):
            yield _import(name, binding, same_folder=restored.same_folder)
        else:
            yield _statement(name, binding.statement, restored.then, bound)
    for statement in restored.then.tree.body:
        if _changes(statement, name):
            warnings[f"`{name}` was also changed at the top level then (line {statement.lineno}): not brought back"] = (
                None
            )


def _changes(statement: ast.stmt, name: str) -> bool:
    """Whether a top-level statement fills or calls into an object, as `REGISTRY["a"] = 1` does."""
    match statement:
        case ast.Assign(targets=[first, *_]):
            place: ast.expr = first
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
            place = called
        case _:
            return False
    if not isinstance(place, ast.Subscript | ast.Attribute):
        return False
    while isinstance(place, ast.Subscript | ast.Attribute):
        place = place.value
    return isinstance(place, ast.Name) and place.id == name


def _no_source(name: str, restored: Restored) -> str:
    outer, nested, _ = restored.then_qualname.rpartition(".<locals>.")
    if nested and any(name in used_or_bound(node) for node in restored.then.nodes(outer)):
        return f"`{name}` was a local of {outer} then and is gone; revert {outer} too"
    if _unbound_elsewhere(name, restored):
        return f"other code uses `{name}`, which only today's body binds; revert by hand"
    return f"`{name}` would be unresolved, and the file as of then does not define it; restore it first"


def _unbound_elsewhere(name: str, restored: Restored) -> bool:
    return name not in {n for node in restored.then.nodes(restored.then_qualname) for n in used_or_bound(node)}


def used_or_bound(node: ast.AST) -> set[str]:
    """Every identifier below a node."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.arg for n in ast.walk(node) if isinstance(n, ast.arg)
    }


def _import(name: str, binding: Binding, *, same_folder: bool) -> _Piece:
    node = binding.node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    if isinstance(node, ast.ImportFrom) and node.level and not same_folder:
        raise Refusal(f"`{name}` came from a relative import of another folder; import it by hand first")
    aliases = [a for a in node.names if (a.asname or a.name.partition(".")[0]) == name or a.name == name]
    only = ast.ImportFrom(node.module, aliases, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(aliases)
    text = ast.unparse(only)
    statement = binding.statement
    if isinstance(statement, ast.If):
        if not ast.unparse(statement.test).endswith("TYPE_CHECKING") or node not in statement.body:
            raise Refusal(f"`{name}` was imported under a condition then; import it by hand first")
        text = f"if {ast.unparse(statement.test)}:\n    {text}"
    elif statement is not node:
        raise Refusal(f"`{name}` was imported inside another statement then; import it by hand first")
    label = text.replace(":\n    ", ": ")
    return _Piece(node.lineno, text + "\n", label, is_import=True, is_definition=False, node=only)


def _statement(name: str, statement: ast.stmt, then: Module, bound: dict[str, list[Binding]]) -> _Piece:
    start, end = then.span(statement)
    for other in then.tree.body:
        if other is not statement and then.span(other)[0] < end and then.span(other)[1] > start:
            raise Refusal(f"`{name}` shared its line with other code then; restore it by hand first")
    others = {n for n, found in bindings(ast.Module([statement], [])).items() if n != name and n in bound and found}
    if others:
        raise Refusal(f"`{name}` was bound together with `{min(others)}`, which exists today; restore it by hand first")
    is_definition = isinstance(statement, Helper)
    word = ("class" if isinstance(statement, ast.ClassDef) else "function") if is_definition else "value"
    text = "".join(line.rstrip("\r\n") + "\n" for line in then.lines[start:end])
    is_import = isinstance(statement, ast.Try) and any(
        isinstance(n, ast.Import | ast.ImportFrom) for n in statement.body
    )
    return _Piece(statement.lineno, text, f"{word} {name}", is_import, is_definition, statement)


def _insert(spliced: Source, qualname: str, pieces: dict[str, _Piece]) -> tuple[Source, list[tuple[int, int]]]:
    """The text with the pieces in their places, and the lines (0-based, half open) that they take."""
    if not pieces:
        return spliced, []
    module = Module.read(spliced, what="the result")
    ordered = sorted(pieces.values(), key=lambda p: p.line)
    helpers = _spaced([p for p in ordered if not p.is_import])
    imports = [p.text for p in ordered if p.is_import]
    import_line, import_texts = _import_place(module, imports)
    newline = only_ending(spliced.text) or "\n"
    lines = list(module.lines)
    taken: list[tuple[int, int]] = []
    places = [(_above_comment(module, _holder(module, qualname)), helpers), (import_line, import_texts)]
    for at, texts in sorted(places, key=lambda place: -place[0]):
        new = [line.rstrip("\r\n") for line in split_lines("".join(texts))]
        if not new:
            continue
        if at and not lines[at - 1].endswith(("\n", "\r")):
            lines[at - 1] += newline
        lines[at:at] = [line + newline for line in new]
        taken = [(at, at + len(new)), *((a + len(new), b + len(new)) for a, b in taken)]
    return spliced.with_text("".join(lines)), taken


def _spaced(pieces: list[_Piece]) -> list[str]:
    """Texts with two blank lines around each definition and after the last."""
    texts: list[str] = []
    for piece, following in zip(pieces, [*pieces[1:], None], strict=False):
        apart = following is None or piece.is_definition or following.is_definition
        texts += [piece.text, "\n\n" if apart else ""]
    return texts


def _holder(module: Module, qualname: str) -> ast.stmt:
    first = module.span(module.nodes(qualname)[0])[0]
    return next(s for s in module.tree.body if module.span(s)[0] <= first < module.span(s)[1])


def _above_comment(module: Module, statement: ast.stmt) -> int:
    """Above a statement and the comment that belongs to it, below a file's first lines."""
    at = module.span(statement)[0]
    above = at
    while above and module.lines[above - 1].startswith("#"):
        above -= 1
    return at if above == 0 and _FIRST_LINES.match(module.lines[0]) else above


def _import_place(module: Module, texts: list[str]) -> tuple[int, list[str]]:
    """After the last import that stands before the first definition, with the blank lines that this asks for."""
    at = after_docstring = 0
    for number, statement in enumerate(module.tree.body):
        if isinstance(statement, Helper):
            break
        inner = statement.body if isinstance(statement, ast.If | ast.Try) else [statement]
        if any(isinstance(s, ast.Import | ast.ImportFrom) for s in inner):
            at = module.span(statement)[1]
        elif number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            after_docstring = module.span(statement)[1]
    if at or not texts:
        return at, texts
    if after_docstring:
        return after_docstring, ["\n", *texts]
    first = module.tree.body[0]
    gap = "\n\n" if isinstance(first, Helper) else "\n"
    return _above_comment(module, first), [*texts, gap]


def _check_meaning(module: Module, restored: Restored, pieces: dict[str, _Piece], warnings: dict[str, None]) -> None:
    """The names that both revisions bind must stand for the same kind of thing."""
    today, then = bindings(module.tree), bindings(restored.then.tree)
    nodes: list[ast.AST] = [*restored.then.nodes(restored.then_qualname)]
    nodes += [p.node for p in pieces.values() if not p.is_import]
    for name in sorted(used(nodes) & today.keys() & then.keys()):
        if reason := conflict(name, then[name], today[name]):
            raise Refusal(f"{reason}; revert by hand")
        if note := moved(name, then[name], today[name]) or changed_value(name, then[name], today[name]):
            warnings[note] = None


def _check_rest(spliced: Module, result: Module, taken: list[tuple[int, int]]) -> None:
    kept = [s for s in result.tree.body if not any(a <= result.span(s)[0] < b for a, b in taken)]
    holes: dict[FunctionNode, FunctionNode] = {}
    if not same(spliced.tree, ast.Module(kept, []), holes=holes):
        raise Refusal("what it needs cannot be added without touching other code; revert by hand")
