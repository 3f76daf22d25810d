"""Real servers on loopback, each in a virtual environment of its own below `.peers/`, built once.

With `CI=true` a peer that does not start is a failure; elsewhere its tests are skipped, with the reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The tests of a built wheel run from a copy of the tests, in an environment without uv.
UV = next((uv for above in Path(__file__).parents if (uv := above / ".venv" / "bin" / "uv").exists()), Path("uv"))
_BUILD_SECONDS = 300


class UnavailableError(Exception):
    """Why a peer could not be installed or started."""


@contextmanager
def required(environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """The one place that decides what an unavailable peer means; wrap the start of every peer in it."""
    try:
        yield
    except UnavailableError as error:
        if environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def place(name: str, pins: str, build: Callable[[Path], None]) -> Path:
    """The folder of a peer, built when it is first asked for; other pins or another Python make another folder."""
    key = hashlib.sha256(f"{sys.version}\n{pins}".encode()).hexdigest()[:12]
    folder = ROOT / ".peers" / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".ready").exists():
            build(folder)
            (folder / ".ready").touch()
    return folder


def environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment in `folder` and return its Python; `requirements` are arguments of `pip install`."""
    python = folder / "venv" / "bin" / "python"
    call([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder / "venv"], cwd=folder)
    call([UV, "pip", "install", "--quiet", "--python", python, *requirements], cwd=folder)
    return python


def call(
    command: list[str | Path], *, cwd: Path, environ: Mapping[str, str] | None = None, seconds: float = _BUILD_SECONDS
) -> str:
    """Run a command of a peer's set-up and return what it prints."""
    settings = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", **(environ or {})}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise UnavailableError(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def running(
    command: list[str | Path], *, cwd: Path, environ: Mapping[str, str], is_ready: Callable[[], bool], inherited: int
) -> Iterator[None]:
    """A server process that was handed a listening socket, from its first answer until it is stopped by its handle."""
    log = cwd / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **environ}, stdout=stream, stderr=stream, pass_fds=[inherited]
        )
    try:
        for _ in range(600):  # a tenth of a second each, or less
            if is_ready():
                break
            if _ends(process, seconds=0.1):
                raise UnavailableError(f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}")
        else:
            raise UnavailableError(f"{command[0]} did not get ready: {log.read_text(errors='replace')[-2000:]}")
        yield
    finally:
        process.terminate()
        if not _ends(process, seconds=20):
            process.kill()
            process.wait()


def _ends(process: subprocess.Popen[bytes], *, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
