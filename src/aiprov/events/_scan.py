"""Which traceback does a line of a log belong to, when several processes write at once?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aiprov.events._model import Raised
from aiprov.events._prefix import Key, Line
from aiprov.events._traceback import BOX, GROUP, HEADER, Traceback

_PATIENCE = 200  # lines that a traceback waits for its next one
_SWEEP = 50
_MAX_OPEN = 64
_MAX_PARTIAL = 64 * 1024
_PLAIN: Key = ("", "", False)


class Found(NamedTuple):
    """One error of a log; `number` is the line of its header."""

    number: int
    stack: tuple[Raised, ...] | None
    """None for a traceback that was cut short."""
    time: int | None
    zoned: bool
    host: str | None


class _Open:
    """A traceback whose lines come in; `prefix` stands before each of them, after what `split` took off."""

    __slots__ = ("begin", "key", "number", "prefix", "seen", "traceback")

    def __init__(self, begin: Line, prefix: str, traceback: Traceback, number: int, seen: int) -> None:
        self.begin = begin
        self.key = begin.key
        self.prefix = prefix
        self.traceback = traceback
        self.number = number
        self.seen = seen


class Scanner:
    """Fed with every line while `active`, else at least with those that hold a header."""

    def __init__(self, found: Callable[[Found], None]) -> None:
        self._found = found
        self._open: dict[Key, list[_Open]] = {}
        self._undecided: list[_Open] = []
        self._partial: dict[Key, str] = {}
        self._lines = 0

    @property
    def active(self) -> bool:
        return bool(self._open or self._undecided)

    @property
    def bare(self) -> Traceback | None:
        """The one traceback that is open, if it takes whatever is indented."""
        group = self._open.get(_PLAIN, [])
        if len(self._open) != 1 or self._undecided or len(group) != 1:
            return None
        opened = group[0]
        opened.seen = self._lines
        return opened.traceback if not opened.prefix and opened.traceback.takes_indented else None

    def feed(self, line: Line, *, number: int = 0, earlier: Callable[[], Line | None] = lambda: None) -> None:
        """`earlier` finds a line with a time before this one."""
        self._lines += 1
        if self._lines % _SWEEP == 0:
            self._sweep()
        if line.partial or line.key in self._partial:
            text = self._partial.pop(line.key, "") + line.text
            if line.partial and len(self._partial) < _MAX_OPEN:
                self._partial[line.key] = text[:_MAX_PARTIAL]
                return
            line = line._replace(text=text)
        if "\n" in line.text:
            self._feed_inner(line, line.text, number)
        elif not (self._decide(line, bare=False) or self._take(line) or self._decide(line, bare=True)):
            if (at := line.text.find(HEADER)) >= 0:
                self._begin(line, at, number, earlier)
            elif line.key[2]:  # the next record of a log whose tracebacks carry no prefix
                self._close_complete((line.key[0], line.key[1], False))

    def finish(self) -> None:
        """The log ends."""
        for opened in [o for group in self._open.values() for o in group] + self._undecided:
            self._close(opened)
        self._open, self._undecided = {}, []

    def _take(self, line: Line) -> bool:
        for opened in self._open.get(line.key, ()):
            if line.text.startswith(opened.prefix) and opened.traceback.feed(line.text[len(opened.prefix) :]):
                opened.seen = self._lines
                return True
        return False

    def _decide(self, line: Line, *, bare: bool) -> bool:
        """A header may carry more than the lines after it do: a whole record's prefix, or a time."""
        for opened in self._undecided:
            begun = opened.begin.key
            if line.key not in ((begun, (begun[0], begun[1], False)) if bare else (begun,)):
                continue
            prefix = "" if bare else opened.prefix
            if line.text.startswith(prefix) and opened.traceback.starts(line.text[len(prefix) :]):
                self._undecided.remove(opened)
                self._enter(opened, line.key, prefix)
                return self._take(line)
        return False

    def _enter(self, opened: _Open, key: Key, prefix: str) -> None:
        opened.key, opened.prefix, opened.seen = key, prefix, self._lines
        self._displace(key, prefix)
        group = self._open.setdefault(key, [])
        group.append(opened)
        group.sort(key=lambda o: -len(o.prefix))

    def _displace(self, key: Key, prefix: str) -> None:
        """One writer writes one traceback after the other."""
        for other in [o for o in self._open.get(key, ()) if o.prefix == prefix]:
            self._remove(other)
        for other in [o for o in self._undecided if o.key == key and o.prefix == prefix]:
            self._undecided.remove(other)
            self._close(other)

    def _begin(self, line: Line, at: int, number: int, earlier: Callable[[], Line | None]) -> None:
        prefix, rest = line.text[:at], line.text[at + len(HEADER) :]
        if line.time is None and (timed := earlier()) is not None:
            line = line._replace(time=timed.time, zoned=timed.zoned)
        if rest.startswith(("\\n", "#012")):  # a record escaped into one line
            text = line.text[at:].replace("#012", "\n").replace("\\n", "\n").replace('\\"', '"')
            self._feed_inner(line, text.rstrip("\"' \n"), number)
            return
        group = prefix.endswith(GROUP)
        prefix = prefix.removesuffix(GROUP)
        if rest.strip() or prefix.strip() == "|" or (group and not prefix.endswith(BOX)):
            return  # inside a message, or a member of a group whose beginning we have not seen
        begun = _Open(line, prefix.removesuffix(BOX) if group else prefix, Traceback(group=group), number, self._lines)
        self._displace(begun.key, begun.prefix)
        self._undecided.append(begun)
        if len(self._undecided) > _MAX_OPEN:
            self._close(self._undecided.pop(0))

    def _feed_inner(self, line: Line, text: str, number: int) -> None:
        """A record that holds whole lines: whatever is in it belongs together."""
        inner = Scanner(self._found)
        for each in text.split("\n"):
            inner.feed(Line(_PLAIN, each, line.time, line.host, line.zoned), number=number)
        inner.finish()

    def _close_complete(self, key: Key) -> None:
        for opened in [o for o in self._open.get(key, ()) if o.traceback.complete]:
            self._remove(opened)

    def _sweep(self) -> None:
        overdue = self._lines - _PATIENCE
        for opened in [o for o in self._undecided if o.seen < overdue]:
            self._undecided.remove(opened)
            self._close(opened)
        everything = sorted((o for group in self._open.values() for o in group), key=lambda o: o.seen)
        for place, opened in enumerate(everything):
            if opened.seen < overdue or place < len(everything) - _MAX_OPEN:
                self._remove(opened)

    def _remove(self, opened: _Open) -> None:
        group = self._open[opened.key]
        group.remove(opened)
        if not group:
            del self._open[opened.key]
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        begin = opened.begin
        self._found(Found(opened.number, opened.traceback.result(), begin.time, begin.zoned, begin.host))
