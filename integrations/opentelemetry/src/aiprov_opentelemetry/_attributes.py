"""What an explanation is called on the wire, and how it gets onto a span without displacing anything of the host's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, Span

from aiprov_runtime import Explanation

Value = str | int | tuple[str, ...]
Attributes = Mapping[str, Value]
CODE = ("code.function.name", "code.file.path", "code.line.number")
_PLACE = (*CODE, "code.function", "code.filepath", "code.lineno", "code.namespace")
"""With the older names of the same."""
_LISTS = ("functions", "executed")
_OURS = "_aiprov_attributes"
_NONE: Attributes = {}


def of_error(found: Explanation) -> dict[str, Value]:
    """Everything that is known of an error."""
    values: dict[str, Value] = {**found.tags()}
    for name, value in found.context().items():
        if name in CODE and isinstance(value, str | int):
            values[name] = value
        elif name in _LISTS and isinstance(value, list) and value:
            values[f"aiprov.{name}"] = tuple(value)
    return values


def listed(name: str, values: Iterable[str]) -> dict[str, Value]:
    """One list, left out where it is empty."""
    found = tuple(values)
    return {f"aiprov.{name}": found} if found else {}


def without(taken: Mapping[str, object], new: Attributes) -> Attributes:
    """What of `new` is not taken; a place in the code is never made of two."""
    if not taken.keys().isdisjoint(_PLACE):
        new = {name: value for name, value in new.items() if name not in CODE}
    return new if taken.keys().isdisjoint(new) else {name: new[name] for name in new if name not in taken}


def ours(span: ReadableSpan) -> Attributes:
    """What we have put onto a span so far."""
    found: Attributes = getattr(span, _OURS, _NONE)  # its `__dict__` would be made for us, and cost ten times as much
    return found


def put(span: ReadableSpan, new: Attributes, *, replace: bool = False) -> None:
    """Put `new` onto a span that has room for all of it, in front of what is there, which stays as it is.

    A value of ours gives way to a newer one, with `replace` also to none, unless somebody has changed it since.
    """
    before = ours(span)
    old = before if replace or not before else {name: before[name] for name in new if name in before}
    done = put_in_front(span._attributes, new, old) if _IS_AS_KNOWN else _put_behind(span, new, old)  # noqa: SLF001
    if done:
        setattr(span, _OURS, {**before, **done} if before and not replace else done)


def put_in_front(target: Any, new: Attributes, old: Attributes = _NONE) -> Attributes:
    """Four times as fast as `set_attributes`, which costs a hit more than all the rest of it.

    The public way would also let a full span drop the host's attributes for ours; the oldest go first, and so we are
    the oldest. Also for a span that has ended and not been exported, which the specification of `OnEnding` allows.
    """
    with target._lock:  # noqa: SLF001
        kept = target._dict  # noqa: SLF001
        if old:
            kept = {name: value for name, value in kept.items() if name not in old or old[name] != value}
        if target.max_value_len is not None:
            new = {name: _cut(value, target.max_value_len) for name, value in new.items()}
        if kept:
            new = without(kept, new)
        if target.maxlen is not None and len(kept) + len(new) > target.maxlen:
            return _NONE
        target._dict = {**new, **kept}  # noqa: SLF001
    return new


def _put_behind(span: ReadableSpan, new: Attributes, old: Attributes) -> Attributes:
    """The public way, which takes nothing back."""
    taken = span.attributes or {}
    if old or span.end_time or not isinstance(span, Span):
        return _NONE
    new = without(taken, new)
    span.set_attributes(new)
    return new


def _cut(value: Value, length: int) -> Value:
    if isinstance(value, str):
        return value[:length]
    return value if isinstance(value, int) else tuple(each[:length] for each in value)


def _is_as_known() -> bool:
    """True where `put_in_front` does to a scratch object what the public way would have done."""
    start: dict[str, str | int] = {"b": "user's", "c": 3}
    new: dict[str, Value] = {"a": "text", "d": 4, "e": ("x", "y")}
    try:
        ours, public = (BoundedAttributes(6, start, immutable=False) for _ in range(2))
        put_in_front(ours, {**new, "b": "ours"})
        for name, value in new.items():
            public[name] = value
        ours["f"] = public["f"] = "later"
        put_in_front(ours, {"g": "no room"})
    except (AttributeError, TypeError):
        return False
    states = [(dict(each), each.copy(), set(each), len(each), each.dropped, each["e"]) for each in (ours, public)]
    return states[0] == states[1]


_IS_AS_KNOWN = _is_as_known()
