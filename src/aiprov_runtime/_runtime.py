"""What one process has loaded: the settings, the index and the sink, behind the calls that hosts and plugins make."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import CodeType, FrameType, FunctionType, MethodType
from typing import TYPE_CHECKING, NamedTuple

from aiprov_runtime import _guard
from aiprov_runtime._explain import Explanation, Step, explain_exception, explain_frame
from aiprov_runtime._guard import guard, guarded, warn
from aiprov_runtime._index import Attribution, Index
from aiprov_runtime._loading import Identify, Runtime, load
from aiprov_runtime._origin import Attributes
from aiprov_runtime._program import is_child_to_be_told
from aiprov_runtime._settings import Settings, resolve

if TYPE_CHECKING:
    from aiprov_runtime._tracking import Bag, Trace, Tracker

__all__ = [
    "Attribution",
    "Explanation",
    "Release",
    "Status",
    "Step",
    "begin_trace",
    "calls",
    "capture",
    "ensure",
    "executed",
    "explain",
    "explain_stack",
    "guard",
    "guarded",
    "init",
    "lookup",
    "release",
    "span_origin",
    "status",
]


class Release(NamedTuple):
    """What the loaded manifest says of the whole release."""

    manifest: str
    functions: int
    """How many functions are `ai` or `mixed`."""
    models: tuple[str, ...]


class Status(NamedTuple):
    """The state of this process, for a health page or `aiprov doctor`."""

    manifest: str | None
    digest: str | None
    reason: str
    plugins: dict[str, str]
    failures: dict[str, int]
    tracking: str = ""
    """`on`, or why it is not known which functions ran."""


_active: Runtime | None = None
_tracker: Tracker | None = None
_capturing = False


def init(  # noqa: PLR0913  # the settings, by name
    *,
    manifest: str | os.PathLike[str] | None = None,
    path_map: str | None = None,
    sink: str | os.PathLike[str] | None = None,
    release: str | None = None,
    environment: str | None = None,
    logs: bool | None = None,
    track: bool | None = None,
    track_sample: float | None = None,
    user: Identify | None = None,
    trace: Identify | None = None,
) -> None:
    """Load the manifest and hook what is installed; a problem is logged, never raised.

    `user` and `trace` are asked at each error for who was served and in which trace; the local sink keeps a hash of
    the user. A second call replaces the first one's settings and hooks nothing twice.
    """
    global _active  # noqa: PLW0603  # one runtime a process, as for every agent
    arguments = {
        "manifest": manifest,
        "path_map": path_map,
        "sink": sink,
        "release": release,
        "environment": environment,
        "logs": logs,
        "track": track,
        "track_sample": track_sample,
    }
    with guard("init"):
        settings, problems = resolve(arguments)
        for problem in problems:
            warn("%s", problem)
        is_early = settings.manifest is None and is_child_to_be_told()
        _active = load(settings, user, trace, track=_track, pending=is_early)
        if not settings.disabled:
            _hook(_active)


def ensure() -> None:
    """Load with the defaults unless somebody has loaded already."""
    if _active is None:
        init()


def _current() -> Runtime | None:
    """The runtime in force, its manifest loaded."""
    global _active  # noqa: PLW0603  # as above
    if _active is not None and _active.pending:
        with guard("init"):
            _active = _active._replace(pending=False)
            _active = load(_active.settings, _active.user, _active.trace, track=_track)
    return _active


def _track(settings: Settings, index: Index | None) -> Tracker | None:
    """The process's one tracker, started for this index or stopped; None where nobody asked for it."""
    global _tracker  # noqa: PLW0603  # the interpreter's monitoring is global as well
    with guard("track"):
        if not settings.track or settings.disabled:
            if _tracker is not None:
                _tracker.stop("switched off")
            return None
        from aiprov_runtime._tracking import Tracker

        if _tracker is None:
            import atexit

            _tracker = Tracker()
            atexit.register(_tracker.stop, "the interpreter ends")  # it would run into globals that are gone
            atexit.register(_report_calls)
        if index is None:
            _tracker.stop("no manifest is loaded")
        else:
            _tracker.start(index)
            if _tracker.reason:
                warn("which functions ran is not tracked: %s", _tracker.reason)
    return _tracker


def _report_calls() -> None:
    from aiprov_runtime import _reports

    _reports.report_calls(_active)


def _hook(runtime: Runtime) -> None:
    global _capturing  # noqa: PLW0603  # the interpreter's hooks are global as well
    if runtime.sink is not None:
        _guard.on_error = _note_failure
        if not _capturing:
            from aiprov_runtime import _capture

            _capturing = True
            _capture.hook(_write, explain)
    if runtime.settings.logs:
        from aiprov_runtime import logs

        logs.install_record_factory()
    from aiprov_runtime import _plugins

    _plugins.hook_installed()


def _note_failure(place: str, error: Exception) -> None:
    from aiprov_runtime import _reports

    _reports.note_failure(_active, place, error)


def lookup(target: CodeType | FrameType | FunctionType | MethodType) -> Attribution | None:
    """The recorded origin of a function, frame or code object; None where nothing is recorded."""
    with guard("lookup"):
        code = target if isinstance(target, CodeType) else _code_of(target)
        runtime = _current()
        if runtime is not None and runtime.lookups is not None and code is not None:
            return runtime.lookups.lookup_verified(code)
    return None


def _code_of(target: object) -> CodeType | None:
    code = getattr(target, "f_code", None) or getattr(target, "__code__", None)
    return code if isinstance(code, CodeType) else None


def explain(error: BaseException, *, stack: FrameType | None = None, skip: tuple[str, ...] = ()) -> Explanation | None:
    """Judge an exception and its whole chain; None while no manifest is loaded.

    One that was never raised has no traceback: it is judged by the `stack` that reports it, where that is given.
    """
    if stack is not None and _is_unraised(error):
        return explain_stack(stack, skip=skip)
    with guard("explain"):
        runtime = _current()
        if runtime is not None and runtime.lookups is not None:
            return explain_exception(runtime.lookups, error, executed=_executed(runtime, error))
    return None


def _is_unraised(error: BaseException) -> bool:
    hints = (error.__traceback__, error.__cause__, error.__context__)
    return all(hint is None for hint in hints) and not isinstance(error, BaseExceptionGroup)


def explain_stack(frame: FrameType | None, *, skip: tuple[str, ...] = ()) -> Explanation | None:
    """Judge a live stack from `frame` outward, without the modules below the packages in `skip`."""
    with guard("explain"):
        runtime = _current()
        if runtime is not None and runtime.lookups is not None:
            prefixes = tuple(f"{name}." for name in skip)
            return explain_frame(
                runtime.lookups,
                frame,
                skip=lambda name: name in skip or name.startswith(prefixes),
                executed=_executed(runtime),
            )
    return None


@guarded("span")
def span_origin(frame: FrameType | None) -> Attributes | None:
    """The attributes of the AI function nearest to `frame`, which starts a span; None where none is near.

    For every span, so it walks `AIPROV_SPAN_FRAMES` frames at most. The mapping is shared: copy it to change it.
    """
    runtime = _active
    if runtime is None or runtime.origins is None:
        runtime = _current()
        if runtime is None or runtime.origins is None:
            return None
    return runtime.origins.find(frame)


def release() -> Release | None:
    """What the manifest says of the whole release; None while none is loaded. Reads all of it: for start-up."""
    with guard("release"):
        runtime = _current()
        if runtime is not None and runtime.lookups is not None:
            return Release(runtime.lookups.manifest, *runtime.lookups.totals())
    return None


@guarded("trace")
def begin_trace(trace: str | None = None) -> Trace | None:
    """Note from here on which AI functions run in this context; None while they are not tracked.

    A trace begun within one of the same id, or of none, is that same one: two tools may both mark its beginning.
    """
    runtime = _current()
    if runtime is None or runtime.tracker is None or runtime.tracker.tool is None:
        return None
    from aiprov_runtime._tracking import begin

    return begin(trace, _finish_trace)


def executed() -> tuple[str, ...]:
    """The AI functions that ran in this context's open trace, the first that ran first; () where there is none."""
    return _executed(_active)


def _executed(runtime: Runtime | None, error: BaseException | None = None) -> tuple[str, ...]:
    if runtime is None or runtime.tracker is None:
        return ()
    from aiprov_runtime import _tracking

    return _tracking.executed(error)


def calls() -> Mapping[tuple[str, str], int]:
    """Calls of tracked functions in this process by model and tool, "" where unknown."""
    with guard("calls"):
        if _active is not None and _active.tracker is not None:
            return _active.tracker.calls()
    return {}


def _finish_trace(bag: Bag, functions: tuple[str, ...], failed: bool) -> None:  # noqa: FBT001  # one line of the sink
    """Guarded by its caller."""
    from aiprov_runtime import _reports

    _reports.write_trace(_active, bag, functions, failed=failed)


def capture(error: BaseException) -> None:
    """Write an error to the local sink, if there is one."""
    if _active is not None and _active.sink is not None:
        with guard("capture"):
            _write(error, explain(error), "capture")


def _write(error: BaseException, found: Explanation | None, route: str) -> None:
    """Guarded by its callers; `route` tells an error that is reported again on another way."""
    from aiprov_runtime import _reports

    _reports.write_error(_current(), error, found, route)


def status() -> Status:
    """What is loaded, what is hooked and what has failed in this process."""
    plugins = sys.modules.get("aiprov_runtime._plugins")
    runtime = _current()
    return Status(
        manifest=runtime.manifest if runtime else None,
        digest=runtime.lookups.manifest if runtime and runtime.lookups else None,
        reason=runtime.reason if runtime else "init() has not been called",
        plugins=dict(plugins.hooked) if plugins else {},
        failures=dict(_guard.failures),
        tracking=_tracking_state(runtime),
    )


def _tracking_state(runtime: Runtime | None) -> str:
    if runtime is None or runtime.tracker is None:
        return "off: not asked for"
    tracker = runtime.tracker
    return f"on, as sys.monitoring's tool {tracker.tool}" if tracker.tool is not None else f"off: {tracker.reason}"
