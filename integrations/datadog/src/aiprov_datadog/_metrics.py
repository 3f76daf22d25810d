"""DogStatsD metrics: calls, errors and durations by model and tool, through the application's own `datadog.statsd`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol, cast

import aiprov_runtime
from aiprov_datadog._events import ErrorEvents
from aiprov_datadog._flusher import Flusher
from aiprov_runtime import Explanation, guard, guarded
from aiprov_runtime._once import Once
from aiprov_runtime._rates import Rates

Names = tuple[str | None, str | None]
"""Model and tool, None where the manifest does not say."""
Calls = Callable[[], Mapping[tuple[str, str], int]]
_MAX_PASSED = 1024
_MAX_NAME = 100
_PACKED = 50


class Statsd(Protocol):
    """What we use of `datadog.DogStatsd`."""

    def count(self, metric: str, value: float, tags: list[str] | None, sample_rate: float | None) -> None: ...
    def distribution(self, metric: str, value: float, tags: list[str] | None, sample_rate: float | None) -> None: ...


class Finished(NamedTuple):
    """A finished span, in plain values."""

    id: int
    parent: int | None
    seconds: float
    started_by: Names | None = None
    """Of the AI function that started the span; None where none did."""
    failed: bool = False
    suspect: Names | None = None
    """Of the AI function on the path of the error that ended the span; None where there is none."""
    function: str | None = None
    """That function, for error events."""


class Metrics:
    """Adds up what this process does; `flush` hands the sums to the client and belongs in a thread of its own."""

    def __init__(self, client: Callable[[], Statsd], *, limit: int, calls: Calls = dict) -> None:
        self.events = ErrorEvents()
        self.uses_traces = False
        """Errors are those that end spans, and not those that are logged."""
        self._client = client
        self._rates = Rates(limit)
        self._calls = calls
        self._counted = dict(calls())
        self._once = Once()
        self._passed: dict[int, bool] = {}
        """Spans below which an error has been counted."""

    def record(self, spans: Sequence[Finished]) -> None:
        """Add spans of one trace, in the order they started."""
        self.uses_traces = True
        for span in reversed(spans):
            if span.started_by is not None:
                self._rates.add_duration(*span.started_by, seconds=span.seconds)
            is_counted = bool(self._passed) and self._passed.pop(span.id, False)
            if span.failed:
                self._leave(span, is_counted=is_counted)

    def _leave(self, span: Finished, *, is_counted: bool) -> None:
        """An error that leaves several spans counts at the innermost that knows its suspect."""
        if not is_counted:
            if span.suspect is None:
                return
            self._add_error(span.suspect, span.function)
        if span.parent:  # it may finish in a later part of the trace
            if len(self._passed) >= _MAX_PASSED:
                with suppress(RuntimeError, StopIteration):  # another thread is at it
                    self._passed.pop(next(iter(self._passed)), None)
            self._passed[span.parent] = True

    def report(self, error: BaseException, found: Explanation | None) -> None:
        """Add an exception that was logged or not caught, once, unless traces tell of errors."""
        if self.uses_traces or found is None or found.suspect is None:
            return
        suspect = found.suspect.attribution
        if self._once.is_first(error):
            self._add_error((suspect.model, suspect.tool), suspect.function)

    def _add_error(self, suspect: Names, function: str | None) -> None:
        self._rates.add_error(*suspect)
        self.events.note(function, *suspect)

    def flush(self) -> None:
        client = self._client()
        self._add_calls()
        for names, rate in self._rates.drain().items():
            tags = [f"{key}:{name[:_MAX_NAME]}" for key, name in zip(("model", "tool"), names, strict=True)]
            # A whole rate each: the application's default would drop sums, not single events.
            if rate.calls:
                client.count("aiprov.calls", rate.calls, tags=tags, sample_rate=1)
            if rate.errors:
                client.count("aiprov.errors", rate.errors, tags=tags, sample_rate=1)
            for values in _packed(rate.durations):
                # The client writes a value as `str` does, and the Agent takes several of them since 7.25.
                client.distribution("aiprov.duration", cast("float", values), tags=tags, sample_rate=1)
        self.events.send(client)

    def _add_calls(self) -> None:
        for (model, tool), total in dict(self._calls()).items():
            new = total - self._counted.get((model, tool), 0)
            self._counted[model, tool] = total
            if new > 0:
                self._rates.add_call(model, tool, count=new)

    def forget(self) -> None:
        """In a forked child: what the parent has not sent yet is the parent's to send."""
        self._rates.forget()
        self.events.forget()
        self._passed.clear()
        self._counted = dict(self._calls())


def _packed(durations: Sequence[float]) -> Iterator[str]:
    """As many values a datagram as stay well below the 1,432 bytes that the client allows one."""
    for start in range(0, len(durations), _PACKED):
        yield ":".join(f"{seconds:.6g}" for seconds in durations[start : start + _PACKED])


_metrics: Metrics | None = None
_uses_traces = False


def install() -> None:
    """Send metrics of this process from now on; a second call adds nothing."""
    global _metrics  # noqa: PLW0603  # one a process, as `datadog.statsd` is
    with guard("datadog.metrics"):
        aiprov_runtime.ensure()
        if _metrics is not None or aiprov_runtime.status().manifest is None:
            return
        from aiprov_runtime import _capture
        from aiprov_runtime._settings import resolve

        metrics = Metrics(_statsd, limit=resolve({})[0].max_series, calls=getattr(aiprov_runtime, "calls", dict))
        _capture.hook(lambda error, found, _route: metrics.report(error, found), aiprov_runtime.explain)
        metrics.uses_traces = _uses_traces
        Flusher(metrics.flush, in_child=metrics.forget).start()
        _metrics = metrics


def is_installed() -> bool:
    """False where there is no use in telling of spans."""
    return _metrics is not None


def _statsd() -> Statsd:
    # Each time, as the application may put another in its place; and here, as `record` works without `datadog`.
    from datadog import statsd  # type: ignore[attr-defined]

    return cast("Statsd", statsd)


def use_traces() -> None:
    """Errors are those that end spans from now on, and no longer those that are logged."""
    global _uses_traces  # noqa: PLW0603  # may come before `install`
    _uses_traces = True
    if _metrics is not None:
        _metrics.uses_traces = True


def send_error_events() -> None:
    """Send an event for errors of AI-written code as well, from now on."""
    install()
    if _metrics is not None:
        _metrics.events.enabled = True


@guarded("datadog.record")
def record(spans: Sequence[Finished]) -> None:
    """Add a trace or a part of one, spans in the order they started; nothing while the metrics are not installed."""
    if _metrics is not None:
        _metrics.record(spans)
