"""On `Span.record_exception`: what is known of the exception, on its event and on the span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from types import FunctionType
from typing import Any

from opentelemetry.sdk.trace import Span

from aiprov_opentelemetry import _attributes
from aiprov_opentelemetry._judge import judge
from aiprov_runtime import guard

Record = Callable[..., None]

_SDKS_OWN = 4
"""Attributes that the SDK itself gives to an exception's event."""
_guard = guard("opentelemetry.exception")
_replaced: set[type] = set()


def install() -> None:
    """Once; the SDK has no other place where a span's exception is still an exception.

    Whoever has replaced the method before us, or does so after us, is called as well: we call what was there.
    """
    original = Span.__dict__.get("record_exception")
    if Span in _replaced or not isinstance(original, FunctionType):
        return
    if list(signature(original).parameters)[1:2] == ["exception"]:
        _replaced.add(Span)
        Span.record_exception = _recording(original)  # type: ignore[method-assign]


def _recording(original: Record) -> Record:
    @wraps(original)
    def record_exception(self: Span, *args: Any, **kwargs: Any) -> None:
        with _guard:
            args, kwargs = _annotate(self, args, kwargs)
        original(self, *args, **kwargs)

    return record_exception


def _annotate(span: Span, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with our attributes, as far as the event has room for them; the user's win."""
    error = args[0] if args else kwargs.get("exception")
    given = args[1] if len(args) > 1 else kwargs.get("attributes")
    found = judge(error) if isinstance(error, BaseException) and span.is_recording() else None
    if found is None or not isinstance(given, Mapping | None):
        return args, kwargs
    values = _attributes.of_error(found)
    if found.suspect is not None or not _attributes.ours(span):
        _attributes.put(span, values, replace=True)
    elif "aiprov.executed" in values:
        _attributes.put(span, {"aiprov.executed": values["aiprov.executed"]})
    merged = {**_attributes.without(given or {}, values), **(given or {})}
    limit = span._limits.max_event_attributes  # noqa: SLF001  # an event that is full drops its oldest: the SDK's own
    if limit is not None and _SDKS_OWN + len(merged) > limit:
        return args, kwargs
    if len(args) > 1:
        return (args[0], merged, *args[2:]), kwargs
    return args, {**kwargs, "attributes": merged}
