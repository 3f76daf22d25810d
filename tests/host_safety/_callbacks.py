"""A host that uses every SDK there is, once without us and once with us under each fault, and prints what it sends."""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ["VENDORS_FOLDER"])
from _vendors import VENDORS  # the same file for every copy of this host

MAIN = Path(__file__)
say = print
FLAGS = set(os.environ["HOST_FLAGS"].split(","))
WITH_US = "with" in FLAGS
OURS = ("aiprov.", "code.function.name", "code.file.path", "code.line.number")
seen: dict[str, set[str]] = {}


def fails(value: int = 0) -> float:
    return 1 / value


def start_us() -> None:
    import aiprov_runtime.auto  # noqa: F401


class Raising:
    """Fails whatever it is asked."""

    manifest = "0" * 12

    def __init__(self, kind: type[BaseException]) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> object:
        raise self._kind(name)


class Hostile:
    """An index and a search for origins whose answers fail when they are used: by then the vendor's code has them."""

    def __init__(self, index: Any, kind: type[BaseException]) -> None:
        class Answer(Mapping[str, str]):
            def fail(self, *_: object) -> Any:
                raise kind("answer")

            __getitem__ = __iter__ = __len__ = __bool__ = __str__ = keys = items = fail

        self._index = index
        self.manifest = Answer()

    def find(self, _frame: object) -> object:
        return self.manifest

    def __getattr__(self, name: str) -> object:
        return getattr(self._index, name)


KINDS = (ValueError, MemoryError, RecursionError, KeyboardInterrupt)


class Unreadable(Hostile):
    """An index that fails where tracking asks it whose code has just started."""

    def __init__(self, index: Any, kind: type[BaseException]) -> None:
        super().__init__(index, kind)
        self._kind = kind

    def file(self, _name: str) -> object:
        raise self._kind("file")


class NoThreads(Raising):
    """All of `threading` that the flusher uses but the start of a thread."""

    Lock, current_thread = staticmethod(threading.Lock), staticmethod(threading.current_thread)


def break_flusher() -> None:
    """Of the metrics: its flush fails or never ends, or its thread does not start again after a fork."""
    from aiprov_datadog import _flusher, _metrics

    metrics = _metrics._metrics
    assert metrics is not None
    if "flush fails" in FLAGS:
        metrics._rates = Raising(MemoryError)  # type: ignore[assignment]
    if "flush hangs" in FLAGS:
        metrics._client = threading.Event().wait  # type: ignore[assignment]
    if "no threads" in FLAGS:
        _flusher.threading = NoThreads(RuntimeError)  # type: ignore[assignment]


def break_us() -> None:
    from aiprov_runtime import _runtime

    active = _runtime._active
    assert active is not None
    if FLAGS & {"flush fails", "flush hangs", "no threads"}:
        break_flusher()
    for kind in KINDS:
        if f"track {kind.__name__}" in FLAGS:
            assert active.tracker is not None
            active.tracker.start(Unreadable(active.lookups, kind))  # type: ignore[arg-type]
        if f"lookup {kind.__name__}" in FLAGS:
            _runtime._active = active._replace(lookups=Raising(kind), origins=Raising(kind))
        if f"answer {kind.__name__}" in FLAGS:
            hostile = Hostile(active.lookups, kind)
            _runtime._active = active._replace(lookups=hostile, origins=hostile)


def without_ours(value: Any, found: set[str]) -> Any:
    """Everything but our keys; a key of ours that the host itself has set stays, as whatever it says."""
    if isinstance(value, dict):
        kept = {}
        for key, one in value.items():
            if key == "aiprov" or (isinstance(key, str) and key.startswith(OURS) and one not in HOSTS):
                found.add(key)
            elif key not in VARYING:
                kept[key] = without_ours(one, found)
        return kept
    if isinstance(value, list | tuple):
        found |= {one for one in value if isinstance(one, str) and one.startswith(OURS)}
        return [without_ours(one, found) for one in value if not is_ours(one)]
    return value if isinstance(value, str | int | float | None) else type(value).__name__


def is_ours(item: object) -> bool:
    """A name of ours, or the one line that we log of a failure."""
    if isinstance(item, dict):
        return item.get("category") == "aiprov" or str(item.get("body")).startswith("aiprov: ")
    return isinstance(item, str) and item.startswith(OURS)


HOSTS = ("host", 1)
VARYING = {
    *("event_id", "timestamp", "start_timestamp", "trace_id", "span_id", "parent_span_id", "server_name", "sent_at"),
    *("start_time", "end_time", "observed_timestamp", "parent_id", "_dd.p.tid", "process_id", "runtime-id", "modules"),
    *("thread.id", "process.pid", "end_timestamp", "id", "_sampling_priority_v1", "_dd.agent_psr", "segment_id"),
    *("sentry.segment.id", "sentry.trace.parent_span_id", "sentry.observed_timestamp_nanos", "sample_rand"),
    *("_dd.top_level", "_dd.tracer_kr", "_dd.p.dm", "vars", "_meta"),
}


def step(name: str, call: Callable[[], None], told: Callable[[], object], tell: Callable[..., None]) -> None:
    """Run one step and say what the host saw of it; our own keys go to a file of their own."""
    outcome = "done"
    try:
        call()
    except BaseException as error:  # noqa: BLE001  # a host sees them all
        outcome = repr(error)
    found: set[str] = set()
    telemetry = without_ours(told(), found)
    seen.setdefault(name, set()).update(found)
    tell(name, outcome, json.dumps(telemetry, sort_keys=True, default=repr))


def steps(vendors: dict[str, Any], tell: Callable[..., None]) -> None:
    for name, vendor in vendors.items():
        for each in [key for key, value in vars(type(vendor)).items() if callable(value) and not key.startswith("_")]:
            if each != "told":
                step(f"{name}.{each}", getattr(vendor, each), vendor.told, tell)


def forks(vendors: dict[str, Any]) -> None:
    sys.stdout.flush()
    if os.fork() == 0:
        steps(vendors, say)
        sys.stdout.flush()
        os._exit(7)
    say("child", os.waitstatus_to_exitcode(os.wait()[1]))


def leaves_a_daemon(vendors: dict[str, Any]) -> None:
    """A thread that still uses everything while the interpreter is taken down."""

    def work() -> None:
        while True:
            steps(vendors, lambda *_: None)

    threading.Thread(target=work, daemon=True).start()


def at_exit(vendors: dict[str, Any]) -> None:
    steps(vendors, (lambda *_: None) if "shut down" in FLAGS else say)
    (MAIN.parent / "seen").write_text(json.dumps({name: sorted(found) for name, found in seen.items()}))
    if WITH_US:
        from aiprov_runtime import status

        threads = [thread.name for thread in threading.enumerate()]
        (MAIN.parent / "status").write_text(f"{status().reason}|{status().failures}|{status().plugins}|{threads}")


def main() -> None:
    for module in [flag.removeprefix("without ") for flag in FLAGS if flag.startswith("without ")]:
        sys.modules[module] = None  # type: ignore[assignment]
    vendors: dict[str, Any] = {}
    atexit.register(at_exit, vendors)
    if WITH_US and "late" not in FLAGS:
        start_us()
    for name, kind in VENDORS.items():
        try:
            vendors[name] = kind(fails, with_us=WITH_US)
        except ImportError:
            say(name, "is missing")
    if WITH_US:
        start_us()
        break_us()
    steps(vendors, say)
    if "shut down" in FLAGS:
        leaves_a_daemon(vendors)
    elif "no fork" not in FLAGS:
        forks(vendors)
    fails()


if __name__ == "__main__":
    main()
