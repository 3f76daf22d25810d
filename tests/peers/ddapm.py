"""Datadog's own test agent, which takes Datadog traces and OTLP over HTTP and gRPC, and gives back what it took."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers import UnavailableError, environment, place, running

PINS = Path(__file__).with_name("ddapm.txt")
CHECKS = "trace_content_length,meta_tracer_version_header,trace_count_header"
_ATTEMPTS = 3


class Agent:
    """A running agent on three ports."""

    def __init__(self, trace: int, otlp_http: int, otlp_grpc: int) -> None:
        self.url = f"http://127.0.0.1:{trace}"
        """For `DD_TRACE_AGENT_URL`."""
        self.otlp_http = f"http://127.0.0.1:{otlp_http}"
        """For `OTEL_EXPORTER_OTLP_ENDPOINT` with the protocol `http/protobuf`."""
        self.otlp_grpc = f"http://127.0.0.1:{otlp_grpc}"
        """The same with `grpc`."""
        self._ports = trace, otlp_http, otlp_grpc

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._ports[2]), timeout=1).close()
            return self._get(1, "/test/session/clear")[0] == self._get(0, "/info")[0] == http.client.OK
        except OSError:
            return False

    def datadog_traces(self) -> list[list[dict[str, Any]]]:
        """Every trace that came in Datadog's own protocol since the last `clear`, as lists of spans."""
        return self._json(0, "/test/session/traces")

    def failed_checks(self) -> dict[str, Any]:
        """What the agent has to say against the tracer's protocol since the last `clear`; empty if all is well."""
        status, content = self._get(0, "/test/trace_check/summary")
        summary = json.loads(content) if status == http.client.OK else {}
        return {name: check for name, check in summary.items() if check["Failed_Checks"]}

    def otlp(self, signal: str) -> list[dict[str, Any]]:
        """Every export request for `traces`, `logs` or `metrics` since the last `clear`, as OTLP's JSON."""
        return self._json(1, f"/test/session/{signal}")

    def clear(self) -> None:
        self._get(0, "/test/session/clear")
        self._get(0, "/test/trace_check/clear")
        self._get(1, "/test/session/clear")

    def _json(self, port: int, path: str) -> Any:
        status, content = self._get(port, path)
        assert status == http.client.OK, content
        return json.loads(content)

    def _get(self, port: int, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[port], timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(folder: Path) -> Iterator[Agent]:
    """A fresh agent that keeps its files in `folder`; its protocol checks never fail a tracer's request."""
    agent_folder = place("ddapm", PINS.read_text(), _build)
    for attempt in range(_ATTEMPTS):
        agent = Agent(*_free_ports(3))  # it opens its ports itself, and refuses to leave the choice to the system
        trace, otlp_http, otlp_grpc = agent._ports
        started = False
        try:
            with (
                Path(os.devnull).open("rb") as nothing,
                running(
                    [
                        agent_folder / "venv" / "bin" / "ddapm-test-agent",
                        f"--port={trace}",
                        f"--otlp-http-port={otlp_http}",
                        f"--otlp-grpc-port={otlp_grpc}",
                        f"--snapshot-dir={folder}",
                    ],
                    cwd=folder,
                    environ={"ENABLED_CHECKS": CHECKS, "HOME": str(folder), "NO_PROXY": "*"},
                    is_ready=agent.is_ready,
                    inherited=nothing.fileno(),
                ),
            ):
                started = True
                yield agent
                return
        except UnavailableError:
            if started or attempt == _ATTEMPTS - 1:  # somebody else may have taken a port in between
                raise


def _build(folder: Path) -> None:
    environment(folder, "-r", str(PINS))


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
