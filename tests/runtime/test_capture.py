"""Hooks belong to the process, so each test is a host of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from runtime._host import Outcome, host


def captured(tmp_path: Path) -> list[str]:
    path = tmp_path / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["exceptions"][0]["type"] for line in lines]


def run(tmp_path: Path, program: str, **environ: str) -> Outcome:
    return host(tmp_path, program, AIPROV_SINK=str(tmp_path / "events.jsonl"), **environ)


def test_an_uncaught_exception_reaches_the_sink_and_the_hook_before(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import sys
        sys.excepthook = lambda kind, error, tb: print("host:", kind.__name__, error, tb is error.__traceback__)
        import aiprov_runtime.auto
        raise ValueError("x")
        """,
    )

    assert Outcome(1, "host: ValueError x True\n", "") == outcome
    assert ["builtins.ValueError"] == captured(tmp_path)


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit(3)", "GeneratorExit", "BaseException"])
def test_what_is_no_exception_is_not_captured(tmp_path: Path, error: str):
    program = f"""
        import {{}}
        raise {error}
        """
    with_us, without = run(tmp_path, program.format("aiprov_runtime.auto")), run(tmp_path, program.format("os"))

    assert without == with_us
    assert [] == captured(tmp_path)


def test_threads(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import threading
        threading.excepthook = lambda arguments: print("host:", arguments.exc_type.__name__, arguments.thread.name)
        import aiprov_runtime.auto
        def fail(): raise KeyError
        def leave(): raise SystemExit
        for target in (fail, leave):
            thread = threading.Thread(target=target, name="worker"); thread.start(); thread.join()
        """,
    )

    assert Outcome(0, "host: KeyError worker\nhost: SystemExit worker\n", "") == outcome
    assert ["builtins.KeyError"] == captured(tmp_path)


def test_logged_errors(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import logging
        class Record(logging.LogRecord):
            def getMessage(self): return "host " + super().getMessage()
        logging.setLogRecordFactory(Record)
        import aiprov_runtime.auto
        logging.basicConfig(format="%(levelname)s %(message)s %(x)s")
        try:
            1 / 0
        except ZeroDivisionError as error:
            logging.error("a", exc_info=error.with_traceback(None), extra={"x": 1})
            logging.warning("b", exc_info=error, extra={"x": 2})
            logging.debug("c", exc_info=error, extra={"x": 3})
        logging.error("d", extra={"x": 4})
        logging.error("e", exc_info=True, extra={"x": 5})
        logging.critical("f", exc_info=(KeyError, KeyError("k"), None), extra={"x": 6})
        logging.error("g", exc_info=KeyboardInterrupt(), extra={"x": 7})
        logging.makeLogRecord({"msg": "h", "exc_info": (OSError, OSError(), None), "levelno": 40})
        """,
    )

    assert (0, "") == outcome[:2]
    lines = [line for line in outcome.err.splitlines() if " host " in line]
    assert ["ERROR host a 1", "WARNING host b 2", "ERROR host d 4"] == lines[:3]
    assert ["ERROR host e 5", "CRITICAL host f 6", "ERROR host g 7"] == lines[3:]
    assert ["builtins.ZeroDivisionError", "builtins.KeyError"] == captured(tmp_path)


def test_a_task_nobody_awaits(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import aiprov_runtime.auto, asyncio, logging
        logging.disable(logging.NOTSET)
        async def fail(): raise LookupError
        async def main():
            task = asyncio.ensure_future(fail())
            await asyncio.sleep(0); await asyncio.sleep(0)
            del task
        asyncio.run(main())
        """,
    )

    assert 0 == outcome.code
    assert "Task exception was never retrieved" in outcome.err
    assert ["builtins.LookupError"] == captured(tmp_path)


def test_a_second_init_hooks_nothing_twice(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import sys, threading, logging, aiprov_runtime
        def hooks(): return sys.excepthook, threading.excepthook, logging.getLogRecordFactory()
        aiprov_runtime.init(sink="events.jsonl"); first = hooks()
        aiprov_runtime.init(sink="other.jsonl", release="2"); import aiprov_runtime.auto
        print(first == hooks())
        1 / 0
        """,
    )

    assert (1, "True\n") == outcome[:2]
    assert [] == captured(tmp_path)
    assert "2" == json.loads((tmp_path / "other.jsonl").read_text())["release"]


def hashed(user: str) -> str:
    return hashlib.sha256(user.encode()).hexdigest()[:16]


def test_users_are_hashed_and_identity_may_fail(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import aiprov_runtime
        answers = iter(["ada@example.org", 7, None])
        aiprov_runtime.init(user=lambda: next(answers), trace=lambda: "t" * 100)
        for _ in range(4):
            aiprov_runtime.capture(ValueError())
        print(aiprov_runtime.status().failures)
        """,
    )

    assert (0, "{'identify': 1}\n") == outcome[:2]
    assert "aiprov: identify failed and was skipped: StopIteration" in outcome.err
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    users = [(e["user"], e["trace"]) for e in lines if e["schema"] == "aiprov.event/1"]
    assert "ada" not in (tmp_path / "events.jsonl").read_text()
    assert [(hashed("ada@example.org"), "t" * 64), (hashed("7"), "t" * 64), (None, "t" * 64), (None, "t" * 64)] == users
    assert ["aiprov.failure/1"] == [e["schema"] for e in lines if e["schema"] != "aiprov.event/1"]


def test_forked_children_write_lines_of_their_own(tmp_path: Path):
    outcome = run(
        tmp_path,
        """
        import aiprov_runtime.auto, os
        aiprov_runtime.capture(ValueError())
        for _ in range(3):
            if os.fork() == 0:
                aiprov_runtime.capture(KeyError())
                os._exit(0)
            os.wait()
        """,
    )

    assert Outcome(0, "", "") == outcome
    assert ["builtins.ValueError"] + ["builtins.KeyError"] * 3 == captured(tmp_path)
    pids = {json.loads(line)["pid"] for line in (tmp_path / "events.jsonl").read_text().splitlines()}
    assert 4 == len(pids)


def test_a_sink_that_cannot_be_written_is_said_once(tmp_path: Path):
    outcome = host(
        tmp_path,
        """
        import aiprov_runtime.auto
        for _ in range(3):
            aiprov_runtime.capture(ValueError())
        print(aiprov_runtime.status().failures)
        """,
        AIPROV_SINK="/no-such/events.jsonl",
    )

    assert (0, "{'capture': 3}\n") == outcome[:2]
    assert ["aiprov: capture failed and was skipped: FileNotFoundError"] == [
        line.rpartition(": [Errno")[0] for line in outcome.err.splitlines()
    ]
