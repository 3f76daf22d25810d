"""Celery tasks that need no server: the broker and the results are folders; a person wrote this file."""

from pathlib import Path

import sentry_sdk
from celery import Celery
from labels import initials

import aiprov_runtime.auto  # noqa: F401  # the one line: telemetry now says which function, model and prompt

sentry_sdk.init(traces_sample_rate=1.0)  # sends nothing unless SENTRY_DSN says where to
QUEUE, RESULTS = Path("queue").resolve(), Path("results").resolve()
for folder in (QUEUE, RESULTS):
    folder.mkdir(exist_ok=True)

app = Celery("labels", broker="filesystem://", backend=RESULTS.as_uri())
app.conf.broker_transport_options = {
    "data_folder_in": str(QUEUE),
    "data_folder_out": str(QUEUE),
    "control_folder": str(QUEUE),
    "polling_interval": 0.05,
}


@app.task
def label(name: str) -> str:
    """Fails in the model's code for two spaces in a row."""
    return initials(name)


@app.task
def shelf(letter: str) -> int:
    """Fails in a person's code for what is not there."""
    return {"a": 1}[letter]
