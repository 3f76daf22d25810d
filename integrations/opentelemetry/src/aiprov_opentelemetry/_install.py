"""Ways in: a call, our plugin's entry points, OpenTelemetry's own launcher and its configuration file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from aiprov_opentelemetry._judge import is_enabled
from aiprov_runtime import guard

_guard = guard("opentelemetry.install")
_replaced: set[type] = set()


def install(provider: object = None) -> None:
    """Annotate what this provider of tracers or loggers takes; without one, what the SDK's own ones take from now on.

    A provider that has us already is left as it is, as is one that takes no processors: ddtrace's, or none set yet.
    """
    with _guard:
        if not is_enabled():
            return
        if provider is not None:
            _add(provider)
        else:
            if "opentelemetry.sdk.trace" in sys.modules:
                install_traces()
            if "opentelemetry.sdk._logs" in sys.modules:
                install_logs()


def install_traces() -> None:
    """The plugin for `opentelemetry.sdk.trace`: exceptions on spans, every provider to come, and the one in force."""
    with _guard:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        from aiprov_opentelemetry import _errors

        _errors.install()
        # Not the method of a subclass, which need not be done with its own `__init__` yet.
        _follow(TracerProvider, partial(_add_to_tracers, add=TracerProvider.add_span_processor))
        _add_to_tracers(getattr(trace, "_TRACER_PROVIDER", None))


def install_logs() -> None:
    """The plugin for `opentelemetry.sdk._logs`."""
    with _guard:
        from opentelemetry._logs import _internal
        from opentelemetry.sdk._logs import LoggerProvider

        _follow(LoggerProvider, _add_to_loggers)
        _add_to_loggers(getattr(_internal, "_LOGGER_PROVIDER", None))


class AiprovInstrumentor:
    """`aiprov` among OpenTelemetry's instrumentors, for `opentelemetry-instrument` and `OTEL_CONFIG_FILE`."""

    is_instrumented_by_opentelemetry = False

    def instrument(self, **_: object) -> None:
        install()

    def uninstrument(self, **_: object) -> None:
        """Providers give no processor back; unset the manifest to stop it."""


def _follow(provider: type, add: Callable[[Any], None]) -> None:
    """Be the first processor of every provider of this class that is made from now on."""
    if provider in _replaced:
        return
    _replaced.add(provider)
    original = provider.__init__  # type: ignore[misc]

    @wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is one
        original(self, *args, **kwargs)
        with _guard:
            add(self)

    provider.__init__ = __init__  # type: ignore[misc]


def _add(provider: Any) -> None:
    if hasattr(provider, "add_span_processor"):
        _add_to_tracers(provider)
    if hasattr(provider, "add_log_record_processor"):
        _add_to_loggers(provider)


def _add_to_tracers(provider: Any, *, add: Callable[[Any, Any], None] | None = None) -> None:
    from aiprov_opentelemetry._spans import AiprovSpanProcessor

    every = getattr(provider, "_active_span_processor", None)
    if every is not None and not hasattr(every, "add_span_processor"):
        return  # one of the host's own, in the place of the SDK's list
    known = getattr(every, "_span_processors", ())
    add = add or getattr(type(provider), "add_span_processor", None)
    if add is not None and not any(isinstance(each, AiprovSpanProcessor) for each in known):
        add(provider, AiprovSpanProcessor())


def _add_to_loggers(provider: Any) -> None:
    """In front, where the SDK lets us: a processor that exports at once hands on what the record holds by then."""
    from aiprov_opentelemetry._logs import AiprovLogRecordProcessor

    every = getattr(provider, "_multi_log_record_processor", None)
    known = getattr(every, "_log_record_processors", None)
    if not hasattr(provider, "add_log_record_processor"):
        return
    if any(isinstance(each, AiprovLogRecordProcessor) for each in known or ()):
        return
    if every is not None and isinstance(known, tuple) and hasattr(every, "_lock"):
        with every._lock:  # noqa: SLF001
            every._log_record_processors = (AiprovLogRecordProcessor(), *every._log_record_processors)  # noqa: SLF001
    else:
        provider.add_log_record_processor(AiprovLogRecordProcessor())
