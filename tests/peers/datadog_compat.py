"""Datadog's own DogStatsD parser: its agent for serverless functions, whose log says what it makes of each line."""

from __future__ import annotations

import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peers import environment, place, running

PINS = Path(__file__).with_name("datadog_compat.txt")
_BINARY = "bin/linux-amd64/datadog-serverless-compat"
# It wants to be in a cloud function and looks for one's files below /home, which it gets in a mount namespace.
_START = "mount --bind $PWD/home /home && exec ./datadog-serverless-compat"
_NAMESPACE = ["unshare", "--map-root-user", "--mount"]
_SETTINGS = {
    "FUNCTIONS_EXTENSION_VERSION": "~4",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "WEBSITE_SITE_NAME": "shop",
    "WEBSITE_RESOURCE_GROUP": "shop",
    "WEBSITE_OWNER_NAME": "sub+shop",
    "DD_API_KEY": "a" * 32,
    "DD_SITE": "example.test",
    "DD_LOG_LEVEL": "debug",
    "DD_APM_DD_URL": "http://127.0.0.1:1",
    "DD_PROXY_HTTPS": "http://127.0.0.1:1",
    "DD_ENHANCED_METRICS_ENABLED": "false",
}


class Parser:
    """A running agent; asked one datagram at a time."""

    def __init__(self, folder: Path, connected: socket.socket) -> None:
        self._log = folder / "server.log"
        self._socket = connected
        self._read = len(self._log.read_bytes())

    def takes(self, datagram: bytes) -> bool:
        """True where every line of it is parsed."""
        self._socket.send(datagram)
        self._socket.send(b"aiprov.end:1|c")  # its parsing is logged after all of the datagram before
        lines: list[str] = []
        wanted = datagram.rstrip(b"\n").count(b"\n") + 2
        for _ in range(200_000):
            if sum(_weight(line) for line in lines) >= wanted:
                break
            lines = self._log.read_bytes()[self._read :].decode(errors="replace").splitlines()
        self._read = len(self._log.read_bytes())
        return not any("Failed to parse" in line for line in lines)


def _weight(line: str) -> int:
    if "Failed to parse metric" in line:
        return 1
    return int(line.partition("Parsed ")[2].split()[0]) if "Parsed " in line and "valid metrics" in line else 0


@contextmanager
def serving(folder: Path) -> Iterator[Parser]:
    """A fresh agent; skipped, in CI too, where the kernel or the machine lets nobody run it."""
    _skip_where_impossible()
    template = place("datadog-compat", PINS.read_text(), _build)
    (binary,) = template.glob(f"venv/lib/python*/site-packages/datadog_serverless_compat/{_BINARY}")
    shutil.copy(binary, folder)
    (folder / binary.name).chmod(0o755)
    (folder / "home" / "site" / "wwwroot").mkdir(parents=True)
    (folder / "home" / "site" / "wwwroot" / "host.json").write_text("{}")
    udp, tcp = (_free(kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    log = folder / "server.log"
    with (
        socket.socket() as unused,
        running(
            [*_NAMESPACE, "bash", "-c", _START],
            cwd=folder,
            environ=_SETTINGS | {"DD_DOGSTATSD_PORT": str(udp), "DD_APM_RECEIVER_PORT": str(tcp)},
            is_ready=lambda: f"listen on port {udp}".encode() in log.read_bytes(),
            inherited=unused.fileno(),
        ),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected,
    ):
        connected.connect(("127.0.0.1", udp))
        yield Parser(folder, connected)


def _build(folder: Path) -> None:
    environment(folder, "-r", str(PINS))


def _skip_where_impossible() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        pytest.skip("the binary is for Linux on x86-64 only")
    allowed = subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        pytest.skip("the kernel allows no mount namespace here")


def _free(kind: socket.SocketKind) -> int:
    """It takes no socket that we opened, so a number that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
