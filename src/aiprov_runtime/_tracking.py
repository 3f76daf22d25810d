"""Which AI functions ran: counted in this process, and noted in the trace that they ran in (Python 3.12 and newer).

`sys.monitoring` tells of the start of every function. Code without a record answers DISABLE at its first start and
costs nothing from then on, so only a model's functions pay.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from itertools import count
from types import CodeType
from typing import Any, NamedTuple

from aiprov_runtime._explain import exceptions
from aiprov_runtime._functions import owner_of_code
from aiprov_runtime._guard import guard, guarded
from aiprov_runtime._index import Index
from aiprov_runtime._once import Sighting, goes_on, sighting

MAX_FUNCTIONS = 64
_MAX_NESTED = 8
"""Traces within each other. One that nobody finishes would keep all that were open before it."""
MONITORING: Any = getattr(sys, "monitoring", None)
# ddtrace asks for 4 and 3 alone and leaves parts of itself off where they are taken; nobody uses the optimizers' 5.
_TOOLS = (5, 4, 3)
_CO_OPTIMIZED = 0x1
_MAX_CODE = 65_536
_REPORT_EVERY = 60.0


class Bag:
    """What is noted of one trace; tasks that outlive it keep only this."""

    __slots__ = ("depth", "functions", "left", "outer", "trace", "user")

    def __init__(self, trace: str | None, outer: Bag | None = None) -> None:
        if outer is not None and outer.depth == _MAX_NESTED:
            outer = None
        self.depth: int = 1 if outer is None else outer.depth + 1
        self.functions: dict[str, None] | None = {}
        """None once the trace has ended."""
        self.trace = trace
        self.user: str | None = None
        self.outer = outer
        self.left: Left | None = None
        """The exception that ended it, to be known again by those who report it further out."""


class Left(NamedTuple):
    """An exception without holding it, and what ran before it."""

    key: int
    sighting: Sighting
    executed: tuple[str, ...]


_current: ContextVar[Bag | None] = ContextVar("aiprov_trace", default=None)


def current() -> Bag | None:
    """The open bag of this context."""
    bag = _current.get()
    return None if bag is None or bag.functions is None else bag


def executed(error: BaseException | None = None) -> tuple[str, ...]:
    """The AI functions that ran in this context's open trace, or in the one that this error has just left."""
    bag = _current.get()
    if bag is None:
        return ()
    functions = bag.functions
    if functions is not None:
        return tuple(functions)
    return bag.left.executed if error is not None and bag.left is not None and _has_left(bag.left, error) else ()


def bag_of(error: BaseException) -> Bag | None:
    """The open bag, or the one that this error has just left."""
    bag = _current.get()
    if bag is None or bag.functions is not None:
        return bag
    return bag if bag.left is not None and _has_left(bag.left, error) else None


def _has_left(left: Left, error: BaseException) -> bool:
    chain = (raised.error for raised in exceptions(error))
    return any(id(one) == left.key and goes_on(left.sighting, sighting(one)) for one in chain)


def _ran(bag: Bag, functions: dict[str, None]) -> tuple[str, ...]:
    """With those of traces within it that are still open here: two tools need not end theirs in turn."""
    names = tuple(functions)
    inner = _current.get()
    within: tuple[str, ...] = ()
    while inner is not None and inner is not bag:
        within = (*(inner.functions or ()), *within)
        inner = inner.outer
    return names if inner is None or not within else tuple(dict.fromkeys((*names, *within)))[:MAX_FUNCTIONS]


Write = Callable[[Bag, tuple[str, ...], bool], None]


class Trace:
    """One request or task, from its beginning to its end."""

    __slots__ = ("_bag", "_executed", "_write")

    def __init__(self, bag: Bag, write: Write | None) -> None:
        self._bag = bag
        self._executed: tuple[str, ...] = ()
        self._write = write
        """None where the trace is part of another one, which will write."""

    @property
    def executed(self) -> tuple[str, ...]:
        """The AI functions that ran so far, as `path::qualname`, 64 at most, the first that ran first."""
        functions = self._bag.functions
        return self._executed or (() if functions is None else _ran(self._bag, functions))

    @property
    def is_current(self) -> bool:
        """Whether it is the one that is open in this context."""
        return self._bag is current()

    def left_by(self, error: BaseException) -> None:
        """Note which exception it ends with, to be called where that passes through."""
        with guard("trace"):
            self._bag.left = Left(id(error), sighting(error), self.executed)

    def finish(self, *, failed: bool) -> None:
        """End it, once; every failed trace and a sample of the others go to the local sink."""
        with guard("trace"):
            self._executed = self.executed
            bag, write = self._bag, self._write
            if write is None or bag.functions is None:
                return
            bag.functions, outer, bag.outer = None, bag.outer, None
            is_inside = outer is not None and outer.functions is not None
            if outer is not None:
                for name in self._executed:
                    _note(outer.functions, name)
            if _current.get() is bag:  # it may end in another context than it began in
                _current.set(outer if is_inside else bag if bag.left else None)
            write(bag, self._executed, failed)


def begin(trace: str | None, write: Write) -> Trace:
    """Open a bag in this context. With the id of the trace that is open, or where that has none, it is the same one."""
    outer = current()
    if outer is not None and trace is not None and outer.trace in (None, trace):
        outer.trace = trace
        return Trace(outer, None)
    bag = Bag(trace, outer)
    _current.set(bag)
    return Trace(bag, write)


@guarded("track")
def _note(functions: dict[str, None] | None, name: str) -> None:
    if functions is not None and len(functions) < MAX_FUNCTIONS:
        functions[name] = None


class _Function:
    """`next(calls)` is one step of the interpreter, so that no thread's call is lost."""

    __slots__ = ("calls", "model", "name", "reported", "tool")

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = self.tool = ""
        self.reported = 0
        self.calls = count()

    def total(self) -> int:
        return int(repr(self.calls)[len("count(") : -1])  # the one way to read it that counts nothing


def unavailable(monitoring: Any) -> str:
    """Why this interpreter cannot track; empty where it can."""
    if monitoring is None:
        return "needs CPython 3.12 or newer"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "not on a free-threaded Python"
    return "not tried on Python 3.14 and newer" if sys.version_info >= (3, 14) else ""


class Tracker:
    """Armed for one index at a time; counts go on when that is replaced."""

    def __init__(self, *, monitoring: Any = MONITORING, clock: Callable[[], float] = time.monotonic) -> None:
        self._monitoring = monitoring
        self.tool: int | None = None
        self.reason = "not started"
        self._functions: dict[str, _Function] = {}
        self._passed: dict[int, weakref.ref[CodeType]] = {}
        """Application code that was switched off; another index may have a record of it."""
        self._clock = clock
        self._reporting = threading.Lock()
        self._last_report = clock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def start(self, index: Index) -> None:
        """Track the functions of this index from now on, in place of those of an earlier one."""
        self.reason = unavailable(self._monitoring) or self._take_tool()
        if self.reason or self.tool is None:
            return
        monitoring = self._monitoring
        event = monitoring.events.PY_START
        monitoring.set_events(self.tool, 0)
        for reference in list(self._passed.values()):
            code = reference()
            if code is not None:  # what DISABLE switched off comes back when the event goes and comes
                monitoring.set_local_events(self.tool, code, event)
                monitoring.set_local_events(self.tool, code, 0)
        self._passed.clear()
        monitoring.register_callback(self.tool, event, self._callback(index, monitoring.DISABLE))
        monitoring.set_events(self.tool, event)

    def stop(self, reason: str) -> None:
        """Give the interpreter back as it was."""
        self.reason = reason
        if self.tool is not None:
            monitoring = self._monitoring
            monitoring.set_events(self.tool, 0)
            monitoring.register_callback(self.tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(self.tool)
            self.tool = None

    def _take_tool(self) -> str:
        monitoring = self._monitoring
        if self.tool is not None:
            return ""
        for tool in _TOOLS:
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "aiprov")
                self.tool = tool
                return ""
        holders = ", ".join(f"{tool} ({monitoring.get_tool(tool)})" for tool in _TOOLS)
        return f"sys.monitoring's tool ids are taken: {holders}"

    def _callback(self, index: Index, disable: object) -> Callable[[CodeType, int], object]:
        """What it raises, the application would see: so it has nothing that can fail outside a guard.

        Found by file name and qualname: hashing a code object takes longer the longer it is, an id is used again once
        its code is gone, and a reloaded module or a new `__code__` is the same function to its readers.
        """
        files: dict[str, dict[str, _Function]] = {}
        libraries = index.libraries
        bag_of = _current.get

        def discover(code: CodeType) -> object:
            with guard("track"):
                try:
                    found = self._found(index, code)
                except RecursionError:  # the host is deep down; the next start will tell
                    return None
                if found is not None:
                    files.setdefault(code.co_filename, {})[code.co_qualname] = found
                    return start(code, 0)
                self._pass(index, code)
            return disable

        def start(code: CodeType, _: int) -> object:
            try:
                function = files[code.co_filename][code.co_qualname]
            except KeyError:
                if code.co_filename in libraries:
                    return disable
                try:
                    return discover(code)
                except RecursionError:  # as above, with no room for the guard
                    return None
            next(function.calls)
            bag = bag_of()
            if bag is not None:
                functions = bag.functions
                if functions is not None and function.name not in functions:
                    _note(functions, function.name)
            return None

        return start

    def _found(self, index: Index, code: CodeType) -> _Function | None:
        """None for a person's code, and for modules and class bodies, which run once with their import."""
        file = index.file(code.co_filename) if code.co_flags & _CO_OPTIMIZED else None
        attribution = None if file is None else file.find(code)
        if attribution is None or not attribution.is_ai:
            return None
        if owner_of_code(code) != code.co_qualname:  # a lambda or generator is noted as its function, and no call of it
            return _Function(attribution.function)
        function = self._functions.setdefault(attribution.function, _Function(attribution.function))
        function.model, function.tool = attribution.model or "", attribution.tool or ""
        return function

    def _pass(self, index: Index, code: CodeType) -> None:
        if not index.is_library(code) and len(self._passed) < _MAX_CODE:
            key = id(code)
            self._passed[key] = weakref.ref(code, partial(self._passed.pop, key))

    def _forget(self) -> None:
        """A forked child counts its own calls."""
        self._reporting = threading.Lock()
        for function in list(self._functions.values()):
            function.calls, function.reported = count(), 0

    def calls(self) -> Mapping[tuple[str, str], int]:
        """Calls so far by model and tool."""
        sums: dict[tuple[str, str], int] = {}
        for function in list(self._functions.values()):
            pair = (function.model, function.tool)
            sums[pair] = sums.get(pair, 0) + function.total()
        return sums

    def is_report_due(self) -> bool:
        """Once a minute."""
        return self._clock() - self._last_report >= _REPORT_EVERY

    def report(self) -> Iterator[tuple[str, int]]:
        """Calls by function since the last report; none while another thread reads them."""
        if not self._reporting.acquire(blocking=False):
            return
        try:
            self._last_report = self._clock()
            for function in list(self._functions.values()):
                total = function.total()
                new, function.reported = total - function.reported, total
                if new > 0:
                    yield function.name, new
        finally:
            self._reporting.release()
