"""One element put into a JSON text, or taken out, with every other character left as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiprov.errors import UsageError

_SPACE = re.compile(r"[ \t\n]*")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_DEEPEST = 5
"""Hooks stand no deeper."""
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class _Item:
    """A member of an object or array: where its text starts (with the key, if any), where its value does, and ends."""

    key: str | int
    start: int
    value: int
    end: int


def check(text: str, *, name: str) -> object:
    """The parsed text; UsageError for what is not plain JSON, as comments and trailing commas are not."""
    try:
        return json.loads(text)
    except ValueError as error:
        at = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
    except RecursionError:
        at = " (nested too deeply)"
    raise UsageError(f"{name} is not plain JSON{at} (comments and trailing commas are not); change it by hand")


def with_element(text: str, path: Sequence[str], element: object, *, name: str) -> str:
    """The element at the end of the array at `path`; what is missing on the way is made."""
    found = check(text, name=name)
    at = _skip(text, 0)
    for depth, key in enumerate(path):
        if not isinstance(found, dict):
            raise UsageError(f"{name}: an object is needed around {key!r}; change it by hand")
        if key not in found:
            value: object = [element]
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _insert(text, at, value, key=key, depth=depth + 1)
        found = found[key]
        at = [item.value for item in _items(text, at) if item.key == key][-1]  # of two, parsers take the last
    if not isinstance(found, list):
        raise UsageError(f"{name}: {path[-1]!r} is not a list; change it by hand")
    return _insert(text, at, element, key=None, depth=len(path) + 1)


def without_elements(text: str, is_ours: Callable[[object], bool], *, name: str) -> str:
    """Without objects that are ours, and without the arrays and objects that held nothing else."""
    check(text, name=name)
    while (trail := _find(text, _skip(text, 0), is_ours)) is not None:
        text = _cut(text, trail)
    return text


def _find(
    text: str, at: int, is_ours: Callable[[object], bool], *, depth: int = _DEEPEST
) -> list[tuple[int, list[_Item], int]] | None:
    """The way down to an object that is ours: for each container its start, its items and the index of the next."""
    items = _items(text, at)
    for index, item in enumerate(items):
        here = (at, items, index)
        if text[item.value] == "{" and is_ours(_decode(text, item.value)[0]):
            return [here]
        below = _find(text, item.value, is_ours, depth=depth - 1) if depth else None
        if below is not None:
            return [here, *below]
    return None


def _cut(text: str, trail: list[tuple[int, list[_Item], int]]) -> str:
    """Climb while a container would be left empty, or as a matcher without hooks; then take that item out."""
    while len(trail) > 1:
        _, items, index = trail[-1]
        if any(item.key != "matcher" for place, item in enumerate(items) if place != index):
            break
        trail = trail[:-1]
    at, items, index = trail[-1]
    item = items[index]
    if len(items) == 1:
        return text[: at + 1] + text[_items_end(text, at, items) :]
    if index == 0:
        return text[: item.start] + text[items[1].start :]
    return text[: items[index - 1].end] + text[item.end :]


def _items_end(text: str, at: int, items: list[_Item]) -> int:
    """Where the closing bracket stands."""
    return _skip(text, items[-1].end if items else at + 1)


def _items(text: str, at: int) -> list[_Item]:
    """The members of the container at `at`, whose text is known to be JSON; none of what is no container."""
    if text[at] not in "{[":
        return []
    items: list[_Item] = []
    place = _skip(text, at + 1)
    while text[place] not in "}]":
        start, key = place, len(items)
        if text[at] == "{":
            name, place = _decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        _, end = _decode(text, place)
        items.append(_Item(name if text[at] == "{" else key, start, place, end))
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return items


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _insert(text: str, at: int, value: object, *, key: str | None, depth: int) -> str:
    """At the end of the container at `at`, in the style of the text."""
    items = _items(text, at)
    close = _items_end(text, at, items)
    label = "" if key is None else f"{json.dumps(key)}: "
    if items and "\n" not in text[at:close]:
        return f"{text[: items[-1].end]}, {label}{json.dumps(value, ensure_ascii=False)}{text[items[-1].end :]}"
    indents = _INDENT.findall(text)
    unit = min(indents, key=len) if indents else "  "
    body = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", "\n" + unit * depth)
    line = f"\n{unit * depth}{label}{body}"
    if items:
        return f"{text[: items[-1].end]},{line}{text[items[-1].end :]}"
    return f"{text[: at + 1]}{line}\n{unit * (depth - 1)}{text[close:]}"
