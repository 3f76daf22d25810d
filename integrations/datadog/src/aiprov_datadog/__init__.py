"""Tags Datadog's spans, and counts calls and errors, by the origin of the code involved."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiprov_datadog._events import deployment_event
    from aiprov_datadog._filter import AiprovTraceFilter
    from aiprov_datadog._metrics import send_error_events
    from aiprov_datadog._spans import install

__all__ = ["AiprovTraceFilter", "deployment_event", "install", "send_error_events"]

_HOME = {
    "AiprovTraceFilter": "_filter",
    "deployment_event": "_events",
    "install": "_spans",
    "send_error_events": "_metrics",
}


def __getattr__(name: str) -> object:
    """Every name from the module that needs its vendor, imported when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value
