"""A copy of an example behind a real server, under load, with or without us."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import peers
from sentry._intake import Intake, serving
from servers._build import scripts
from servers._load import Answer, fire

EXAMPLES = peers.ROOT / "examples" / "servers"
_SENTRY_WAITS = ("Sentry is attempting to send", "Waiting up to", "Press Ctrl-C")  # or not, as time will have it
OUR_LINE = re.compile(r"^import aiprov_runtime\.auto.*$", re.MULTILINE)
PLAIN, AUTO, RUN = "plain", "auto", "run"
"""Without us; with the line in the application; with no line there and `aiprov run` before the command."""
_AT_ONCE, _MIN_ROUNDS, _MAX_ROUNDS = 4, 8, 80


class Outcome(NamedTuple):
    """What is left of one server's life."""

    folder: str
    rounds: int
    answers: list[Answer]
    log: list[str]
    sink: list[dict[str, Any]]
    """What our own runtime wrote to its file."""
    events: list[dict[str, Any]]


def copy(example: str, target: Path, mode: str) -> Path:
    """The example's files; without us, an empty line stands where ours was, so that no other line moves."""
    shutil.copytree(EXAMPLES / example, target, ignore=shutil.ignore_patterns("__pycache__"))
    app = target / "app.py"
    assert OUR_LINE.search(app.read_text())
    if mode != AUTO:
        app.write_text(OUR_LINE.sub("", app.read_text()))
    return target


def environ(folder: Path, intake: Intake) -> dict[str, str]:
    """Nothing of the machine's own settings, and both receivers."""
    ours = {name: "" for name in os.environ if name.startswith(("AIPROV_", "SENTRY_", "DD_", "OTEL_", "PYTHON"))}
    path = f"{folder}{os.pathsep}{scripts()}"
    settings = {"AIPROV_SINK": str(folder / "sink.jsonl"), "SENTRY_DSN": intake.dsn, "PYTHONDONTWRITEBYTECODE": "1"}
    return {
        **ours,
        **settings,
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "NO_PROXY": "*",
        "PYTHONHASHSEED": "0",
    }


class Service(NamedTuple):
    """An example, how it is started on descriptor `{}`, and what each request of a round makes fail."""

    example: str
    command: Sequence[str]
    requests: Mapping[str, str | None]
    """By `METHOD /path`: the function that is to be named, `app.py` for a person's, None where nothing fails."""
    workers: int

    def expected(self, rounds: int) -> Counter[str]:
        return Counter({named: rounds for named in self.requests.values() if named is not None})


def serve(service: Service, folder: Path, mode: str, *, rounds: int | None = None) -> Outcome:
    """Start a server on a socket of ours, load it, and stop it once everything that failed has been told.

    With no number of rounds, as many as it takes until each worker has failed: which one answers is up to the kernel.
    """
    copy(service.example, folder, mode)
    with serving() as intake, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        name, *arguments = (part.format(listener.fileno()) for part in service.command)
        port = listener.getsockname()[1]
        answers: list[Answer] = []
        fired = 0
        with peers.running(
            [*([scripts() / "aiprov", "run", "--"] if mode == RUN else []), scripts() / name, *arguments],
            cwd=folder,
            environ=environ(folder, intake),
            is_ready=lambda: True,
            inherited=listener.fileno(),
        ):
            while fired < (_MIN_ROUNDS if rounds is None else rounds) or (
                rounds is None and fired < _MAX_ROUNDS and len(workers(folder)) < service.workers
            ):
                answers += fire(port, [*service.requests] * _AT_ONCE)
                fired += _AT_ONCE
            await_all(lambda: len(intake.events) >= service.expected(fired).total())
    return Outcome(str(folder), fired, sorted(answers), log_of(folder), sink_of(folder), intake.events)


def workers(folder: Path) -> Counter[int]:
    """How many events each process wrote to the sink."""
    return Counter(event["pid"] for event in sink_of(folder))


def await_all(arrived: Callable[[], bool]) -> None:
    """Give what is under way ten seconds; the assertions then say what is missing."""
    for _ in range(200):
        if arrived() or threading.Event().wait(0.05):
            return


def sink_of(folder: Path) -> list[dict[str, Any]]:
    sink = folder / "sink.jsonl"
    return [json.loads(line) for line in sink.read_text().splitlines()] if sink.exists() else []


_VARIES = re.compile(
    r"(?m)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]?\d*( \+0000)?|127\.0\.0\.1:\d+|0x[0-9a-f]+|[0-9a-f-]{36}|in \d+\.\d+s"
    r"|\[\d+\]|\(\d+\)$|pid: \d+|', \d+\)|:\d+ \(|ForkPoolWorker-\d+"
)


def log_of(folder: Path) -> list[str]:
    """The server's log in order of its lines, without what differs between any two runs."""
    text = (folder / "server.log").read_text().replace(str(folder), "FOLDER")
    return sorted(line for line in _VARIES.sub("#", text).splitlines() if not line.startswith(_SENTRY_WAITS))


def told(found: list[dict[str, Any]]) -> Counter[str]:
    """How often each function was named; `app.py` stands for errors in the code of people."""
    return Counter(event["aiprov"].get("aiprov.function", "app.py") for event in found)


def told_sentry(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(event.get("tags", {}).get("aiprov.function", "app.py") for event in events)


def without_ours(found: Outcome) -> list[str]:
    """The events as text, in order, without what we add and what differs between any two runs."""
    texts = (json.dumps(_stripped(event), sort_keys=True).replace(found.folder, "FOLDER") for event in found.events)
    return sorted(_VARIES.sub("#", text) for text in texts)


_VARYING = {
    *("event_id", "timestamp", "trace_id", "span_id", "parent_span_id", "server_name"),
    *("thread.id", "thread.name", "vars", "breadcrumbs", "modules", "request"),
}


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _stripped(v) for k, v in value.items() if k not in _VARYING and not k.startswith("aiprov")}
        return {k: v for k, v in kept.items() if v != {}}
    return [_stripped(item) for item in value] if isinstance(value, list) else value
