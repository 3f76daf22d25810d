"""Customers: the same requests, in the same order, to whichever release is running."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiprov.demo._commands import CommandError
from aiprov.demo._example import Request
from aiprov.demo._service import Service

SEED, CUSTOMERS, CONNECTIONS, TIMEOUT = 20260720, 400, 4, 20.0
_FAILED = 500


@dataclass(frozen=True, slots=True)
class Phase:
    """What the customers saw of one release."""

    release: str
    requests: int
    errors: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    user: str


def planned(requests: Sequence[Request], count: int, *, seed: int = SEED) -> tuple[Call, ...]:
    """`count` requests drawn by their weights, each by some customer."""
    source = random.Random(seed)  # noqa: S311  # customers are no secret
    drawn = source.choices(requests, [request.weight for request in requests], k=count)
    return tuple(Call(request, f"u{source.randrange(CUSTOMERS):03}") for request in drawn)


def send(service: Service, calls: Sequence[Call], *, release: str) -> Phase:
    """Every call once, over a few connections at a time; an answer of 500 and above is an error."""
    stop = threading.Event()
    started = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = [pool.submit(_customer, service, calls[n::CONNECTIONS], stop) for n in range(CONNECTIONS)]
        try:
            errors = sum(share.result() for share in shares)
        except (OSError, http.client.HTTPException) as error:
            raise CommandError(f"{release} stopped answering: {error or type(error).__name__}") from None
        finally:
            stop.set()  # an interrupt must not wait for the rest of the traffic
    return Phase(release, len(calls), errors, time.monotonic() - started)


def _customer(service: Service, calls: Sequence[Call], stop: threading.Event) -> int:
    connection = http.client.HTTPConnection(service.host, service.port, timeout=TIMEOUT)
    errors = 0
    try:
        for call in calls:
            if stop.is_set():
                break
            headers = {"X-User": call.user, "Content-Type": "application/json"}
            connection.request(call.request.method(), call.request.path(), call.request.body(), headers)
            answer = connection.getresponse()
            answer.read()
            errors += answer.status >= _FAILED
    finally:
        connection.close()
    return errors
