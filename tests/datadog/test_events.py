"""Deployment events against a stub of Datadog's HTTP API, and error events at their rates."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import peers
import pytest
from datadog import api
from datadog.api.api_client import APIClient
from datadog.dogstatsd.base import DogStatsd
from peers.dogstatsd import Event, on_udp

from aiprov_datadog._events import ErrorEvents, deployment_event
from aiprov_runtime import Release

RELEASE = Release("3f2a9c01d4e5", 12, ("anthropic/claude-opus-4-6", "openai/gpt-5.2-codex"))
PINS = Path(peers.__file__).with_name("datadog_api.txt")
VALIDATE = """
import json, sys
from datadog_api_client import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
for body in json.load(sys.stdin):
    found = validate_and_convert_types(body, (EventCreateRequest,), ["body"], True, True, Configuration())
    unknown = set(body) - set(EventCreateRequest.attribute_map.values())
    assert not found._unparsed and not unknown, (body, unknown)
    assert body["aggregation_key"] and len(body["aggregation_key"]) <= 100
print("valid")
"""


class Stub:
    """Answers as Datadog's API does to a key that is good or bad, or is no API at all."""

    def __init__(self, status: int, answer: bytes) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str | None]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.requests.append((self.path, self.headers["DD-API-KEY"]))
                stub.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch, *, status: int = 202, answer: bytes = b'{"status":"ok"}'
) -> Iterator[Stub]:
    """The stub, and the client's module told of it as `datadog.initialize` would."""
    stub = Stub(status, answer)
    thread = threading.Thread(target=stub.server.serve_forever, args=(0.01,))
    thread.start()
    for name, value in {"_api_key": "k" * 32, "_api_host": f"http://127.0.0.1:{stub.server.server_port}"}.items():
        monkeypatch.setattr(api, name, value)
    monkeypatch.setattr(api, "_proxies", {"http": None})
    monkeypatch.setattr(APIClient, "_timeout_counter", 0)
    try:
        yield stub
    finally:
        stub.server.shutdown()
        thread.join()
        stub.server.server_close()
        client: Any = APIClient._get_http_client()
        if client._session is not None:
            client._session.close()
            client._session = None


def test_a_deployment_event_reaches_the_stub(monkeypatch: pytest.MonkeyPatch):
    with serving(monkeypatch) as stub:
        assert deployment_event(RELEASE, release="shop@1.2", environment="prod")

    assert [("/api/v1/events", "k" * 32)] == stub.requests
    (body,) = stub.bodies
    key = body.pop("aggregation_key")
    assert key.startswith("aiprov-")
    assert {
        "title": "Deployed shop@1.2 with manifest 3f2a9c01d4e5",
        "text": "Functions written by AI, in whole or in part: 12. "
        "Models: anthropic/claude-opus-4-6, openai/gpt-5.2-codex.",
        "alert_type": "info",
        "tags": [
            "aiprov.manifest:3f2a9c01d4e5",
            "version:shop@1.2",
            "env:prod",
            "model:anthropic/claude-opus-4-6",
            "model:openai/gpt-5.2-codex",
        ],
    } == body


def test_the_same_deployment_is_one_event_in_the_stub(monkeypatch: pytest.MonkeyPatch):
    with serving(monkeypatch) as stub:
        for release in ("1.0", "1.0", "1.1"):
            deployment_event(RELEASE, release=release)

    keys = [body["aggregation_key"] for body in stub.bodies]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.peer
def test_what_the_stub_got_fits_the_models_of_datadogs_api_client(monkeypatch: pytest.MonkeyPatch):
    with serving(monkeypatch) as stub:
        deployment_event(RELEASE, release="1.0")
        deployment_event(Release("3f2a9c01d4e5", 0, ()), release="r" * 500)
        deployment_event(RELEASE._replace(models=tuple(f"model {n}" * 40 for n in range(500))))

    with peers.required():
        folder = peers.place("datadog-api", PINS.read_text(), lambda made: peers.environment(made, "-r", str(PINS)))
    done = subprocess.run(
        [folder / "venv" / "bin" / "python", "-c", VALIDATE],
        input=json.dumps(stub.bodies),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("valid\n", "") == (done.stdout, done.stderr)


FAILURES = {
    "a bad key": (403, b'{"errors":["Forbidden"]}', "Forbidden"),
    "a failing server": (500, b"oops", "500"),
    "a page of a proxy": (200, b"<html>", "ValueError"),
    "nothing": (200, b"", "an empty answer"),
}


@pytest.mark.parametrize("mute", [True, False])
@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_at_the_stub_is_one_line(
    case: str, mute, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, swallowed: list
):
    status, answer, expected = FAILURES[case]
    monkeypatch.setattr(api, "_mute", mute)
    caplog.set_level(logging.WARNING, logger="aiprov")
    with serving(monkeypatch, status=status, answer=answer):
        assert not deployment_event(RELEASE)

    (line,) = (r.getMessage() for r in caplog.records if r.name == "aiprov" and "was not sent" in r.getMessage())
    assert expected in line
    assert "\n" not in line
    assert "kkkk" not in line
    swallowed.clear()


def test_without_a_key_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(api, "_api_key", None)

    assert not deployment_event(RELEASE)
    (record,) = caplog.records
    assert "no API key is set; call datadog.initialize() first, which reads DD_API_KEY" in record.getMessage()


def test_a_server_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    with serving(monkeypatch):
        """The stub is gone when this ends."""

    assert not deployment_event(RELEASE)
    assert 1 == len([record for record in caplog.records if record.name == "aiprov"])


@pytest.mark.parametrize(
    ("key", "host"),
    [("secret\n", "http://127.0.0.1:9"), ("é€ secret", "http://127.0.0.1:9"), ("k", "http://u:secret@[::1]:9")],
)
def test_no_message_quotes_the_key_or_a_password(
    key: str, host: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(api, "_api_key", key)
    monkeypatch.setattr(api, "_api_host", host)

    assert not deployment_event(RELEASE)
    (record,) = (record for record in caplog.records if record.name == "aiprov")
    assert "was not sent" in record.getMessage()
    assert "secret" not in record.getMessage()


def sent(events: ErrorEvents) -> list[Event]:
    with on_udp() as agent:
        client = DogStatsd(host="127.0.0.1", port=agent.port, constant_tags=["env:prod"])
        events.send(client)
        client.stop()
        return [line for line in agent.rest() if isinstance(line, Event)]


def test_an_error_event_names_function_model_and_tool_and_nothing_else():
    events = ErrorEvents(clock=lambda: 0.0)
    events.enabled = True
    for _ in range(3):
        events.note("src/shop/pricing.py::Cart.total", "anthropic/claude-opus-4-6", None)

    (event,) = sent(events)

    assert "Error in AI-written code: src/shop/pricing.py::Cart.total" == event.title
    assert event.text.startswith("3 in the last seconds;")
    assert ("model:anthropic/claude-opus-4-6", "tool:unknown", "env:prod") == event.tags
    assert {"t": "error"} == {key: value for key, value in event.fields if key in ("t", "h", "p")}


def test_a_function_has_one_event_in_five_minutes():
    now = [0.0]
    events = ErrorEvents(clock=lambda: now[0])
    events.enabled = True
    found = []
    for seconds in (0.0, 10.0, 299.0, 300.0):
        now[0] = seconds
        events.note("a.py::f", "m", "t")
        events.note("a.py::g" if seconds else "a.py::f", "m", "t")
        found.append(len(sent(events)))

    assert [1, 1, 0, 1] == found


def test_a_flush_has_ten_events_at_most():
    events = ErrorEvents(clock=lambda: 0.0)
    events.enabled = True
    for number in range(5000):
        events.note(f"a.py::f{number}", "m", "t")

    assert 10 == len(sent(events))


def test_nobody_who_did_not_ask_gets_an_error_event():
    events = ErrorEvents(clock=lambda: 0.0)
    events.note("a.py::f", "m", "t")

    assert [] == sent(events)


def test_a_child_sends_none_of_its_parents_events():
    events = ErrorEvents(clock=lambda: 0.0)
    events.enabled = True
    events.note("a.py::f", "m", "t")

    events.forget()

    assert [] == sent(events)
