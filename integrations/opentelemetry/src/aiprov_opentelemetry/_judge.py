"""Whether to judge at all; and what: an exception by its traceback, or the stack that reports one never raised."""

from __future__ import annotations

import sys

import aiprov_runtime
from aiprov_runtime import Explanation, _runtime

_REPORTERS = ("aiprov_opentelemetry", "aiprov_runtime", "contextlib", "logging", "opentelemetry", "sentry_sdk")


def is_enabled() -> bool:
    """Loads with the defaults unless somebody has loaded already."""
    aiprov_runtime.ensure()
    active = _runtime._active  # noqa: SLF001  # `init` may put another in its place at any time
    return active is not None and not active.settings.disabled


def judge(error: BaseException) -> Explanation | None:
    """None while no manifest is loaded."""
    return aiprov_runtime.explain(error, stack=sys._getframe(1), skip=_REPORTERS)  # noqa: SLF001  # as `logging` does
