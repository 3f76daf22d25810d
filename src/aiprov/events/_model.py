"""What an error event holds, whatever wrote it."""

from __future__ import annotations

from typing import Literal

import msgspec

Relation = Literal["top", "cause", "context", "member"]


class Frame(msgspec.Struct, frozen=True):
    """`function` is a qualname from our own sink and a bare name elsewhere; None where the source does not say."""

    file: str
    line: int | None = None
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
    """The exceptions of a `stacks.body`: the one that surfaced first, parents before children, frames outermost first."""
    stack = _decoder.decode(body)
    if not any(raised.frames for raised in stack):
        raise msgspec.ValidationError("no frames")
    for index, raised in enumerate(stack):
        if (raised.relation == "top") != (index == 0) or (raised.parent is None) != (index == 0):
            raise msgspec.ValidationError("the exception that surfaced is the first and only one without a parent")
        if raised.parent is not None and not 0 <= raised.parent < index:
            raise msgspec.ValidationError("a parent stands before its children")
    return stack


def encode_stack(stack: tuple[Raised, ...]) -> str:
    return _encoder.encode(stack).decode()
