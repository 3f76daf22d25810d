"""A Celery worker that forks: the same results with us as without, and every failed task named."""

from __future__ import annotations

import json
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import peers
import pytest
from sentry._intake import serving
from servers._build import scripts
from servers._serving import (
    AUTO,
    PLAIN,
    Outcome,
    await_all,
    copy,
    environ,
    log_of,
    sink_of,
    told,
    told_sentry,
    without_ours,
    workers,
)

pytestmark = pytest.mark.peer
TASKS = ["app.label=Ada Lovelace", "app.label=two  spaces", "app.shelf=a", "app.shelf=z"]
EACH, ROUNDS = 4, 10
WORKER = ["--app=app", "worker", "--concurrency=2", "--loglevel=INFO", "--without-mingle", "--without-gossip"]


def work(folder: Path, mode: str, rounds: int | None = None) -> tuple[Any, Outcome]:
    """What came of the tasks, and what the worker left; as many rounds as it takes until both children have failed."""
    copy("celery", folder, mode)
    client: list[str | Path] = [scripts() / "python", Path(__file__).with_name("_celery_client.py"), *TASKS * EACH]
    results: list[Any] = []
    fired = 0
    with serving() as intake, socket.socket() as unused:
        settings = environ(folder, intake)
        command = [scripts() / "celery", *WORKER]
        with peers.running(
            [scripts() / "celery", *WORKER],
            cwd=folder,
            environ=settings,
            is_ready=lambda: True,
            inherited=unused.fileno(),
        ):
            while fired < (rounds or 1) or (rounds is None and fired < ROUNDS and len(workers(folder)) < 2):
                results += json.loads(peers.call(client, cwd=folder, environ={**settings, "PYTHONPATH": str(folder)}))
                fired += 1
            await_all(lambda: len(intake.events) >= 2 * EACH * fired)
    return sorted(results, key=str), Outcome(str(folder), fired, [], log_of(folder, 0), sink_of(folder), intake.events)


def test_tasks_come_to_the_same_and_every_failure_is_named(tmp_path: Path):
    with peers.required():
        with_us, auto = work(tmp_path / "auto", AUTO)
        without, plain = work(tmp_path / "plain", PLAIN, auto.rounds)
    expected = Counter({"labels.py::initials": EACH * auto.rounds, "app.py": EACH * auto.rounds})

    assert without == with_us
    assert plain.log == auto.log
    assert without_ours(plain) == without_ours(auto)
    assert plain.sink == []
    assert expected == told(auto.sink)
    assert expected == told_sentry(auto.events)
    assert 2 == len(workers(tmp_path / "auto"))
