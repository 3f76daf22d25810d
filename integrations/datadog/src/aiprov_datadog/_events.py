"""Datadog events: a deployment, through the HTTP API; errors of AI-written code, if asked for, through the Agent."""

from __future__ import annotations

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import aiprov_runtime
from aiprov_runtime import Release, guard
from aiprov_runtime._guard import warn
from aiprov_runtime._settings import resolve

_EVERY = 300.0
_AT_ONCE = 10
_MAX_PENDING = 1000
_MAX_TAGS = 50
_MAX_TITLE, _MAX_BODY = 100, 4000
_MAX_NAME = 100
_MAX_LINE = 300
_CREDENTIALS = re.compile(r"//[^\s/]*@")


class _Failure(NamedTuple):
    function: str
    model: str
    tool: str


class ErrorEvents:
    """At most one event a function in five minutes, and ten functions a flush."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = False
        self._clock = clock
        self._sent: dict[str, float] = {}
        self.forget()

    def forget(self) -> None:
        self._pending: deque[_Failure] = deque(maxlen=_MAX_PENDING)

    def note(self, function: str | None, model: str | None, tool: str | None) -> None:
        if self.enabled and function:
            self._pending.append(_Failure(function, model or "unknown", tool or "unknown"))

    def send(self, client: Any) -> None:
        """Hand the due ones to the client, which asks the Agent to pass them on and waits for nothing."""
        failures = [self._pending.popleft() for _ in range(len(self._pending))]
        now = self._clock()
        self._sent = {function: at for function, at in self._sent.items() if now - at < _EVERY}
        due = {failure.function: failure for failure in failures if failure.function not in self._sent}
        # `event` of the client is the one call that does not look at DD_DOGSTATSD_DISABLE.
        if not getattr(client, "_enabled", True):
            return
        for failure in list(due.values())[:_AT_ONCE]:
            self._sent[failure.function] = now
            count = sum(other.function == failure.function for other in failures)
            client.event(
                f"Error in AI-written code: {failure.function[-_MAX_TITLE:]}",
                f"{count} in the last seconds; the next event of this function comes in five minutes at the earliest.",
                alert_type="error",
                aggregation_key=_key("error", failure.function),
                tags=[f"model:{failure.model[:_MAX_NAME]}", f"tool:{failure.tool[:_MAX_NAME]}"],
            )


def deployment_event(
    deployed: Release | None = None, *, release: str | None = None, environment: str | None = None
) -> bool:
    """Tell Datadog that this manifest goes live; False, and one line in the log, where that failed.

    A request over HTTP that may take the client's 60 seconds: for a deployment, not for a request of the service's.
    Events of one manifest, release and environment are shown as one. What is not given is asked of the runtime.
    """
    reason = "it failed unexpectedly"
    with guard("datadog.deployment"):
        aiprov_runtime.ensure()
        deployed = deployed or aiprov_runtime.release()
        if deployed is None:
            reason = f"no manifest is loaded: {aiprov_runtime.status().reason}"
        else:
            settings = resolve({"release": release, "environment": environment})[0]
            reason = _create(_deployment(deployed, settings.release, settings.environment))
    if reason:
        warn("the deployment event was not sent: %s", reason)
    return not reason


def _deployment(deployed: Release, release: str | None, environment: str | None) -> dict[str, Any]:
    models = ", ".join(deployed.models[:_MAX_TAGS]) or "none known"
    named = [("aiprov.manifest", deployed.manifest), ("version", release), ("env", environment)]
    named += [("model", model) for model in deployed.models]
    return {
        "title": f"Deployed {release or 'a release'} with manifest {deployed.manifest}"[:_MAX_TITLE],
        "text": f"Functions written by AI, in whole or in part: {deployed.functions}. Models: {models}."[:_MAX_BODY],
        "alert_type": "info",
        "aggregation_key": _key("deployment", deployed.manifest, release or "", environment or ""),
        "tags": [f"{key}:{value[:_MAX_NAME]}" for key, value in named if value][:_MAX_TAGS],
    }


def _create(event: dict[str, Any]) -> str:
    """Why the API did not take the event; empty where it did. The client mutes some errors and raises others."""
    from datadog.api.events import Event
    from datadog.api.exceptions import ApiNotInitialized, DatadogException

    try:
        answer = Event.create(attach_host_name=False, **event)
    except ApiNotInitialized:
        return "no API key is set; call datadog.initialize() first, which reads DD_API_KEY"
    except DatadogException as error:
        return _line(error)
    except (OSError, ValueError) as error:  # its text may quote the key, as that of one with a line end in it does
        return f"the client raised {type(error).__name__}; check the API key for stray characters, and the URLs"
    if isinstance(answer, tuple):  # of an application that asked for raw responses
        answer = answer[0]
    errors = answer.get("errors") if isinstance(answer, dict) else "an empty answer"
    return _line(errors) if errors else ""


def _line(problem: object) -> str:
    return _CREDENTIALS.sub("//", " ".join(str(problem).split()))[:_MAX_LINE]


def _key(*parts: str) -> str:
    """Of one length: Datadog takes 100 characters."""
    return "aiprov-" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
