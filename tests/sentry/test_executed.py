"""Which AI functions ran in a trace: on its errors, on its root, and in the local sink."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sentry._intake import Intake, serving
from sentry._project import ai, no_ai, run
from sentry._project import ours as tags_of
from sentry.test_traces import PROGRAM, STATIC, STREAM, program

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")

RAISES = f"{PROGRAM}::ai_raises"
PRICES, CALLS = f"{PROGRAM}::ai_prices", f"{PROGRAM}::ai_calls"
NOT_SAMPLED = [{**STATIC, "traces_sample_rate": 0.0}, {**STREAM, "traces_sample_rate": 0.0}]


def sent(tmp_path: Path, cases: str, options: dict[str, object]) -> tuple[Intake, list[dict[str, Any]]]:
    script = program(tmp_path)
    sink = tmp_path / "sink.jsonl"
    environ = {"AIPROV_TRACK": "1", "AIPROV_TRACK_SAMPLE": "1", "AIPROV_SINK": str(sink)}
    with serving() as intake:
        status = run(script, intake.dsn, "init,auto", cases, options=options, environ=environ)
    assert status["failures"] == {}
    lines = [json.loads(line) for line in sink.read_text().splitlines()] if sink.exists() else []
    return intake, [line for line in lines if line["schema"].startswith("aiprov.trace/")]


@pytest.mark.parametrize("options", [STATIC, STREAM, *NOT_SAMPLED])
def test_errors_name_what_ran_before_them(tmp_path: Path, options: dict[str, object]):
    intake, _ = sent(tmp_path, "executed", options)

    events = intake.by_case()
    assert tags_of(events["executed"]) == {**no_ai("human"), "aiprov.relation": "executed"}
    assert events["executed"]["contexts"]["aiprov"]["executed"] == [PRICES]
    assert tags_of(events["raised by ai"]) == ai(RAISES)
    assert set(events["raised by ai"]["contexts"]["aiprov"]["executed"]) == {PRICES, CALLS}


def test_transactions_name_what_ran_in_them(tmp_path: Path):
    intake, _ = sent(tmp_path, "executed,healthy,nothing", STATIC)

    data = {name: found["contexts"]["trace"]["data"] for name, found in intake.transactions().items()}
    assert {name: found.get("aiprov.executed") for name, found in data.items()} == {
        "root of executed": [PRICES, CALLS, RAISES],
        "nested": [CALLS, PRICES],
        "root of healthy": [PRICES],
        "root of nothing": None,
    }


def test_segments_name_what_ran_in_their_trace(tmp_path: Path):
    """A segment within another is of the same trace; a transaction within another begins its own."""
    intake, _ = sent(tmp_path, "executed,healthy,nothing", STREAM)

    segments = {span["name"]: span["attributes"] for span in intake.batched["span"] if span["is_segment"]}
    assert {name: found.get("aiprov.executed") for name, found in segments.items()} == {
        "root of executed": [PRICES, CALLS, RAISES],
        "nested": [PRICES, CALLS],
        "root of healthy": [PRICES],
        "root of nothing": None,
    }


@pytest.mark.parametrize("options", [STATIC, STREAM, *NOT_SAMPLED])
def test_sink_tells_failed_traces_from_healthy_ones(tmp_path: Path, options: dict[str, object]):
    _, traces = sent(tmp_path, "executed,healthy", options)

    nested = [] if "trace_lifecycle" in options else [([CALLS, PRICES], False)]
    assert [(trace["executed"], trace["failed"]) for trace in traces] == [
        *nested,
        ([PRICES, CALLS, RAISES], True),
        ([PRICES], False),
    ]


@pytest.mark.parametrize("options", [STATIC, STREAM])
def test_tracking_may_be_switched_on_later(tmp_path: Path, options: dict[str, object]):
    with serving() as intake:
        run(program(tmp_path), intake.dsn, "init,auto,track", "executed", options=options)

    assert intake.by_case()["executed"]["contexts"]["aiprov"]["executed"] == [PRICES]


@pytest.mark.parametrize("options", [STATIC, STREAM])
def test_server_error_fails_a_trace_and_a_client_error_does_not(tmp_path: Path, options: dict[str, object]):
    _, traces = sent(tmp_path, "server_error,client_error", options)

    assert [trace["failed"] for trace in traces] == [True, False]
