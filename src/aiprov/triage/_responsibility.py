"""How one error divides its responsibility over the functions it passed through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiprov.events import Frame, Raised
from aiprov.triage._resolve import Place

GAMMA = 0.7
WRAPPED = 0.5
HANDLED = 0.25
THIRD_PARTY = "(third-party code)"
UNRESOLVED = "?"
"""Starts the key of a function of ours that could not be named."""
_TOP = 5
_MAX_EXCEPTIONS = 100
_MAX_FRAMES = 250

Fingerprint = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a stack says once lines and messages are gone."""

    fingerprint: Fingerprint
    """The root cause's type and its five innermost functions of ours."""
    weights: tuple[tuple[str, float], ...]
    """Each function's share, summing to 1, innermost function of the root cause first."""


def shape_of(stack: Sequence[Raised], place: Callable[[Frame], Place | None], *, gamma: float = GAMMA) -> Shape:
    """All of it falls on THIRD_PARTY where no frame is ours."""
    stack = stack[:_MAX_EXCEPTIONS]
    chains = [_unique(raised, place) for raised in stack]
    importance = shares(stack, has_app=[bool(chain) for chain in chains])
    order = sorted(importance, key=lambda index: (-importance[index], index))
    weights: dict[str, float] = {}
    for index in order:
        for depth, key in enumerate(chains[index]):
            weights[key] = weights.get(key, 0.0) + importance[index] * gamma**depth
    root = stack[order[0]]
    top = next((chains[index][:_TOP] for index in order if chains[index]), ())
    total = sum(weights.values())
    if not total:
        innermost = root.frames[-1] if root.frames else Frame(file="?")
        tail = "/".join(innermost.file.replace("\\", "/").split("/")[-2:])
        return Shape((root.type, f"{tail}::{innermost.function}"), ((THIRD_PARTY, 1.0),))
    return Shape((root.type, *top), tuple((key, weight / total) for key, weight in weights.items()))


def _unique(raised: Raised, place: Callable[[Frame], Place | None]) -> tuple[str, ...]:
    """Our functions of one exception, innermost first, each where it stands innermost."""
    places = (place(frame) for frame in reversed(raised.frames[-_MAX_FRAMES:]))
    keys = (found.key if found.how != "none" else UNRESOLVED + found.key for found in places if found is not None)
    return tuple(dict.fromkeys(keys))


def shares(stack: Sequence[Raised], *, has_app: Sequence[bool]) -> dict[int, float]:
    """Each exception's importance: 1 for the root cause, half per wrapping step, 1/m for each of a group's m leaves."""
    children: list[list[int]] = [[] for _ in stack]
    for index, raised in enumerate(stack):
        if raised.parent is not None and raised.parent < index:
            children[raised.parent].append(index)
    found: list[dict[int, float]] = [{} for _ in stack]
    leaves = [1] * len(stack)
    for index in range(len(stack) - 1, -1, -1):
        found[index], leaves[index] = _importance(stack, index, children[index], found, leaves, has_app)
    return found[0]


def _importance(
    stack: Sequence[Raised],
    index: int,
    children: Sequence[int],
    found: Sequence[dict[int, float]],
    leaves: Sequence[int],
    has_app: Sequence[bool],
) -> tuple[dict[int, float], int]:
    members = [child for child in children if stack[child].relation == "member"]
    origin = next((child for child in children if stack[child].relation in ("cause", "context")), None)
    if members:
        total = sum(leaves[child] for child in members)
        merged = {index: WRAPPED}
        for child in members:
            merged |= {key: value * leaves[child] / total for key, value in found[child].items()}
        return merged, total
    if origin is None:
        return {index: 1.0}, 1
    if stack[origin].relation == "cause" or _translates(stack[index], stack[origin]):
        return found[origin] | {index: WRAPPED * found[origin].get(origin, 1.0)}, leaves[origin]
    # A second failure inside a handler: the first one was dealt with, and counts only where nothing else is known.
    if has_app[index]:
        return {index: 1.0}, 1
    return {index: 1.0} | {key: value * HANDLED for key, value in found[origin].items()}, 1


def _translates(newer: Raised, older: Raised) -> bool:
    """Whether the very function that caught `older` raised `newer`: `raise … from` without the `from`."""
    if not newer.frames or not older.frames:
        return False
    raiser, catcher = newer.frames[-1], older.frames[0]
    return (raiser.file, raiser.function) == (catcher.file, catcher.function)
