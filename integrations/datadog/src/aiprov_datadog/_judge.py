"""What a finished span is told: from its own tags, where nobody saw the exception or the function itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiprov_datadog import _tags
from aiprov_runtime import Explanation
from aiprov_runtime._printed import explain_definition, explain_printed

if TYPE_CHECKING:
    from ddtrace.trace import Span

_JUDGED = "aiprov.judged"
BELOW = "aiprov.below"
"""On an entry span without an exception of its own: the tags of the one that failed below it."""
_CODE_ORIGIN_FILE, _CODE_ORIGIN_LINE = "_dd.code_origin.frames.0.file", "_dd.code_origin.frames.0.line"


def judge_error(span: Span, found: Explanation) -> None:
    """An error that no AI function is on the path of leaves the one that the span started under."""
    start: _tags.Tags | None = _tags.recall(span, _tags.START)
    if found.suspect is None and start is not None:
        _tags.replace(span, start)
        _tags.add_executed(span, found.executed)
    else:
        _tags.replace(span, _tags.of_error(found))
    _tags.remember(span, _JUDGED, value=True)
    _tags.remember(span, BELOW, None)


def settle(span: Span) -> None:
    """Tell a span that is about to leave what its tags still allow to tell."""
    if not span.error:
        _settle_origin(span)
        return
    if not _tags.recall(span, _JUDGED):
        stack = span.get_tag("error.stack")
        found = explain_printed(stack) if stack else None
        if found is not None:
            judge_error(span, found)
        elif (below := _tags.recall(span, BELOW)) is not None:
            _tags.replace(span, below)
    _note_on_entry(span)


def _settle_origin(span: Span) -> None:
    file = span.get_tag(_CODE_ORIGIN_FILE)
    if file is not None and _tags.get(span, "aiprov.function") is None:
        line = span.get_tag(_CODE_ORIGIN_LINE) or ""
        found = explain_definition(file, int(line)) if line.isdecimal() and line.isascii() else None
        if found is not None and found.suspect is not None:
            _tags.replace(span, _tags.of_origin(found))


def _note_on_entry(span: Span) -> None:
    """For the service's entry span, where that fails without a traceback of its own: a framework handled the error."""
    tags = _tags.recall(span, _tags.OURS)
    entry = span
    while (parent := entry._parent) is not None and parent.service == entry.service:  # noqa: SLF001
        entry = parent
    if entry is not span and tags is not None and _tags.is_judged(span):
        _tags.remember(entry, BELOW, tags)
