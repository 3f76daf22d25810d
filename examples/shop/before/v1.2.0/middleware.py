import time

from flask import Flask, request
from flask.typing import ResponseReturnValue


class Service(Flask):
    def dispatch_request(self) -> ResponseReturnValue:
        started = time.perf_counter()
        response = super().dispatch_request()
        self.note(request.endpoint or "none", seconds=time.perf_counter() - started)
        return response
