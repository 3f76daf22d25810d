"""Our tags on one span: a list has a tag for each place, and whatever the application set itself stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiprov_runtime import Explanation

if TYPE_CHECKING:
    from ddtrace.trace import Span

Tags = Mapping[str, str | int]
SPAN_ORIGIN = "span_origin"
OURS = "aiprov.tags"
"""Under this the span remembers what we set, to tell it from the application's own."""
START = "aiprov.start"
"""Under this, what was known when it started."""
_MAX_LIST = 32


def of_error(found: Explanation) -> dict[str, str | int]:
    """All that is known of a failing path."""
    tags: dict[str, str | int] = dict(found.tags())
    for name, value in found.context().items():
        if name in ("functions", "executed") and isinstance(value, list):
            tags |= listed(name, value)
        elif name.startswith("code.") and isinstance(value, str | int):
            tags[name] = value
    return tags


def of_origin(found: Explanation) -> dict[str, str | int]:
    """The same of a function that the span begins with, and that nothing is wrong with."""
    tags = {name: value for name, value in of_error(found).items() if not name.startswith("aiprov.functions.")}
    return tags | {"aiprov.relation": SPAN_ORIGIN}


def listed(name: str, values: list[str] | tuple[str, ...]) -> dict[str, str]:
    """A list as ddtrace itself carries one: `name.0`, `name.1` and so on."""
    return {f"aiprov.{name}.{place}": value for place, value in enumerate(values[:_MAX_LIST])}


def add(span: Span, tags: Tags) -> None:
    """Set each tag that the span has not got."""
    setter = getattr(span, "_set_default_attributes", None)
    if setter is not None:  # a tenth of the time, which counts where every span may have tags of ours
        setter(tags)
        return
    for name, value in tags.items():
        if get(span, name) is None:
            _set(span, name, value)


def begin(span: Span, tags: Tags) -> None:
    """Set what is known when the span starts."""
    add(span, tags)
    span._set_ctx_items({OURS: tags, START: tags})  # noqa: SLF001  # as `remember`, in one go


def replace(span: Span, tags: Tags) -> None:
    """Set these in place of what we set before."""
    before: Tags = recall(span, OURS) or {}
    for name, value in before.items():
        if get(span, name) == value:
            _remove(span, name)
    add(span, tags)
    remember(span, OURS, tags)


def add_executed(span: Span, functions: tuple[str, ...]) -> None:
    """What ran and is not on the path of the span's error, which may have told so already."""
    if get(span, "aiprov.executed.0") is None:
        on_path = set((recall(span, OURS) or {}).values()) if span.error else set()
        add(span, listed("executed", [name for name in functions if name not in on_path]))


def is_judged(span: Span) -> bool:
    """True where the tags speak of an error."""
    return get(span, "aiprov.origin") is not None and get(span, "aiprov.relation") != SPAN_ORIGIN


def get(span: Span, name: str) -> str | float | None:
    text: str | None = span.get_tag(name)
    return text if text is not None else span.get_metric(name)


def remember(span: Span, name: str, value: object) -> None:
    """Keep something with the span that does not go out; without it, what is ours counts as the application's."""
    if hasattr(span, "_set_ctx_item"):
        span._set_ctx_item(name, value)  # noqa: SLF001  # nothing public keeps an object with a span


def recall(span: Span, name: str) -> Any:
    return span._get_ctx_item(name) if hasattr(span, "_get_ctx_item") else None  # noqa: SLF001  # as above


def _set(span: Span, name: str, value: str | int) -> None:
    if isinstance(value, int):
        span.set_metric(name, value)
    else:
        span.set_tag(name, value)


def _remove(span: Any, name: str) -> None:
    if hasattr(span, "remove_tag"):
        span.remove_tag(name)
    else:
        for kept in (span._meta, span._metrics):  # noqa: SLF001  # before 4.0 there was no other way
            kept.pop(name, None)
