"""What goes to the local sink: errors, traces, calls, and our own failures."""

from __future__ import annotations

import os
from types import CodeType
from typing import TYPE_CHECKING

from aiprov_runtime._explain import Explanation
from aiprov_runtime._guard import failures, guard
from aiprov_runtime._loading import Identify, Runtime
from aiprov_runtime._paths import Paths

if TYPE_CHECKING:
    from aiprov_runtime._tracking import Bag


def write_error(runtime: Runtime | None, error: BaseException, found: Explanation | None, route: str) -> None:
    """Guarded by its callers; `route` tells an error that is reported again on another way."""
    from aiprov_runtime import _capture

    if runtime is not None and runtime.sink is not None and not _capture.is_repeated(error, route):
        user, trace = _ask(runtime.user), _ask(runtime.trace)
        import hashlib

        hashed = hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:16] if user else None
        is_application = runtime.lookups.is_application if runtime.lookups else _is_no_library
        if runtime.tracker is not None:
            trace = _note_trace(error, trace, hashed)
        runtime.sink.event(
            error,
            found,
            is_application,
            user=hashed,
            trace=trace[:64] if trace else None,
            is_tracking=runtime.tracker is not None and runtime.tracker.tool is not None,
        )


def _note_trace(error: BaseException, trace: str | None, user: str | None) -> str | None:
    """The error's trace and the open one are one and the same; what either knows, both do."""
    from aiprov_runtime._tracking import bag_of

    bag = bag_of(error)
    if bag is None:
        return trace
    bag.trace, bag.user = bag.trace or trace, user or bag.user
    return trace or bag.trace


def _ask(identify: Identify | None) -> str | None:
    """What the host says, None where its function fails: it may be called outside a request."""
    answer = None
    if identify is not None:
        with guard("identify"):
            answer = identify()
    return str(answer) if answer is not None else None


def _is_no_library(code: CodeType) -> bool:
    return Paths((), root=None).is_application(code.co_filename)


def write_trace(runtime: Runtime | None, bag: Bag, functions: tuple[str, ...], *, failed: bool) -> None:
    """Guarded by its caller. The id decides whether a healthy trace is kept, so that all services keep the same."""
    if runtime is None or runtime.sink is None or runtime.tracker is None:
        return
    share = 1.0 if failed else runtime.settings.track_sample
    if _chance(bag.trace) < share:
        runtime.sink.trace(
            functions,
            failed=failed,
            weight=1 / share,
            manifest=runtime.lookups.manifest if runtime.lookups else None,
            trace=bag.trace[:64] if bag.trace else None,
            user=bag.user,
        )
    if runtime.tracker.is_report_due():
        report_calls(runtime)


def _chance(trace: str | None) -> float:
    """Evenly spread over [0, 1), the same for the same trace."""
    if trace is None:
        number = os.urandom(8)
    else:
        import hashlib

        number = hashlib.sha256(trace.encode("utf-8", "replace")).digest()[:8]
    return int.from_bytes(number, "big") / 2**64


def report_calls(runtime: Runtime | None) -> None:
    """Once a minute where traces end, and at the end of the process."""
    with guard("calls"):
        if runtime is not None and runtime.sink is not None and runtime.tracker is not None:
            manifest = runtime.lookups.manifest if runtime.lookups else None
            runtime.sink.calls(runtime.tracker.report(), manifest=manifest)


def note_failure(runtime: Runtime | None, place: str, error: Exception) -> None:
    """The first, second, fourth and so on of one place."""
    count = failures[place]
    if runtime is not None and runtime.sink is not None and (count & (count - 1)) == 0:
        runtime.sink.failure(place, error, count)
