"""Tags OpenTelemetry's spans, exceptions, log records and resources with the origin of the code behind them."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiprov_opentelemetry._install import AiprovInstrumentor, install
    from aiprov_opentelemetry._logs import AiprovLogRecordProcessor
    from aiprov_opentelemetry._resource import AiprovResourceDetector
    from aiprov_opentelemetry._spans import AiprovSpanProcessor

__all__ = [
    "AiprovInstrumentor",
    "AiprovLogRecordProcessor",
    "AiprovResourceDetector",
    "AiprovSpanProcessor",
    "install",
]

_MODULES = {
    "AiprovInstrumentor": "_install",
    "AiprovLogRecordProcessor": "_logs",
    "AiprovResourceDetector": "_resource",
    "AiprovSpanProcessor": "_spans",
    "install": "_install",
}


def __getattr__(name: str) -> object:
    """Imported when it is asked for: who sends no logs shall not have to import the SDK's logs."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
