"""Our tags and context on error events, the manifest on everything else; and `install`, which hooks it all in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sentry_sdk.scope import Scope, add_global_event_processor, global_event_processors

import aiprov_runtime
from aiprov_runtime import Explanation, guard
from aiprov_sentry import _logs, _spans, _traces
from aiprov_sentry._judge import judge

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_MANIFEST, _CONTEXT = "aiprov.manifest", "aiprov"
_ERRORS = ("error", "fatal")
_guard = guard("sentry.event")
_described: set[str] = set()
"""What we have put on the global scope, to tell it from a value of the user's."""


def install() -> None:
    """Annotate whatever any client of this process sends from now on; a second call adds nothing.

    Global event processors, the global scope and the SDK's classes outlive every `sentry_sdk.init`, and leave
    `before_send` and its like to their owner.
    """
    with guard("sentry.install"):  # `sentry_sdk.init` would pass on whatever is raised here
        aiprov_runtime.ensure()
        if annotate not in global_event_processors:
            add_global_event_processor(annotate)
        _describe_release()
        _spans.install()
        _traces.install()
        _logs.install()


def _describe_release() -> None:
    """The manifest as an attribute of the global scope, whence it gets to streamed spans, logs and metrics."""
    scope, digest = Scope.get_global_scope(), aiprov_runtime.status().digest
    attributes = getattr(scope, "_attributes", None)
    if attributes is None or attributes.get(_MANIFEST) not in [None, *_described]:
        return  # an SDK without attributes, or the user's own value
    if digest:
        _described.add(digest)
        scope.set_attribute(_MANIFEST, digest)
    elif _MANIFEST in attributes:
        scope.remove_attribute(_MANIFEST)


def annotate(event: Event, hint: Hint) -> Event:
    """Add our tags and context to an error event or transaction; those that are there already stay as they are."""
    with _guard:
        fields = cast("dict[str, Any]", event)
        kind = fields.get("type")
        if kind == "transaction":
            _add_release(fields)
            _add_executed(fields)
        elif not kind:
            explanation = _explain(fields, hint)
            if explanation is not None:
                _add_tags(fields, explanation.tags())
                _add_context(fields, explanation.context())
            if fields.get("level", "error") in _ERRORS:
                _traces.note_error()
    return event


def _explain(event: dict[str, Any], hint: Hint) -> Explanation | None:
    error = (hint.get("exc_info") or (None, None))[1]
    if error is None and ("exception" in event or "stacktrace" in event):
        return None  # made by hand, or passed on from another process
    return judge(error, hint.get("log_record"))


def _add_release(event: dict[str, Any]) -> None:
    digest = aiprov_runtime.status().digest
    if digest:
        _add_tags(event, {_MANIFEST: digest})


def _add_tags(event: dict[str, Any], tags: Mapping[str, str]) -> None:
    """Fresh containers in place of the event's, here and below: the host may send the same ones again."""
    found = event.get("tags")
    if isinstance(found, dict | None):
        event["tags"] = {**tags, **(found or {})}
    elif isinstance(found, list):  # pairs, as the protocol allows too
        taken = [pair[0] for pair in found if isinstance(pair, list | tuple) and pair]
        event["tags"] = found + [[k, v] for k, v in tags.items() if k not in taken]


def _add_context(event: dict[str, Any], context: Mapping[str, object]) -> None:
    contexts = event.get("contexts")
    if isinstance(contexts, dict | None):
        event["contexts"] = {_CONTEXT: context, **(contexts or {})}


def _add_executed(event: dict[str, Any]) -> None:
    contexts = event.get("contexts")
    if not isinstance(contexts, dict) or not isinstance(contexts.get("trace"), dict):
        return
    trace: dict[str, Any] = contexts["trace"]
    functions = _traces.executed(trace.get("span_id"))
    if functions:
        data = {_traces.EXECUTED: functions, **(trace.get("data") or {})}
        event["contexts"] = {**contexts, "trace": {**trace, "data": data}}
