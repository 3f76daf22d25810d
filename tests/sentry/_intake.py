"""A Sentry ingestion endpoint on loopback that takes envelopes and refuses whatever the protocol does not allow."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Item = tuple[dict[str, Any], bytes]


def decode(envelope: bytes) -> tuple[dict[str, Any], list[Item]]:
    """The header and items of an envelope; ValueError for anything malformed."""
    line, _, rest = envelope.partition(b"\n")
    header = _object(line)
    items: list[Item] = []
    while rest:
        line, _, rest = rest.partition(b"\n")
        item = _object(line)
        if not isinstance(item.get("type"), str):
            raise ValueError("an item needs a type")
        size = item.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        if len(rest) < size or rest[size : size + 1] not in (b"", b"\n"):
            raise ValueError("an item's payload is not as long as it says")
        items.append((item, rest[:size]))
        rest = rest[size + 1 :]
    return header, items


def _object(line: bytes) -> dict[str, Any]:
    value = json.loads(line.decode("utf-8", "strict"), parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


BATCHED = {
    "span": "application/vnd.sentry.items.span.v2+json",
    "log": "application/vnd.sentry.items.log+json",
    "trace_metric": "application/vnd.sentry.items.trace-metric+json",
}
TYPES = {"string": str, "integer": int, "double": float, "boolean": bool, "array": list}


def batch(header: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans, log lines or metrics of one item, their attributes as plain values of the types they claim."""
    items = payload["items"]
    if header.get("content_type") != BATCHED[header["type"]] or header.get("item_count") != len(items):
        raise ValueError(f"not a batch: {header}")
    for item in items:
        for name, attribute in item["attributes"].items():
            if attribute.keys() != {"value", "type"} or type(attribute["value"]) is not TYPES[attribute["type"]]:
                raise ValueError(f"{name} is {attribute}")
        item["attributes"] = {name: attribute["value"] for name, attribute in item["attributes"].items()}
    return items


class Intake:
    """What has arrived so far: error events, batched and other items, and every request that was refused."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.events: list[dict[str, Any]] = []
        self.batched: dict[str, list[dict[str, Any]]] = {kind: [] for kind in BATCHED}
        self.others: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[str] = []

    def take(self, path: str, body: bytes) -> None:
        if path != "/api/1/envelope/":
            raise ValueError(f"unknown path {path}")
        _, items = decode(body)
        for header, payload in items:
            value = _object(payload)
            if header["type"] == "event":
                self.events.append(value)
            elif header["type"] in BATCHED:
                self.batched[header["type"]] += batch(header, value)
            else:
                self.others.append((header["type"], value))

    def transactions(self) -> dict[str, dict[str, Any]]:
        """The transactions by name."""
        return {value["transaction"]: value for kind, value in self.others if kind == "transaction"}

    def by_case(self) -> dict[str, dict[str, Any]]:
        """The events by the value of their `case` tag; a second event of one case is an error."""
        found: dict[str, dict[str, Any]] = {}
        for event in self.events:
            case = dict(event["tags"])["case"]
            assert case not in found, f"{case} was reported twice"
            found[case] = event
        return found


@contextmanager
def serving() -> Iterator[Intake]:
    """An intake on a free port, closed at the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer, written in two parts, waits for an acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 200
            try:
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                intake.take(self.path, body)
            except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
                intake.refused.append(repr(error))
                status = 400
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Tests read the intake, not a log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    intake = Intake(f"http://public@127.0.0.1:{server.server_port}/1")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield intake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert intake.refused == []
