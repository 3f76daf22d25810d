"""Others who write on log records, set up before and after us."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runtime._app import ai, manifest, write
from runtime._host import host

PROGRAM = """
import json, logging, sys, warnings
class Show(logging.Handler):
    def emit(self, record):
        names = ("dd.trace_id", "otelTraceID", "aiprov.function", "aiprov.model")
        print(json.dumps({{"host": {{name: record.__dict__.get(name) for name in names}}}}))
logging.getLogger("host").addHandler(Show())

def ddtrace():
    import ddtrace
    ddtrace.patch(logging=True)
    ddtrace.config._logs_injection = True

def sentry():
    import sentry_sdk
    def last(event):
        bag = event["breadcrumbs"]["values"][-1]["data"]
        return [bag["mine"], len(bag)]
    def drop(event, hint):
        said = {{"sentry": event["tags"].get("aiprov.function"), "extra": event["extra"]["mine"], "last": last(event)}}
        print(json.dumps(said))
    sentry_sdk.init("http://key@127.0.0.1:9/1", before_send=drop)

def opentelemetry():  # as its instrumentation of logging does
    previous = logging.getLogRecordFactory()
    def factory(*args, **kwargs):
        record = previous(*args, **kwargs)
        record.otelTraceID = "7"
        return record
    logging.setLogRecordFactory(factory)

def aiprov():
    import aiprov_runtime
    aiprov_runtime.init(logs=True)

{order}
def written():
    raise ValueError("secret")
try:
    written()
except ValueError:
    before = logging.getLogger("before")
    before.addHandler(logging.NullHandler())
    before.setLevel(logging.INFO)
    before.info("x", exc_info=True, extra={{"mine": 2}})
try:
    written()
except ValueError:
    logging.getLogger("host").exception("x", extra={{"mine": 1, "aiprov.model": "mine"}})
"""
ORDERS = [
    "aiprov(); ddtrace(); sentry(); opentelemetry()",
    "ddtrace(); sentry(); opentelemetry(); aiprov()",
    "opentelemetry(); sentry(); aiprov(); ddtrace(); aiprov()",
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_keys_of_all_are_on_the_record(tmp_path: Path, order: str):
    write(tmp_path / ".aiprov" / "manifest.yaml", "").write_bytes(manifest({"main.py": {"written": ai()}}))

    outcome = host(tmp_path, PROGRAM.format(order=order), DD_TRACE_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="0")

    keys = {"aiprov.function": "main.py::written", "aiprov.model": "mine", "dd.trace_id": "0", "otelTraceID": "7"}
    said = {key: value for line in outcome.out.splitlines() for key, value in json.loads(line).items()}
    assert (0, "") == (outcome.code, outcome.err)
    assert {"host": keys, "sentry": "main.py::written", "extra": 1, "last": [2, 7]} == said
