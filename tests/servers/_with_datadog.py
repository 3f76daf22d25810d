"""The Flask example with Datadog's tracer and metrics, as its people would set it up; copied as `observed.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from datadog import initialize, statsd
from ddtrace import patch
from ddtrace.trace import tracer

patch(flask=True)
initialize(statsd_host="127.0.0.1", statsd_port=int(os.environ["DD_DOGSTATSD_PORT"]))

import app as example  # noqa: E402  # once Flask is patched
import rates  # noqa: E402

app = example.app


@app.before_request
def count() -> None:
    statsd.increment("host.requests")


def spanned(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with tracer.trace(name):
            return function(*arguments)

    return call


example.convert = spanned(example.convert, "converting")  # around the model's code
rates.round = spanned(round, "rounding")  # within it
