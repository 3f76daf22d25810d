"""structlog's own processors around ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runtime._app import GENERATION, ai, human, manifest, write
from runtime._host import host

PROGRAM = """
import sys
import aiprov_runtime.auto
import structlog
from aiprov_runtime.logs import add_provenance

class Kept(Exception): pass
def written(value): raise ValueError(f"secret {{value}}")
def person(): raise ValueError("secret")
def caught(call):
    try:
        call()
    except Exception as error:
        return error

structlog.configure(processors=[{processors}, structlog.processors.JSONRenderer(sort_keys=True)])
log = structlog.get_logger()
{calls}
"""
ORDERS = {
    "before": "add_provenance, structlog.processors.format_exc_info",
    "after": "structlog.processors.format_exc_info, add_provenance",
    "twice": "add_provenance, structlog.processors.format_exc_info, add_provenance",
    "after dictionaries": "structlog.processors.dict_tracebacks, add_provenance",
    "alone": "add_provenance, lambda *a: {k: v for k, v in a[2].items() if k != 'exc_info'}",
}
HANDLED = "try:\n    written(1)\nexcept ValueError as error:\n    "


def events(tmp_path: Path, processors: str, calls: str) -> list[dict[str, object]]:
    records = {"written": ai(), "person": human()}
    write(tmp_path / ".aiprov" / "manifest.yaml", "").write_bytes(manifest({"main.py": records}))
    outcome = host(tmp_path, PROGRAM.format(processors=processors, calls=calls))

    assert (0, "") == (outcome.code, outcome.err)
    return [json.loads(line) for line in outcome.out.splitlines()]


def named(event: dict[str, object]) -> tuple[object, ...]:
    return event.get("aiprov.function"), event.get("aiprov.model"), event.get("code.file.path")


CALLS = """
    log.exception("x")
    log.error("x", exc_info=True)
    log.warning("x", exc_info=error)
    log.error("x", exc_info=(type(error), error, error.__traceback__))
    log.error("x", exc_info=sys.exc_info())
"""


@pytest.mark.parametrize("order", ORDERS)
def test_an_exception_is_judged_before_and_after_it_is_formatted(tmp_path: Path, order: str):
    found = events(tmp_path, ORDERS[order], HANDLED + CALLS)

    assert [("main.py::written", GENERATION.model, "main.py")] * 5 == list(map(named, found))


@pytest.mark.parametrize("order", ORDERS)
def test_without_an_exception_nothing_is_added(tmp_path: Path, order: str):
    calls = HANDLED + 'log.info("a"); log.info("b", exc_info=False); log.info("c", exception="main.py, line 1")\n'
    found = events(tmp_path, ORDERS[order], calls + 'log.info("d", exc_info=True)')

    assert [[]] * 4 == [[key for key in event if key.startswith(("aiprov.", "code."))] for event in found]


@pytest.mark.parametrize("order", ["after", "after dictionaries"])
def test_another_exception_than_the_one_being_handled_is_left_unjudged(tmp_path: Path, order: str):
    (event,) = events(tmp_path, ORDERS[order], f"other = caught(person)\n{HANDLED}" + 'log.error("x", exc_info=other)')

    assert (None, None, None) == named(event)


def test_the_users_own_keys_win(tmp_path: Path):
    call = HANDLED + 'log.error("x", exc_info=True, **{"aiprov.model": "mine"})'
    (event,) = events(tmp_path, ORDERS["before"], call)

    assert ("main.py::written", "mine", "main.py") == named(event)
    assert "secret" not in json.dumps({k: v for k, v in event.items() if k.startswith(("aiprov.", "code."))})
