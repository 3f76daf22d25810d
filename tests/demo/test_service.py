"""A release as a process that always ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aiprov.demo._commands import CommandError, Commands, clean_environment
from aiprov.demo._service import deploy, serving
from aiprov.demo._traffic import Service

SERVER = """
import http.server, os, signal, sys
print("pid", os.getpid(), file=sys.stderr, flush=True)
{extra}
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
print(f"http://127.0.0.1:{{server.server_port}}", flush=True)
server.serve_forever()
"""


def installed(directory: Path, source: str) -> Path:
    (directory / "shop").mkdir()
    (directory / "shop" / "__main__.py").write_text(source)
    return directory


def start(directory: Path, **more: float):
    return serving(
        directory,
        release="v1",
        sink=directory / "sink",
        log=directory / "log",
        environment=clean_environment(),
        **more,
    )


def is_running(directory: Path) -> bool:
    number = (directory / "log").read_text().split()[1]
    return subprocess.run(["ps", "-p", number], capture_output=True, check=False).returncode == 0


def test_it_runs_on_loopback_until_the_block_ends(tmp_path):
    installed(tmp_path, SERVER.format(extra=""))
    with start(tmp_path) as service:
        inside = is_running(tmp_path)

    assert isinstance(service, Service)
    assert service.host == "127.0.0.1"
    assert (inside, is_running(tmp_path)) == (True, False)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_it_ends_with_the_story_however_that_ends(tmp_path, error):
    installed(tmp_path, SERVER.format(extra=""))
    with pytest.raises(error), start(tmp_path):
        raise error

    assert not is_running(tmp_path)


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path):
    installed(tmp_path, SERVER.format(extra="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    with start(tmp_path, stop_seconds=0.2):
        pass

    assert not is_running(tmp_path)


def test_one_that_does_not_start_says_why(tmp_path):
    installed(tmp_path, "raise RuntimeError('no such table')")

    with pytest.raises(CommandError) as caught, start(tmp_path):
        pass
    assert str(caught.value) == "the shop did not start: RuntimeError: no such table"


def test_one_that_says_something_else_than_its_address_is_no_service(tmp_path):
    installed(tmp_path, "print('http://0.0.0.0:80')")

    with pytest.raises(CommandError, match="in place of its address"), start(tmp_path):
        pass


def test_it_is_told_its_release_and_its_sink_and_nothing_of_the_user():
    user = {"PATH": "/bin", "SENTRY_DSN": "x", "AIPROV_MANIFEST": "y", "GIT_DIR": "z", "FLASK_DEBUG": "1"}

    assert set(clean_environment(user)) == {
        "PATH",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_TERMINAL_PROMPT",
        "PYTHONDONTWRITEBYTECODE",
    }


def test_a_deployment_holds_the_files_of_its_revision_without_the_history(tmp_path):
    repository = Commands(tmp_path / "repository", clean_environment())
    repository.directory.mkdir()
    repository.git("init", "--quiet")
    for number in "12":
        (repository.directory / "file").write_text(number)
        repository.git("add", "file")
        person = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        repository.git(*person, "commit", "--quiet", "--message", number)
    deploy(repository, "HEAD~1", tmp_path / "deployed")

    assert [path.name for path in (tmp_path / "deployed").iterdir()] == ["file"]
    assert (tmp_path / "deployed" / "file").read_text() == "1"
