"""Bugsink, a server that takes what Sentry SDKs send: started empty, read back through its REST API and its pages."""

from __future__ import annotations

import http.cookiejar
import json
import re
import shutil
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers import call, environment, place, running

PINS = Path(__file__).with_name("bugsink.txt")
_USER, _PASSWORD = "admin", "loopback only"  # of a server that nobody else can reach


class Bugsink:
    """A running server with one team and one project."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self._token = token
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        team = self.api("teams/", {"name": "team"})
        project = self.api("projects/", {"name": "shop", "team": team["id"]})
        self.project = project["id"]
        self.dsn = self.api(f"projects/{self.project}/")["dsn"]

    def api(self, path: str, content: object = None) -> Any:
        """Read, or with content create, through the REST API."""
        request = urllib.request.Request(
            f"{self.base}/api/canonical/0/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with self._browser.open(request, timeout=20) as answer:
            return json.load(answer)

    def events(self) -> dict[str, dict[str, Any]]:
        """The whole `data` of the latest event of every issue, by the issue's id."""
        found = {}
        for issue in self.api(f"issues/?project={self.project}")["results"]:
            (latest, *_) = self.api(f"events/?issue={issue['id']}")["results"]
            found[issue["id"]] = self.api(f"events/{latest['id']}/")["data"]
        return found

    def log_in(self) -> None:
        """Start a browser's session."""
        login = f"{self.base}/accounts/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page(login))
        assert token is not None
        form = {"csrfmiddlewaretoken": token[1], "username": _USER, "password": _PASSWORD}
        request = urllib.request.Request(login, urllib.parse.urlencode(form).encode(), {"Referer": login})
        with self._browser.open(request, timeout=20) as answer:
            assert "login" not in answer.url

    def page(self, url: str) -> str:
        with self._browser.open(url, timeout=20) as answer:
            return answer.read().decode()

    def search(self, query: str) -> set[str]:
        """The ids of the issues that the search box of the issue list finds."""
        quoted = urllib.parse.quote(query)
        return set(
            re.findall(r"/issues/issue/([0-9a-f-]{36})/", self.page(f"{self.base}/issues/{self.project}/?q={quoted}"))
        )


@contextmanager
def serving(folder: Path) -> Iterator[Bugsink]:
    """A fresh server that keeps its data in `folder`."""
    template = place("bugsink", PINS.read_text(), _build)
    shutil.copytree(template / "template", folder, dirs_exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = folder / "bugsink_conf.py"
        settings.write_text(settings.read_text().replace("http://127.0.0.1:1", base))
        python = template / "venv" / "bin" / "python"
        command: list[str | Path] = [python, "-m", "gunicorn", f"--bind=fd://{listener.fileno()}", "--timeout=30"]
        with running(
            [*command, "--workers=1", "bugsink.wsgi"],
            cwd=folder,
            environ=_settings(folder),
            is_ready=lambda: _answers(f"{base}/health/ready"),
            inherited=listener.fileno(),
        ):
            yield Bugsink(base, (folder / "token").read_text().strip())


def _settings(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "bugsink_conf", "NO_PROXY": "*"}


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=1):
            return True
    except (OSError, urllib.error.URLError):
        return False


def _build(folder: Path) -> None:
    """Install the server and migrate an empty database with one user and one token, which every start copies."""
    environment(folder, "-r", str(PINS))
    scripts, template = folder / "venv" / "bin", folder / "template"
    shutil.rmtree(template, ignore_errors=True)
    template.mkdir()
    call(
        [scripts / "bugsink-create-conf", "--template=local", "--host=127.0.0.1", "--port=1"],
        cwd=template,
    )
    for arguments in (["migrate"], ["migrate", "--database=snappea"]):
        call([scripts / "bugsink-manage", *arguments], cwd=template, environ=_settings(template))
    call(
        [scripts / "bugsink-manage", "createsuperuser", "--noinput", f"--username={_USER}", "--email=a@example.org"],
        cwd=template,
        environ={**_settings(template), "DJANGO_SUPERUSER_PASSWORD": _PASSWORD},
    )
    token = call([scripts / "bugsink-manage", "create_auth_token"], cwd=template, environ=_settings(template))
    (template / "token").write_text(token.strip().splitlines()[-1])
