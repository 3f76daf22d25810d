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
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import peers
from peers.ddapm import Agent
from peers.dogstatsd import Event, Metric, on_udp
from sentry._intake import Intake, serving
from servers import _receivers
from servers._build import scripts
from servers._load import Answer, fire
from servers._receivers import Told

EXAMPLES = peers.ROOT / "examples" / "servers"
_AS_TIME_HAS_IT = (
    *("Sentry is attempting to send", "Waiting up to", "Press Ctrl-C"),
    "failed to start writer service",  # ddtrace, where two threads' first traces end at once
)
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
    metrics: list[Metric | Event]


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
    settings = {"AIPROV_SINK": str(folder / "sink.jsonl"), "SENTRY_DSN": intake.dsn}
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
    telemetry: str = ""
    """Which of `_receivers` it sends to beside Sentry; its command then serves `observed`."""
    spans: int = 0
    """How many each round makes."""
    named: Sequence[Told] = ()
    """Those of a round that name a function."""

    def expected(self, rounds: int) -> Counter[str]:
        return Counter({named: rounds for named in self.requests.values() if named is not None})


def serve_both(service: Service, folder: Path, mode: str, agent: Agent) -> tuple[Outcome, Outcome]:
    """With us and without us, at the same time and under the same load, which the first of them decides."""
    rounds: Future[int] = Future()
    scripts()
    with ThreadPoolExecutor() as pool:
        with_us = pool.submit(serve, service, folder / "auto", mode, agent, rounds)
        without = pool.submit(serve, service, folder / "plain", PLAIN, agent, rounds)
    return with_us.result(), without.result()


def serve(service: Service, folder: Path, mode: str, agent: Agent, rounds: Future[int]) -> Outcome:
    """Start a server on a socket of ours, load it, and stop it once everything that failed has been told."""
    copy(service.example, folder, mode)
    with (
        serving() as intake,
        on_udp() as metrics,
        socket.create_server(("127.0.0.1", 0), backlog=1024) as listener,
    ):
        name, *arguments = (part.format(listener.fileno()) for part in service.command)
        port = listener.getsockname()[1]
        settings = environ(folder, intake)
        if service.telemetry:
            _receivers.observed(folder, service.telemetry)
            settings |= _receivers.settings(service.telemetry, folder.name, agent, metrics)
        with peers.running(
            [*([scripts() / "aiprov", "run", "--"] if mode == RUN else []), scripts() / name, *arguments],
            cwd=folder,
            environ=settings,
            is_ready=lambda: True,
            inherited=listener.fileno(),
        ):
            answers = _load(service, folder, port, None if mode != PLAIN else rounds.result(timeout=60), rounds)
            fired = rounds.result()
            await_all(lambda: len(intake.events) >= service.expected(fired).total())
            await_all(lambda: _receivers.arrived(agent, folder.name).spans.total() >= service.spans * fired)
        found = metrics.rest()
    return Outcome(str(folder), fired, sorted(answers), log_of(folder), sink_of(folder), intake.events, found)


def _load(service: Service, folder: Path, port: int, given: int | None, rounds: Future[int]) -> list[Answer]:
    """With no number given, as many rounds as it takes until each worker has failed: the kernel picks who answers."""
    answers: list[Answer] = []
    fired = 0
    try:
        while fired < (_MIN_ROUNDS if given is None else given) or (
            given is None and fired < _MAX_ROUNDS and len(workers(folder)) < service.workers
        ):
            answers += fire(port, [*service.requests] * _AT_ONCE)
            fired += _AT_ONCE
    finally:
        if given is None:
            rounds.set_result(fired)
    return answers


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
    r"|fd(://|=)\d+|\[\d+\]|\(\d+\)$|pid: \d+|', \d+\)|:\d+ \(|ForkPoolWorker-\d+"
)


def log_of(folder: Path) -> list[str]:
    """The server's log in order of its lines, without what differs between any two runs."""
    text = (folder / "server.log").read_text().replace(str(folder), "FOLDER")
    return sorted(line for line in _VARIES.sub("#", text).splitlines() if not line.startswith(_AS_TIME_HAS_IT))


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
