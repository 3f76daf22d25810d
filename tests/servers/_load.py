"""A bounded load from a few threads, and everything that a client sees of the answers."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

_THREADS = 6


class Answer(NamedTuple):
    """What a client sees, without the date."""

    request: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def fire(port: int, requests: Sequence[str]) -> list[Answer]:
    """Send every `METHOD /path` once, each on a connection of its own, and return the answers in order of their text.

    Nobody has to be ready: the listening socket is open already and lets them wait.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return sorted(pool.map(lambda request: _ask(port, request), requests))


def _ask(port: int, request: str) -> Answer:
    method, path = request.split(" ")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path)
        found = connection.getresponse()
        headers = tuple((name, value) for name, value in found.getheaders() if name.lower() != "date")
        return Answer(request, found.status, headers, found.read())
    finally:
        connection.close()
