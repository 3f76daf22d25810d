"""Which AI functions ran: counted in this process, and noted in the trace that they ran in."""

from __future__ import annotations

from contextvars import ContextVar


class _Bag:
    """What is noted of one trace; tasks that outlive it keep only this."""

    __slots__ = ("functions", "trace")

    def __init__(self, trace: str | None) -> None:
        self.functions: dict[str, None] | None = {}
        """None once the trace has ended."""
        self.trace = trace


_current: ContextVar[_Bag | None] = ContextVar("aiprov_trace", default=None)


class Trace:
    """One request or task, from its beginning to its end."""

    __slots__ = ("_bag", "_executed")

    def __init__(self, bag: _Bag) -> None:
        self._bag = bag
        self._executed: tuple[str, ...] = ()

    @property
    def executed(self) -> tuple[str, ...]:
        """The AI functions that ran so far, as `path::qualname`, 64 at most, the first that ran first."""
        functions = self._bag.functions
        return self._executed if functions is None else tuple(functions)

    def finish(self, *, failed: bool) -> None:  # noqa: ARG002  # the record follows
        """End it, once; every failed trace and a sample of the others go to the local sink."""
        self._executed = self.executed
        self._bag.functions = None


def executed() -> tuple[str, ...]:
    """The AI functions that ran in this context's open trace."""
    bag = _current.get()
    functions = None if bag is None else bag.functions
    return () if functions is None else tuple(functions)
