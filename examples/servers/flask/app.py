"""A Flask service; a person wrote this file."""

import sentry_sdk
from flask import Flask, abort
from rates import RATES, convert

import aiprov_runtime.auto  # noqa: F401  # the one line: telemetry now says which function, model and prompt

sentry_sdk.init(traces_sample_rate=1.0)  # sends nothing unless SENTRY_DSN says where to
app = Flask(__name__)


@app.get("/convert/<int:amount>/<currency>")
def exchange(amount: int, currency: str) -> dict[str, float]:
    """Fails in the model's code for a rate of 0; an unknown currency is no failure of ours."""
    if currency not in RATES:
        abort(404)
    return {"euros": convert(amount, currency)}


@app.get("/rate/<currency>")
def rate(currency: str) -> dict[str, int]:
    """Fails in a person's code for what is not there."""
    return {"rate": RATES[currency]}
