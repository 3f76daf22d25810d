"""The event processor: our tags and context on an error event."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from sentry_sdk.scope import add_global_event_processor, global_event_processors

import aiprov_runtime
from aiprov_runtime import Explanation, guard

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_CONTEXT = "aiprov"
_REPORTERS = ("aiprov_runtime", "aiprov_sentry", "logging", "sentry_sdk")


def install() -> None:
    """Judge every error event of this process from now on, whichever client sends it; a second call adds nothing.

    A global event processor outlives every `sentry_sdk.init` and leaves `before_send` to its owner.
    """
    with guard("sentry.install"):  # `sentry_sdk.init` would pass on whatever is raised here
        aiprov_runtime.ensure()
        if annotate not in global_event_processors:
            add_global_event_processor(annotate)


def annotate(event: Event, hint: Hint) -> Event:
    """Add our tags and context to an error event; those that are there already stay as they are."""
    with guard("sentry.event"):
        explanation = _explain(event, hint)
        if explanation is not None:
            _add(cast("dict[str, Any]", event), explanation)
    return event


def _explain(event: Event, hint: Hint) -> Explanation | None:
    """None for transactions and the like, and for what happened on a stack that is not ours to see."""
    if event.get("type"):
        return None
    error = (hint.get("exc_info") or (None, None))[1]
    if error is not None and not _is_unraised(error):
        return aiprov_runtime.explain(error)
    if error is None and ("exception" in event or "stacktrace" in event):
        return None  # made by hand, or passed on from another process
    record = hint.get("log_record")
    if record is not None and record.thread not in (None, threading.get_ident()):
        return None  # a queue brought it here from the thread that logged it
    return aiprov_runtime.explain_stack(sys._getframe(1), skip=_REPORTERS)  # noqa: SLF001  # as `logging` does


def _is_unraised(error: BaseException) -> bool:
    """True where no traceback tells more than the stack that reports it."""
    hints = (error.__traceback__, error.__cause__, error.__context__)
    return all(hint is None for hint in hints) and not isinstance(error, BaseExceptionGroup)


def _add(event: dict[str, Any], explanation: Explanation) -> None:
    """Fresh containers in place of the event's: the host may send the same ones again."""
    tags, found = explanation.tags(), event.get("tags")
    if isinstance(found, dict | None):
        event["tags"] = {**(found or {}), **{k: v for k, v in tags.items() if k not in (found or {})}}
    elif isinstance(found, list):  # pairs, as the protocol allows too
        taken = [pair[0] for pair in found if isinstance(pair, list | tuple) and pair]
        event["tags"] = found + [[k, v] for k, v in tags.items() if k not in taken]
    contexts = event.get("contexts")
    if isinstance(contexts, dict | None):
        event["contexts"] = {_CONTEXT: explanation.context(), **(contexts or {})}
