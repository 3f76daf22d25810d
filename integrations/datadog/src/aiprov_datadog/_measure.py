"""Finished spans, handed to the metrics in plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiprov_datadog import _judge, _metrics, _tags
from aiprov_runtime._once import Once

if TYPE_CHECKING:
    from ddtrace.trace import Span

_REPORTED = "aiprov.reported"
_AGAIN = "aiprov.again"
"""True on a span whose errors have all failed another one before."""
_once = Once()


def note(span: Span, error: BaseException) -> None:
    """A framework's handler has a span beside the one that failed, and the same error may leave both."""
    is_again = not _once.is_first(error)
    _tags.remember(span, _AGAIN, is_again and _tags.recall(span, _AGAIN) is not False)


def report(span: Span) -> None:
    """Tell the metrics of a span that an AI function started, or that failed; once."""
    if not _metrics.is_installed():
        return
    tags: _tags.Tags | None = _tags.recall(span, _tags.OURS)
    if (tags is None and not span.error) or _tags.recall(span, _REPORTED):
        return
    _tags.remember(span, _REPORTED, value=True)
    start: _tags.Tags | None = _tags.recall(span, _tags.START)
    is_own = tags is not None and tags.get("aiprov.relation") != _tags.SPAN_ORIGIN
    # What an entry span hears from below has been counted there, as what failed another span has.
    is_counted = _tags.recall(span, _judge.BELOW) is not None or _tags.recall(span, _AGAIN)
    suspect = tags if span.error and tags and is_own and not is_counted else {}
    finished = _metrics.Finished(
        id=span.span_id,
        parent=span.parent_id,
        seconds=span.duration or 0.0,
        started_by=None if start is None else _names(start),
        failed=bool(span.error),
        suspect=_names(suspect) if "aiprov.function" in suspect else None,
        function=_text(suspect, "aiprov.function"),
    )
    _metrics.record([finished])


def _names(tags: _tags.Tags) -> _metrics.Names:
    return _text(tags, "aiprov.model"), _text(tags, "aiprov.tool")


def _text(tags: _tags.Tags, name: str) -> str | None:
    value = tags.get(name)
    return value if isinstance(value, str) else None
