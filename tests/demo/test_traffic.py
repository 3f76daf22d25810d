"""Customers that do the same each time, and count what fails."""

from __future__ import annotations

import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

import pytest

from aiprov.demo import find_example, load_example
from aiprov.demo._commands import CommandError
from aiprov.demo._example import Request
from aiprov.demo._service import Service
from aiprov.demo._traffic import planned, send


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[Counter[tuple[str, str | None]]] = Counter()

    def do_GET(self) -> None:
        self.seen[self.path, self.headers["X-User"]] += 1
        self.send_response({"/broken": 500, "/missing": 404}.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def service() -> Iterator[Service]:
    Handler.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Service("127.0.0.1", server.server_port)
        server.shutdown()


def test_the_plan_is_the_same_each_time():
    requests = load_example(find_example()).requests

    assert planned(requests, 200) == planned(requests, 200)
    assert planned(requests, 200) != planned(requests, 200, seed=1)


def test_many_customers_make_every_kind_of_request():
    requests = load_example(find_example()).requests
    calls = planned(requests, 1500)

    assert all(any(call.request is request for call in calls) for request in requests)
    assert len({call.user for call in calls}) > 350


def test_every_call_is_made_once_and_answers_from_500_on_are_errors(service):
    requests = [Request(1, get="/fine"), Request(1, get="/broken"), Request(1, get="/missing")]
    calls = planned(requests, 60)

    phase = send(service, calls, release="v1")

    assert Counter((call.request.path(), call.user) for call in calls) == Handler.seen
    assert phase.requests == 60
    assert phase.errors == sum(call.request.path() == "/broken" for call in calls)


def test_a_service_that_is_gone_is_said_in_one_line():
    with pytest.raises(CommandError, match="v1 stopped answering"):
        send(Service("127.0.0.1", 1), planned([Request(1, get="/")], 4), release="v1")
