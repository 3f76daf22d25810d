"""What happens around every request."""

import time
from collections import defaultdict

from flask import Flask, request
from flask.typing import ResponseReturnValue


class Service(Flask):
    """Flask, with the time that each endpoint takes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def dispatch_request(self) -> ResponseReturnValue:
        started = time.perf_counter()
        try:
            return super().dispatch_request()
        finally:
            self.note(request.endpoint or "none", seconds=time.perf_counter() - started)

    def note(self, endpoint: str, *, seconds: float) -> None:
        self.seconds[endpoint] += seconds
        self.calls[endpoint] += 1

    def mean_milliseconds(self) -> dict[str, float]:
        return {name: round(1000 * self.seconds[name] / calls, 3) for name, calls in sorted(self.calls.items())}
