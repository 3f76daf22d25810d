"""Datadog's own test agent on a socket file: takes what tracers send, and checks their protocol."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers import environment, place, required, running

PINS = Path(__file__).parents[1] / "peers" / "ddapm.txt"
CHECKS = "trace_content_length,meta_tracer_version_header,trace_count_header,trace_stall"
PORTS = ("port", "otlp-http-port", "otlp-grpc-port")
"""Unused, but it opens them all, and refuses to leave the choice to the system."""
Span = dict[str, Any]


class Agent:
    """A running agent; each `take` is the end of one test."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"unix://{path}"

    def is_ready(self) -> bool:
        try:
            return self._get("/info")[0] == 200
        except OSError:  # no socket yet, or nobody who listens
            return False

    def take(self) -> list[Span]:
        """What has arrived since the last time, if it passes the checks of the protocol."""
        status, summary = self._get("/test/trace_check/summary")
        failed = {name: check for name, check in summary.items() if check["Failed_Checks"]} if status == 200 else {}
        traces = self._get("/test/session/traces")[1]
        self._get("/test/session/clear")
        self._get("/test/trace_check/clear")

        assert failed == {}
        return [span for trace in traces for span in trace]

    def _get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(20)
            connection.sock.connect(str(self._path))
            connection.request("GET", path)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if content[:1] in b"{[" else content


@contextmanager
def serving() -> Iterator[Agent]:
    """An agent of one test file's."""
    folder = Path(tempfile.mkdtemp(prefix="dd"))  # a socket's path is 107 characters at most, pytest's are longer
    agent = Agent(folder / "apm.sock")
    try:
        with required(), Path(os.devnull).open("rb") as nothing:
            python = place("ddapm", PINS.read_text(), lambda folder: environment(folder, "-r", str(PINS))) / "venv"
            with running(
                [
                    python / "bin" / "ddapm-test-agent",
                    *(f"--{name}={port}" for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)),
                    f"--trace-uds-socket={folder / 'apm.sock'}",
                    f"--snapshot-dir={folder}",
                ],
                cwd=folder,
                environ={"ENABLED_CHECKS": CHECKS, "HOME": str(folder), "NO_PROXY": "*"},
                is_ready=agent.is_ready,
                inherited=nothing.fileno(),
            ):
                yield agent
    finally:
        shutil.rmtree(folder)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
