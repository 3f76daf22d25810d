"""Tags telemetry with the model and prompt hash of the code involved; `import aiprov_runtime.auto` starts it."""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from aiprov_runtime._explain import Explanation, Step
    from aiprov_runtime._guard import guard, guarded
    from aiprov_runtime._index import Attribution
    from aiprov_runtime._runtime import (
        Release,
        Status,
        begin_trace,
        calls,
        capture,
        ensure,
        executed,
        explain,
        explain_stack,
        init,
        lookup,
        release,
        span_origin,
        status,
    )
    from aiprov_runtime._tracking import Trace
    from aiprov_runtime.middleware import trace

__all__ = [
    "Attribution",
    "Explanation",
    "Release",
    "Status",
    "Step",
    "Trace",
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
    "trace",
]

__version__ = "0.1.0"

_HOMES = {"Trace": "_tracking", "trace": "middleware"}


def __getattr__(name: str) -> object:
    """Every name of `__all__`, imported when it is first asked for: an import alone should cost a host nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"aiprov_runtime.{_HOMES.get(name, '_runtime')}")
    value = globals()[name] = getattr(home, name)
    return value
