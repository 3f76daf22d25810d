"""Changed functions by a model that stand beside the stack: they may have made the state that another trips over."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from aiprov.triage._change import Changes
from aiprov.triage._responsibility import Shape
from aiprov.triage._score import CHANGED, Board, Scored
from aiprov.triage._verdict import LEAD, MOSTLY, Q
from aiprov_runtime._functions import MODULE, definitions, parse

NEAR = 0.25
_INNERMOST = 5


@dataclass(frozen=True, slots=True)
class Near:
    key: str
    linked: Scored
    """The function on the stack that it stands beside."""
    relation: str
    score: float


def near(
    board: Board,
    *,
    shapes: Sequence[Shape],
    changes: Changes,
    revision: str,
    is_ai: Callable[[str], bool],
) -> list[Near]:
    """Best first. Nothing where code that changed is on the stack itself and fits."""
    found: dict[str, Near] = {}
    for key in sorted(linkable(board, shapes)):
        linked = board.functions[key]
        is_open = linked.led_by_change <= MOSTLY and linked.change < CHANGED
        if linked.q > Q or linked.share < LEAD or not is_open:
            continue
        beside = [
            (other, relation)
            for other, relation in neighbours(key, changes=changes, revision=revision)
            if other not in board.functions and changes.factor(other, revision) >= CHANGED
        ]
        if not all(is_ai(other) for other, _ in beside):
            continue  # people changed something there as well, and nothing tells the two apart
        value = NEAR * linked.share * linked.rate.doubled * linked.specificity
        for other, relation in beside:
            if other not in found or found[other].score < value:
                found[other] = Near(other, linked, relation, value)
    return sorted(found.values(), key=lambda one: (-one.score, one.key))


def linkable(board: Board, shapes: Sequence[Shape]) -> set[str]:
    """The innermost functions of every stack that carries excess."""
    return {key for shape in board.excess_by_shape for key, _ in shapes[shape].weights[:_INNERMOST]}


def neighbours(key: str, *, changes: Changes, revision: str) -> Iterator[tuple[str, str]]:
    path, _, qualname = key.partition("::")
    functions = changes.codebase.regions(revision, path)
    if functions is None or qualname not in functions:
        return
    called = _called(changes.codebase.source(revision, path), qualname)
    scope = qualname.rpartition(".")[0]
    for other in functions:
        if other in (qualname, MODULE):
            continue
        if scope and not scope.endswith(".<locals>") and other.rpartition(".")[0] == scope:
            yield f"{path}::{other}", "same class"
        elif other.startswith(f"{qualname}.<locals>.") or qualname.startswith(f"{other}.<locals>."):
            yield f"{path}::{other}", "nested"
        elif other.rpartition(".")[2] in called:
            yield f"{path}::{other}", "called by it"


def _called(source: bytes | None, qualname: str) -> frozenset[str]:
    """Names that a function calls, plainly or as an attribute."""
    if source is None:
        return frozenset()
    nodes = [one.node for one in definitions(parse(source)) if one.qualname == qualname]
    calls = [inner.func for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    plain = {func.id for func in calls if isinstance(func, ast.Name)}
    return frozenset(plain | {func.attr for func in calls if isinstance(func, ast.Attribute)})
