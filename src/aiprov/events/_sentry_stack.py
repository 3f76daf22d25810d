"""How Sentry's list of exception values hangs together."""

from __future__ import annotations

import msgspec

from aiprov.events._model import Frame, Node, Raised, Relation, flatten, qualified


class _Frame(msgspec.Struct):
    filename: str | None = None
    abs_path: str | None = None
    absPath: str | None = None  # noqa: N815  # the API's spelling
    function: str | None = None
    lineno: int | None = None
    lineNo: int | None = None  # noqa: N815
    in_app: bool | None = None
    inApp: bool | None = None  # noqa: N815


class _Stacktrace(msgspec.Struct):
    frames: list[_Frame | None] | None = None


class _Mechanism(msgspec.Struct):
    exception_id: int | None = None
    parent_id: int | None = None
    source: str | None = None
    is_exception_group: bool | None = None


class _Value(msgspec.Struct):
    type: str | None = None
    module: str | None = None
    mechanism: _Mechanism | None = None
    stacktrace: _Stacktrace | None = None
    crashed: bool | None = None


class _Event(msgspec.Struct):
    raised: list[_Value | None] | None = None
    threads: list[_Value | None] | None = None


_decoder = msgspec.json.Decoder(_Event)


def stack(text: str) -> tuple[Raised, ...] | None:
    """The exceptions of one event, or its message's stack as type "message"; None where there is no frame."""
    event = _decoder.decode(text)
    values = [value for value in event.raised or () if value is not None and (value.type or _frames(value))]
    if values:
        found = flatten(_tree(values) or _chain(values))
        return found if any(raised.frames for raised in found) else None
    threads = [value for value in event.threads or () if value is not None and _frames(value)]
    threads.sort(key=lambda value: not value.crashed)
    return (Raised("message", frames=_frames(threads[0])),) if threads else None


def _chain(values: list[_Value]) -> Node:
    """Oldest first; whether one was the cause of the next or only its context is not told, so we claim the less."""
    top, *older = (_node(value) for value in reversed(values))
    newer = top
    for node in older:
        newer.below = ("context", node)
        newer = node
    return top


def _tree(values: list[_Value]) -> Node | None:
    """By the ids that an SDK gives to the members of exception groups; None where they are missing or contradictory."""
    by_id: dict[int, tuple[_Mechanism, Node]] = {}
    for value in values:
        mechanism = value.mechanism
        if mechanism is None or mechanism.exception_id is None or mechanism.exception_id in by_id:
            return None
        by_id[mechanism.exception_id] = (mechanism, _node(value))
    top = min(by_id)
    for number in sorted(by_id):
        mechanism, node = by_id[number]
        parent = mechanism.parent_id
        if mechanism.source in ("__cause__", "__context__") and not parent:
            parent = number - 1  # sentry-sdk leaves 0 here at any depth, and numbers what an exception came from next
        if number == top:
            continue
        if parent is None or parent >= number or parent not in by_id:
            return None
        _attach(by_id[parent], _relation(mechanism, by_id[parent][0]), node)
    return by_id[top][1]


def _attach(parent: tuple[_Mechanism, Node], relation: Relation, node: Node) -> None:
    if relation == "member":
        parent[1].members.append(node)
    elif parent[1].below is None:
        parent[1].below = (relation, node)


def _relation(mechanism: _Mechanism, parent: _Mechanism) -> Relation:
    source = mechanism.source or ""
    if source.startswith("exceptions[") or (not source and parent.is_exception_group):
        return "member"
    return "cause" if source in ("__cause__", "cause") else "context"


def _node(value: _Value) -> Node:
    name = value.type or "<unknown>"
    module = value.module if value.module not in ("builtins", "__builtins__") else None
    return Node(f"{module}.{name}" if module else qualified(name), _frames(value))


def _frames(value: _Value) -> tuple[Frame, ...]:
    listed = value.stacktrace.frames if value.stacktrace is not None else None
    return tuple(found for frame in listed or () if frame is not None and (found := _frame(frame)) is not None)


def _frame(frame: _Frame) -> Frame | None:
    """An absolute path made of `<string>` names nothing, so there the short name is the better one."""
    path = frame.abs_path or frame.absPath
    file = frame.filename if frame.filename and (path is None or frame.filename.startswith("<")) else path
    if not file:
        return None
    line = frame.lineno if frame.lineno is not None else frame.lineNo
    function = None if frame.function in (None, "", "<unknown>") else frame.function
    app = frame.in_app if frame.in_app is not None else frame.inApp
    return Frame(file, line if line is not None and 0 < line < 2**31 else None, function, app)
