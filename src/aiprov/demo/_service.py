"""One release of the shop as a running process."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiprov.demo._commands import CommandError, Commands

_ADDRESS = re.compile(rb"http://(127\.0\.0\.1):([0-9]{1,5})\n")
START_SECONDS, STOP_SECONDS = 30.0, 5.0


def deploy(repository: Commands, revision: str, directory: Path) -> None:
    """The files of a revision, without its history, as on a production machine."""
    directory.mkdir(parents=True)
    archive = directory.with_suffix(".tar")
    repository.git("archive", "--format=tar", f"--output={archive}", revision)
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    archive.unlink()


@dataclass(frozen=True, slots=True)
class Service:
    host: str
    port: int


@contextlib.contextmanager
def serving(
    directory: Path,
    *,
    release: str,
    sink: Path,
    log: Path,
    environment: Mapping[str, str],
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[Service]:
    """Runs until the block ends, however it ends."""
    settings = {**environment, "AIPROV_SINK": str(sink), "AIPROV_RELEASE": release, "AIPROV_ENVIRONMENT": "production"}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "shop"],
            cwd=directory,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield _ready(process, log)
    finally:
        _stop(process, stop_seconds)


def _ready(process: subprocess.Popen[bytes], log: Path) -> Service:
    """The address that the service prints once it listens."""
    assert process.stdout is not None
    said, deadline = b"", time.monotonic() + START_SECONDS
    while not said.endswith(b"\n"):
        left = deadline - time.monotonic()
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, left))
        piece = os.read(process.stdout.fileno(), 4096) if ready else b""
        if not piece:
            lines = log.read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise CommandError(f"the shop did not start: {lines[-1]}")
        said += piece
    found = _ADDRESS.fullmatch(said)
    if found is None:
        raise CommandError(f"the shop did not start: it said {said[:60]!r} in place of its address")
    return Service(found[1].decode(), int(found[2]))


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
