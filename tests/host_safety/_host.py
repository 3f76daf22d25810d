"""A host application, run once without us and once with us under each fault; its last act is to fail."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import warnings
from pathlib import Path

MAIN = Path(__file__)
FLAGS = set(sys.argv[1].split(","))
say = print
WITH_US = "with" in FLAGS


def fails(value: int = 0) -> float:
    return 1 / value


def prepare() -> None:
    """Bring the fault about; all of these are real conditions of a process."""
    if "no yaml" in FLAGS:
        sys.modules["yaml"] = None  # type: ignore[assignment]
    if "no directory" in FLAGS:
        Path("gone").mkdir()
        os.chdir("gone")
        Path("../gone").rmdir()
    if "full log" in FLAGS:
        handler = logging.Handler()
        handler.emit = lambda _: 1 / 0  # type: ignore[method-assign,assignment]
        logging.getLogger("aiprov").addHandler(handler)


def start_us() -> None:
    import aiprov_runtime.auto
    from aiprov_runtime import _runtime

    aiprov_runtime.init()
    for name, kind in (("ValueError", ValueError), ("MemoryError", MemoryError), ("RecursionError", RecursionError)):
        if f"lookup {name}" in FLAGS and _runtime._active is not None:
            _runtime._active = _runtime._active._replace(lookups=Raising(kind))


class Raising:
    """An index that fails whatever it is asked."""

    manifest = "0" * 12

    def __init__(self, kind: type[Exception]) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> object:
        raise self._kind(name)


def call_us() -> None:
    """What a host may call itself: nothing of it raises."""
    import aiprov_runtime

    try:
        fails()
    except ZeroDivisionError as error:
        aiprov_runtime.capture(error)
        for found in (aiprov_runtime.explain(error), aiprov_runtime.explain_stack(sys._getframe())):
            if found is not None:
                found.tags()
                found.context()
    for target in (fails, fails.__code__, sys._getframe(), None, 5, print, type):
        aiprov_runtime.lookup(target)  # type: ignore[arg-type]
    aiprov_runtime.ensure()
    status = aiprov_runtime.status()
    (MAIN.parent / "status").write_text(f"{status.reason}|{status.failures}|{status.plugins}")


def logs() -> None:
    log = logging.getLogger("host")
    log.addHandler(logging.StreamHandler(sys.stdout))
    try:
        fails()
    except ZeroDivisionError as error:
        log.exception("division of %s", "host")
        log.critical("again", exc_info=error, extra={"key": 1})
        log.warning("known", exc_info=error)


def uses_sentry() -> None:
    if "sentry" not in FLAGS:
        return
    import sentry_sdk

    events: list[dict] = []

    def before_send(event, _hint):
        events.append(event)

    sentry_sdk.init("http://key@127.0.0.1:9/1", before_send=before_send, default_integrations=False)
    sentry_sdk.set_tag("host", "tag")
    try:
        fails()
    except ZeroDivisionError as error:
        answer = sentry_sdk.capture_exception(error)
    sentry_sdk.capture_message("hello")
    for event in events:
        event["tags"] = {k: v for k, v in event.get("tags", {}).items() if not k.startswith("aiprov.")}
        event.get("contexts", {}).pop("aiprov", None)
        kept = {k: v for k, v in event.items() if k not in {"event_id", "timestamp", "contexts", "server_name"}}
        say("sentry", answer, sorted(kept.items(), key=str), sorted(event.get("contexts", {})))


def runs_threads_and_tasks() -> None:
    thread = threading.Thread(target=fails, name="worker")
    thread.start()
    thread.join()

    async def task() -> None:
        lost = asyncio.ensure_future(asyncio.to_thread(fails))
        await asyncio.wait([lost])
        del lost

    asyncio.run(task())
    gc.collect()


def forks() -> None:
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            logs()
            sys.stdout.flush()
        finally:
            os._exit(7)
    say("child", os.waitstatus_to_exitcode(os.wait()[1]))


def recurses(depth: int = 0) -> int:
    """Report an error from as deep as the interpreter allows, where there is hardly room for a call."""
    try:
        return recurses(depth + 1)
    except RecursionError:
        log = logging.getLogger("quiet")
        log.addHandler(logging.NullHandler())
        log.propagate = False
        log.exception("deep")
        return depth


def leaves_a_daemon() -> None:
    """A thread that still reports while the interpreter is taken down."""
    log = logging.getLogger("daemon")
    log.addHandler(logging.NullHandler())
    log.propagate = False

    def work() -> None:
        while True:
            try:
                fails()
            except ZeroDivisionError:
                log.exception("x")

    threading.Thread(target=work, daemon=True).start()


def main() -> None:
    prepare()
    before = (len(warnings.filters), sys.getrecursionlimit(), threading.active_count(), sys.path[:], os.environ.copy())
    if WITH_US:
        start_us()
        call_us()
    after = (len(warnings.filters), sys.getrecursionlimit(), threading.active_count(), sys.path[:], os.environ.copy())
    say("unchanged", before[1:] == after[1:], fails(2))
    logs()
    uses_sentry()
    runs_threads_and_tasks()
    say("deep", recurses() > 100)
    forks()
    leaves_a_daemon()
    if "exit" in FLAGS:
        sys.exit(3)
    if "interrupt" in FLAGS:
        raise KeyboardInterrupt
    fails()


if __name__ == "__main__":
    main()
