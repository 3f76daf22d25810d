"""One Python traceback, line by line: chains, exception groups, recursion, and whatever stands between."""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from aiprov.events._model import MAX_FRAMES, Frame, Node, Raised, Relation, flatten, qualified
from aiprov.events._prefix import plain

HEADER = "Traceback (most recent call last):"
GROUP = "Exception Group "
BOX = "  + "

_LINKS: tuple[tuple[str, Relation], ...] = (
    ("The above exception was the direct cause of the following exception:", "cause"),
    ("During handling of the above exception, another exception occurred:", "context"),
)
# What starts a line of a log rather than names an exception.
_LEVELS = frozenset({"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "NOTICE", "TRACE"})
_MAX_NAME = 300
_MAX_DEPTH = 64
_MAX_MEMBERS = 64
_MAX_CHAIN = 256
_MAX_DIGITS = 10
_MAX_KEPT = 32 * 1024


class Traceback:
    """Fed with the lines after its header; says of each whether it is its own."""

    __slots__ = ("_boxed", "_chains", "_groups", "_top")

    def __init__(self, *, group: bool) -> None:
        self._top = _Chain()
        self._top.feed(HEADER)
        self._boxed = group
        self._chains = {1: self._top}  # by the depth of their box
        self._groups: dict[Node, list[_Chain]] = {}

    def starts(self, text: str) -> bool:
        """Can this be the line after the header?"""
        return text.startswith("  |" if self._boxed else ('  File "', '> File "'))

    def feed(self, text: str) -> bool:
        boxed = _in_box(text) if self._boxed or self._top.expects else None
        if boxed is not None:
            self._boxed = True
            return self._feed_box(*boxed)
        if self._boxed:
            if not self._top.complete or not self._top.feed(text):
                return False
            self._boxed = False  # a chain goes on outside of the boxes
            self._chains = {1: self._top}
            return True
        if self._top.expects and text.startswith(BOX + GROUP):
            self._boxed = True
            text = text[len(BOX) :]
        return self._top.feed(text)

    @property
    def complete(self) -> bool:
        return self._top.complete

    @property
    def takes_indented(self) -> bool:
        """Whatever is indented now is its own."""
        return not self._boxed and self._top.frames is not None

    def feed_indented(self, lines: bytes) -> None:
        """Many lines at once, while it takes whatever is indented."""
        if self._top.frames is not None:
            for step in _steps(lines) if len(lines) < _MAX_KEPT else _steps.__wrapped__(lines):
                self._top.frames.add(step)

    def result(self) -> tuple[Raised, ...] | None:
        """The exceptions; None for a traceback that was cut short or has no frame."""
        if not self._top.complete or self._top.node is None:
            return None
        for group, chains in self._groups.items():
            group.members = [chain.node for chain in chains if chain.node is not None]
        stack = flatten(self._top.node)
        return stack if any(raised.frames for raised in stack) else None

    def _feed_box(self, depth: int, text: str | None) -> bool:
        if text is not None:
            if chain := self._chains.get(depth):
                chain.feed(text)
            return True
        group = self._chains.get(depth - 1)
        for deeper in [number for number in self._chains if number >= max(depth, 2)]:
            del self._chains[deeper]
        if group is not None and group.node is not None and depth <= _MAX_DEPTH:
            members = self._groups.setdefault(group.node, [])
            if len(members) < _MAX_MEMBERS:
                members.append(_Chain())
                self._chains[depth] = members[-1]
        return True


def _in_box(text: str) -> tuple[int, str | None] | None:
    """How deep a line of an exception group stands, and its text; no text for the line between two members."""
    content = text.lstrip(" ")
    indent = len(text) - len(content)
    if indent < len("  ") or indent % 2:
        return None
    if content.startswith("|"):
        return indent // 2, content[2:]
    if content.startswith("+-+--"):
        return indent // 2 + 1, None
    return (indent // 2, None) if content.startswith("+---") else None


class _Chain:
    """Exceptions raised one from another, oldest first, at one depth."""

    __slots__ = ("_length", "_link", "frames", "node")

    def __init__(self) -> None:
        self.node: Node | None = None
        self.frames: Frames | None = None
        """Of the exception whose lines come in."""
        self._link: Relation | None = None
        self._length = 0

    @property
    def expects(self) -> bool:
        """Another exception is announced."""
        return self.frames is None and (self.node is None or self._link is not None)

    @property
    def complete(self) -> bool:
        return self.frames is None and not self.expects

    def feed(self, text: str) -> bool:
        if self.frames is not None:
            return self._feed_frames(text, self.frames)
        if self.expects:
            if text.rstrip().removeprefix(GROUP) == HEADER:
                self.frames = Frames()
            elif name := exception_name(text):  # an exception that was never raised has no header
                self._finish(name, [])
            else:
                return not text.strip()
            return True
        for phrase, relation in _LINKS:
            if text.startswith(phrase):
                self._link = relation
                return True
        return False

    def _feed_frames(self, text: str, frames: Frames) -> bool:
        if (step := _step(text)) is not None:
            frames.add(step)
        elif name := exception_name(text):
            self._finish(name, frames.listed())
        elif not text.startswith("  ") and text.strip():
            return False
        return True

    def _finish(self, name: str, frames: list[Frame]) -> None:
        node = Node(name, frames)
        self._length += 1
        if self.node is not None and self._link is not None and self._length < _MAX_CHAIN:
            node.below = (self._link, self.node)
        self.node, self.frames, self._link = node, None, None


class Frames:
    """Both ends of a stack of any depth; more than is kept in the end, so that the cut falls in the right place."""

    __slots__ = ("_first", "_last")

    def __init__(self) -> None:
        self._first: list[Frame] = []
        self._last: deque[Frame] = deque(maxlen=MAX_FRAMES)

    def add(self, step: Frame | int) -> None:
        if isinstance(step, Frame):
            self._add(step)
        elif self._first:
            frame = self._last[-1] if self._last else self._first[-1]
            for _ in range(min(step, 2 * MAX_FRAMES)):
                self._add(frame)

    def _add(self, frame: Frame) -> None:
        if len(self._first) < MAX_FRAMES:
            self._first.append(frame)
        else:
            self._last.append(frame)

    def listed(self) -> list[Frame]:
        return [*self._first, *self._last]


def _step(text: str) -> Frame | int | None:
    """A frame, or how often the last one is repeated; None for source, carets, and the place of a SyntaxError."""
    if text.startswith(('  File "', '> File "')):
        file, _, rest = text[len('  File "') :].rpartition('", line ')
        number, found, function = rest.partition(", in ")
        if found and file and number.isdecimal() and len(number) < _MAX_DIGITS:
            return Frame(file, int(number) or None, function.rstrip() or None)
    elif text.startswith("  [Previous line repeated "):
        number = text.split(maxsplit=4)[3]
        return int(number) if number.isdecimal() and len(number) < _MAX_DIGITS else None
    return None


@lru_cache(maxsize=1024)
def _steps(text: bytes) -> tuple[Frame | int, ...]:
    """Of indented lines: the same stack comes again and again, and is parsed once."""
    lines = plain(text.decode("utf-8", "replace")).split("\n")
    return tuple(step for line in lines if (step := _step(line.rstrip("\r"))) is not None)


def exception_name(text: str) -> str | None:
    """The type in `package.Error: message`; None where the line is something else."""
    name, found, _ = text.partition(": ")
    if not found:
        name = name.rstrip().removesuffix(":")
    if not 0 < len(name) <= _MAX_NAME or name in _LEVELS:
        return None
    if not all(part.isidentifier() for part in name.replace("<locals>", "locals").split(".")):
        return None
    return qualified(name)
