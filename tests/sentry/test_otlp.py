"""Sentry's OTLP integration and aiprov both hook OpenTelemetry's `record_exception`, in either order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sentry._intake import serving
from sentry._project import HERE, ai, manifest_of, ours, run, write_manifest

RAISES = ai("otlp.py::ai_raises")


@pytest.mark.parametrize(
    "steps", ["init,auto,provider", "auto,init,provider", "provider,init,auto", "auto,provider,init"]
)
def test_errors_and_spans_are_judged_alike_in_every_order(tmp_path: Path, steps: str):
    shutil.copy(HERE / "shop" / "otlp.py", tmp_path / "otlp.py")
    write_manifest(tmp_path, manifest_of(tmp_path, below="."))

    with serving() as intake:
        status = run(tmp_path / "otlp.py", intake.dsn, steps)

    events = intake.by_case()
    (exception,) = status["spans"]["by ai"]["events"]
    assert {case: ours(event) for case, event in events.items()} == {
        "raised": RAISES,
        "said": ai("otlp.py::ai_captures"),
    }
    assert {name: exception[name] for name in RAISES} == RAISES
    assert exception["exception.type"] == "ZeroDivisionError"
    assert events["said"]["contexts"]["trace"]["trace_id"] == status["spans"]["captured"]["trace"]
    assert status["spans"]["captured"]["attributes"]["aiprov.function"] == "otlp.py::ai_captures"
    assert status["failures"] == {}
