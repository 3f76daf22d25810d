"""What an unavailable peer means, on a desk and in CI."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from peers import UnavailableError, call, required, running


def test_skips_with_the_reason_on_a_desk():
    with pytest.raises(pytest.skip.Exception, match="no such server"), required({}):
        raise UnavailableError("no such server")


def test_fails_in_ci():
    with pytest.raises(UnavailableError, match="no such server"), required({"CI": "true"}):
        raise UnavailableError("no such server")


def test_other_errors_are_never_skipped():
    with pytest.raises(ZeroDivisionError), required({}):
        raise ZeroDivisionError


@pytest.mark.parametrize("command", [["/nonexistent"], [sys.executable, "-c", "raise SystemExit('broken')"]])
def test_set_up_that_fails_says_why(tmp_path: Path, command: list[str | Path]):
    with pytest.raises(UnavailableError, match=r"nonexistent|broken"):
        call(command, cwd=tmp_path)


def test_server_that_ends_at_once_is_unavailable(tmp_path: Path):
    command: list[str | Path] = [sys.executable, "-c", "raise SystemExit('no licence')"]
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(UnavailableError, match="no licence"),
        running(command, cwd=tmp_path, environ={}, is_ready=lambda: False, inherited=listener.fileno()),
    ):
        pass
