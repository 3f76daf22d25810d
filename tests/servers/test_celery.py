"""A Celery worker that forks: the same results with us as without, and every failed task named."""

from __future__ import annotations

import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
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
EACH, ROUNDS = 8, 2
WORKER = ["--app=app", "worker", "--concurrency=2", "--loglevel=INFO", "--without-mingle", "--without-gossip"]


def work(folder: Path, mode: str) -> tuple[list[str], Outcome]:
    """What came of the tasks, and what the worker left."""
    copy("celery", folder, mode)
    client: list[str | Path] = [scripts() / "python", Path(__file__).with_name("_celery_client.py"), *TASKS * EACH]
    results: list[Any] = []
    with serving() as intake, socket.socket() as unused:
        settings = environ(folder, intake)
        command: list[str | Path] = [scripts() / "celery", *WORKER]
        descriptor = unused.fileno()
        with peers.running(command, cwd=folder, environ=settings, is_ready=lambda: True, inherited=descriptor):
            for _ in range(ROUNDS):
                results += json.loads(peers.call(client, cwd=folder, environ={**settings, "PYTHONPATH": str(folder)}))
            await_all(lambda: len(intake.events) >= 2 * EACH * ROUNDS)
    same = [str(one).replace(str(folder), "FOLDER") for one in sorted(results, key=str)]
    return same, Outcome(str(folder), ROUNDS, [], log_of(folder), sink_of(folder), intake.events, [])


def test_tasks_come_to_the_same_and_every_failure_is_named(tmp_path: Path):
    with peers.required(), ThreadPoolExecutor() as pool:
        scripts()
        both = [pool.submit(work, tmp_path / mode, mode) for mode in (AUTO, PLAIN)]
        (with_us, auto), (without, plain) = (one.result() for one in both)
    expected = Counter({"labels.py::initials": EACH * ROUNDS, "app.py": EACH * ROUNDS})

    assert without == with_us
    assert plain.log == auto.log
    assert without_ours(plain) == without_ours(auto)
    assert plain.sink == []
    assert expected == told(auto.sink)
    assert expected == told_sentry(auto.events)
    assert 2 == len(workers(tmp_path / "auto"))
