"""What one process has loaded: the settings, the index and the sink, behind the calls that hosts and plugins make."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType, FunctionType, MethodType
from typing import TYPE_CHECKING, NamedTuple

from aiprov_runtime import _guard
from aiprov_runtime._discover import NotFoundError, discover
from aiprov_runtime._explain import Explanation, Step, explain_exception, explain_frame
from aiprov_runtime._guard import guard, guarded, warn
from aiprov_runtime._index import Attribution, Index
from aiprov_runtime._manifest import MAX_BYTES, VERSION, ManifestError, read
from aiprov_runtime._origin import Attributes, Origins
from aiprov_runtime._paths import Paths
from aiprov_runtime._program import is_child_to_be_told, main_file
from aiprov_runtime._settings import Settings, resolve

if TYPE_CHECKING:
    from aiprov_runtime._sink import Sink
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

Identify = Callable[[], str | None]


class Runtime(NamedTuple):
    settings: Settings
    lookups: Index | None
    manifest: str | None
    """The manifest's path."""
    reason: str
    """Why nothing is attributed; empty when a manifest is loaded."""
    sink: Sink | None
    user: Identify | None
    trace: Identify | None
    origins: Origins | None = None
    pending: bool = False
    """The manifest is loaded at its first use, when a child of `multiprocessing` knows its program."""
    tracker: Tracker | None = None


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
        _active = _load(settings, user, trace, pending=settings.manifest is None and is_child_to_be_told())
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
            _active = _load(_active.settings, _active.user, _active.trace)
    return _active


def _load(settings: Settings, user: Identify | None, trace: Identify | None, *, pending: bool = False) -> Runtime:
    index, path, reason, sink = None, None, "AIPROV_DISABLED is set", None
    if not settings.disabled:
        try:
            if not pending:
                index, path = _load_index(settings)
            reason = ""
        except NotFoundError as error:
            reason = str(error)
            if settings.manifest is not None:
                warn("%s: nothing will be attributed", reason)
        except (ValueError, OSError) as error:  # ManifestError is a ValueError, as is an unfit generation
            reason = str(error)
            warn("%s: nothing will be attributed", reason)
        if settings.sink is not None:
            from aiprov_runtime._sink import Sink

            place = os.path.abspath(settings.sink)
            sink = Sink(place, settings.sink_bytes, settings.sink_files, settings.release, settings.environment)
    origins = None if index is None else Origins(index, settings.span_frames)
    return Runtime(settings, index, path, reason, sink, user, trace, origins, pending, _track(settings, index))


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


def _load_index(settings: Settings) -> tuple[Index, str]:
    found = discover(
        settings.manifest,
        main_file=main_file(),
        directory=_working_directory(),
    )
    with open(found.path, "rb") as stream:  # pathlib would be the runtime's dearest import
        document = read(stream.read(MAX_BYTES + 1), name=found.path)
    if document.version != VERSION:
        raise ManifestError(f"{found.path}: version {document.version} is newer than this runtime reads")
    paths = Paths(filter(found.covers, document.files), root=found.root, path_map=settings.path_map)
    return Index(document, paths), found.path


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # deleted below a running process
        return None


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
    count = _guard.failures[place]
    if _active is not None and _active.sink is not None and (count & (count - 1)) == 0:
        _active.sink.failure(place, error, count)


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


def explain(error: BaseException) -> Explanation | None:
    """Judge an exception and its whole chain; None while no manifest is loaded."""
    with guard("explain"):
        runtime = _current()
        if runtime is not None and runtime.lookups is not None:
            return explain_exception(runtime.lookups, error, executed=_executed(runtime, error))
    return None


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
    """Guarded by its caller. The id decides whether a healthy trace is kept, so that all services keep the same."""
    runtime = _active
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
        _report_calls()


def _chance(trace: str | None) -> float:
    """Evenly spread over [0, 1), the same for the same trace."""
    if trace is None:
        number = os.urandom(8)
    else:
        import hashlib

        number = hashlib.sha256(trace.encode("utf-8", "replace")).digest()[:8]
    return int.from_bytes(number, "big") / 2**64


def _report_calls() -> None:
    """Once a minute where traces end, and at the end of the process."""
    with guard("calls"):
        runtime = _active
        if runtime is not None and runtime.sink is not None and runtime.tracker is not None:
            manifest = runtime.lookups.manifest if runtime.lookups else None
            runtime.sink.calls(runtime.tracker.report(), manifest=manifest)


def capture(error: BaseException) -> None:
    """Write an error to the local sink, if there is one."""
    if _active is not None and _active.sink is not None:
        with guard("capture"):
            _write(error, explain(error), "capture")


def _write(error: BaseException, found: Explanation | None, route: str) -> None:
    """Guarded by its callers; `route` tells an error that is reported again on another way."""
    from aiprov_runtime import _capture

    runtime = _current()
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
