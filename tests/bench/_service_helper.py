"""The other processes of `service.py`: one that takes telemetry and drops it, one that sends requests."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONNECTIONS = 4
# One request in twenty fails, each in a function of the model's or of a person.
PATHS = ["/per-head/10/4", "/cheapest/3-2", "/stock/mug", "/per-head/9/3", "/cheapest/7-1"] * 4
PATHS[7], FAILING = "/cheapest/-", 500


def receive() -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in sys.stdin:
        answer(server.server_port)


def load(requests: int) -> None:
    for line in sys.stdin:
        answer(block(int(line), requests))


def block(port: int, requests: int) -> tuple[float, list[float]]:
    """A closed loop over a few connections; how long it took in all, and each request."""
    start = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = list(pool.map(lambda n: series(port, range(n, requests, CONNECTIONS)), range(CONNECTIONS)))
    return time.perf_counter() - start, [latency for part in parts for latency in part]


def series(port: int, numbers: range) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for number in numbers:
        path = PATHS[number % len(PATHS)]
        start = time.perf_counter()
        connection.request("GET", path)
        found = connection.getresponse()
        found.read()
        took.append(time.perf_counter() - start)
        if found.status == FAILING:  # uvicorn closes the connection where the application raised
            connection.close()
        assert found.status == (FAILING if path.endswith("-") else 200), path
    connection.close()
    return took


def answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    receive() if sys.argv[1] == "receive" else load(int(sys.argv[2]))
