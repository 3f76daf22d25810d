"""What an error event holds, whatever wrote it."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

Relation = Literal["top", "cause", "context", "member"]

MAX_EXCEPTIONS = 64
MAX_FRAMES = 100
_MAX_TEXT = 500


class Frame(msgspec.Struct, frozen=True):
    """`function` is a qualname from our own sink and a bare name elsewhere; None where the source does not say."""

    file: str
    line: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None
    function: str | None = None
    app: bool | None = None


class Raised(msgspec.Struct, frozen=True):
    """One exception of an event; `parent` is the index of the earlier one that it belongs to, None for the first."""

    type: str
    relation: Relation = "top"
    parent: int | None = None
    frames: tuple[Frame, ...] = ()


_decoder = msgspec.json.Decoder(tuple[Raised, ...])
_encoder = msgspec.json.Encoder()


def decode_stack(body: str | bytes) -> tuple[Raised, ...]:
    """The exceptions of a `stacks.body`: the one that surfaced first, parents first, frames outermost first."""
    stack = _decoder.decode(body)
    if not any(raised.frames for raised in stack):
        raise msgspec.ValidationError("no frames")
    for index, raised in enumerate(stack):
        if (raised.relation == "top") != (index == 0) or (raised.parent is None) != (index == 0):
            raise msgspec.ValidationError("the exception that surfaced is the first and only one without a parent")
        if raised.parent is not None and not 0 <= raised.parent < index:
            raise msgspec.ValidationError("a parent stands before its children")
    return stack


def encode_stack(stack: tuple[Raised, ...]) -> bytes:
    """The `stacks.body` of these exceptions, cut to a bounded size."""
    return _encoder.encode([_bounded(raised) for raised in stack[:MAX_EXCEPTIONS]])


def ends(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Of a deep recursion the entry and the raise say most: the same cut as the runtime's sink."""
    if len(frames) <= MAX_FRAMES:
        return tuple(frames)
    return (*frames[: MAX_FRAMES // 5], *frames[-MAX_FRAMES * 4 // 5 :])


def _bounded(raised: Raised) -> Raised:
    frames = tuple(
        Frame(f.file[-_MAX_TEXT:], f.line or None, None if f.function is None else f.function[:_MAX_TEXT], f.app)
        for f in ends(raised.frames)
    )
    return Raised(raised.type[:_MAX_TEXT], raised.relation, raised.parent, frames)


class Node:
    """An exception while its tree is put together: what it was raised from, then the members of a group."""

    __slots__ = ("below", "frames", "members", "type")

    def __init__(self, type_: str, frames: Sequence[Frame] = ()) -> None:
        self.type = type_
        self.frames = frames
        self.below: tuple[Relation, Node] | None = None
        self.members: list[Node] = []


def flatten(top: Node) -> tuple[Raised, ...]:
    """A tree as the list of a `stacks.body`, level by level, as the runtime writes it."""
    nodes = [top]
    stack = [Raised(top.type, "top", None, tuple(top.frames))]
    for index, node in enumerate(nodes):
        below: list[tuple[Relation, Node]] = [] if node.below is None else [node.below]
        below += [("member", member) for member in node.members]
        for relation, child in below[: MAX_EXCEPTIONS - len(nodes)]:
            nodes.append(child)
            stack.append(Raised(child.type, relation, index, tuple(child.frames)))
    return tuple(stack)


_BUILTIN = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
) | {"PythonFinalizationError", "_IncompleteInputError"}  # newer than the oldest Python that we run on


def qualified(name: str) -> str:
    """The name of an exception type with its module, where that goes without saying."""
    return f"builtins.{name}" if name in _BUILTIN else name
