"""What the application and ddtrace do stays as it was, whatever becomes of us."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from datadog_spans._programs import make

PROGRAM = """
import json, sys
{before}
import aiprov_runtime.auto
from ddtrace.trace import TraceFilter, tracer
from aiprov_runtime import _runtime, status
import pricing

class Keep(TraceFilter):
    def process_trace(self, trace):
        for span in trace:
            seen.append([span.name, span.error, any(name.startswith("aiprov") for name in span.get_tags())])

class Broken:
    def __getattr__(self, name):
        raise kind(name)

seen, outcomes = [], []
tracer.configure(trace_processors=[Keep()])
{broken}
for case in (pricing.case_raised, pricing.case_started_by_ai):
    try:
        with tracer.trace("request"):
            case()
        outcomes.append(None)
    except BaseException as error:
        outcomes.append(type(error).__name__)
_runtime._active = None
print(json.dumps([outcomes, seen, sorted(status().failures)]))
"""
BREAK = "kind = {}; _runtime._active = _runtime._active._replace(lookups=Broken(), origins=Broken())"
SPANS = [["request", 1], ["inner", 1], ["request", 0], ["started by ai", 0]]


def run(root: Path, *, before: str = "", broken: str = "") -> tuple[list, list, list]:
    make(root)
    (root / "program.py").write_text(PROGRAM.format(before=before, broken=broken))
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=root,
        env={"DD_REMOTE_CONFIGURATION_ENABLED": "false", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    outcomes, seen, failures = json.loads(done.stdout)
    return outcomes, seen, failures


def test_sees_to_it_that_the_others_are_judged(tmp_path: Path):
    """Unbroken, every span has tags of ours: the roots the manifest, the others more."""
    outcomes, seen, failures = run(tmp_path)

    assert outcomes == ["ValueError", None]
    assert seen == [[*span, True] for span in SPANS]
    assert failures == []


@pytest.mark.parametrize("kind", ["ValueError", "MemoryError", "RecursionError", "StopIteration"])
def test_lookup_that_fails_costs_nothing_but_our_tags(tmp_path: Path, kind: str):
    outcomes, seen, failures = run(tmp_path, broken=BREAK.format(kind))

    assert outcomes == ["ValueError", None]
    assert seen == [[*span, False] for span in SPANS]
    assert failures == ["datadog.start", "explain", "span"]


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit"])
def test_interrupt_passes_through(tmp_path: Path, kind: str):
    outcomes, _, _ = run(tmp_path, broken=BREAK.format(kind))

    assert outcomes == [kind, kind]


@pytest.mark.parametrize("package", ["datadog", "opentelemetry.sdk"])
def test_needs_no_other_package_of_the_vendors(tmp_path: Path, package: str):
    before = f"sys.modules[{package!r}] = None; import aiprov_datadog; aiprov_datadog.AiprovTraceFilter()"
    outcomes, seen, failures = run(tmp_path, before=before)

    assert outcomes == ["ValueError", None]
    assert seen == [[*span, True] for span in SPANS]
    assert failures == []


def test_package_imports_no_vendor_before_it_has_to():
    code = "import sys, aiprov_datadog; dir(aiprov_datadog); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"ddtrace", "datadog"} & set(loaded)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        __import__("aiprov_datadog").nothing  # noqa: B018
