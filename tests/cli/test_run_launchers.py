"""`aiprov run` inside and around the launchers of ddtrace and OpenTelemetry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, Record, dumps

BIN = Path(sys.executable).parent
QUIET = {
    "DD_TRACE_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
PROGRAM = """
import json, subprocess, sys
said = {
    "ddtrace": "ddtrace.bootstrap.preload" in sys.modules,
    "opentelemetry": "opentelemetry.instrumentation.auto_instrumentation._load" in sys.modules,
}
import aiprov_runtime
print(json.dumps({**said, "manifest": aiprov_runtime.status().manifest}), flush=True)
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "child"], check=True)
"""


@pytest.mark.parametrize(
    ("launchers", "vendor"),
    [
        (["aiprov run --", "ddtrace-run"], "ddtrace"),
        (["ddtrace-run", "aiprov run --"], "ddtrace"),
        (["aiprov run --", "opentelemetry-instrument"], "opentelemetry"),
        (["opentelemetry-instrument", "aiprov run --"], "opentelemetry"),
    ],
    ids=["around ddtrace", "inside ddtrace", "around OpenTelemetry", "inside OpenTelemetry"],
)
def test_both_start_in_the_program_and_in_its_children(tmp_path: Path, launchers: list[str], vendor: str) -> None:
    (tmp_path / MANIFEST_PATH).parent.mkdir()
    (tmp_path / MANIFEST_PATH).write_bytes(dumps(Manifest({}, {"app.py": {"f": Record("human")}})))
    (tmp_path / "app.py").write_text(PROGRAM)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "_AIPROV", "DD_", "OTEL_", "PYTHON"))}

    done = subprocess.run(
        [*" ".join(launchers).split(), sys.executable, "app.py"],
        env={**kept, **QUIET, "PATH": f"{BIN}:{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (0, "") == (done.returncode, done.stderr)
    expected = {"ddtrace": False, "opentelemetry": False, "manifest": str(tmp_path / MANIFEST_PATH), vendor: True}
    assert [expected, expected] == [json.loads(line) for line in done.stdout.splitlines()]
