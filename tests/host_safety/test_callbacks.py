"""Every callback of every vendor under every fault: what the host sees and sends is what it is without us."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from host_safety._vendors import VENDORS

from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record, dumps

HERE = Path(__file__).parent
GENERATION = Generation(model="anthropic/claude-opus-4-6", tool="claude-code")
AI = ("fails", "step", "steps", "main", "at_exit", "forks")
HASHES = regions((HERE / "_callbacks.py").read_bytes())
VALID = dumps(
    Manifest(
        {GENERATION.id: GENERATION},
        {"main.py": {name: Record("ai", GENERATION.id, 1.0, HASHES[name].code_hash) for name in AI}},
    )
)
HOSTS_OWN = {"SENTRY_", "OTEL_", "DD_", "AIPROV_", "PYTHON"}
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
    "OTEL_PYTHON_CONTEXT": "contextvars_context",
    "NO_PROXY": "*",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


STEPS = {
    f"{vendor}.{step}"
    for vendor, kind in VENDORS.items()
    for step, value in vars(kind).items()
    if callable(value) and step != "told" and not step.startswith("_")
}
REQUESTS = {step for step in STEPS if step.startswith("requests.")}
SILENT = REQUESTS | {"logs.plain", "statsd.count", "statsd.logged"}


class Fault(NamedTuple):
    """What is wrong, and how it shows that it really was."""

    manifest: bytes | None = VALID
    flags: str = ""
    """For the host with us and without us: modules that it does not have, or what it does in the end."""
    ours: str = ""
    """For the host with us."""
    environ: tuple[tuple[str, str], ...] = ()
    sign: str = ""
    """Part of what `status()` says in the end."""
    silent: AbstractSet[str] | None = SILENT
    """The steps that carry no key of ours; None where it comes too late for what SDKs were told at their set-up."""


def places(*names: str) -> str:
    """All of these have failed and were guarded."""
    return "".join(f"(?=.*'{name}')" for name in names)


TRACKED = (("AIPROV_TRACK", "1"), ("AIPROV_TRACK_SAMPLE", "1"))
SDKS = ("sentry_sdk", "opentelemetry", "ddtrace", "datadog", "structlog")
VENDORS_GUARDS = places(
    *("logs", "sentry.event", "sentry.span", "datadog.finish", "datadog.error"),
    *("opentelemetry.start", "opentelemetry.exception", "opentelemetry.log", "opentelemetry.resource"),
)
FAULTS = {
    "nothing wrong": Fault(sign=r"^\|\{\}"),
    "set up before us": Fault(ours="late", sign=r"^\|\{\}"),
    "log keys": Fault(environ=(("AIPROV_LOGS", "1"),), sign=r"^\|\{\}"),
    "tracked": Fault(environ=TRACKED, sign=r"^\|\{\}"),
    "no manifest": Fault(None, sign="no .aiprov/manifest.yaml above", silent=STEPS),
    "corrupt manifest": Fault(VALID[:-40], sign="restore the file from git", silent=STEPS),
    "lookup raises": Fault(ours="lookup ValueError", sign="'explain'.*'span'", silent=None),
    "lookup out of memory": Fault(ours="lookup MemoryError", sign="'explain'.*'span'", silent=None),
    "lookup too deep": Fault(ours="lookup RecursionError", sign="'explain'.*'span'", silent=None),
    "answer raises": Fault(ours="answer ValueError", sign=VENDORS_GUARDS, silent=None),
    "answer out of memory": Fault(ours="answer MemoryError", sign=VENDORS_GUARDS, silent=None),
    "flusher raises": Fault(ours="flush fails", sign="'datadog.flush'"),
    "flusher hangs": Fault(ours="flush hangs", sign=r"^\|\{\}.*'aiprov-datadog'"),
    "flusher without threads": Fault(ours="no threads", sign="'datadog.thread'"),
    **{
        f"function's start {name}": Fault(ours=f"track {kind}", environ=TRACKED, sign=r"'track': \d")
        for name, kind in (("raises", "ValueError"), ("is out of memory", "MemoryError"))
        if hasattr(sys, "monitoring")
    },
    "SDKs missing": Fault(flags=",".join(f"without {name}" for name in SDKS), silent=REQUESTS | {"logs.plain"}),
    "shut down": Fault(flags="shut down", sign=r"^\|\{\}"),
    "read-only disk": Fault(environ=(("AIPROV_SINK", "/proc/self/events.jsonl"),), sign="'capture"),
    "no home": Fault(environ=(("HOME", "/no-such"),), sign=r"^\|\{\}"),
    "disabled": Fault(environ=(("AIPROV_DISABLED", "1"),), sign=r"AIPROV_DISABLED is set\|\{\}", silent=STEPS),
}


class Seen(NamedTuple):
    code: int
    out: list[str]
    err: list[str]
    ours: dict[str, list[str]]
    """Names like ours in each step's telemetry; the host has a few of its own."""


def run(root: Path, manifest: bytes | None, flags: str, environ: dict[str, str], python: str = sys.executable) -> Seen:
    root.mkdir()
    shutil.copy(HERE / "_callbacks.py", root / "main.py")
    if manifest is not None:
        (root / MANIFEST_PATH).parent.mkdir()
        (root / MANIFEST_PATH).write_bytes(manifest)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(tuple(HOSTS_OWN))}
    done = subprocess.run(
        [python, "main.py"],
        env={
            **kept,
            **QUIET,
            "VENDORS_FOLDER": str(HERE),
            "HOST_FLAGS": flags,
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environ,
        },
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Seen(
        done.returncode, lines(done.stdout, root), lines(done.stderr, root), json.loads((root / "seen").read_text())
    )


def lines(text: str, root: Path) -> list[str]:
    text = re.sub(r"0x[0-9a-f]+|[0-9a-f]{32}|id=\d+|[0-9a-f]{8}-[0-9a-f-]{27}", "#", text.replace(str(root), "ROOT"))
    return [line for line in text.splitlines() if not line.startswith("aiprov: ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("callbacks")


@cache
def without_us(place: Path, flags: str) -> Seen:
    return run(place / f"without {flags}", None, flags, {})


@pytest.mark.parametrize("fault", FAULTS)
def test_callbacks_change_nothing(tmp_path: Path, place: Path, fault: str):
    wrong = FAULTS[fault]
    expected = without_us(place, wrong.flags)
    root = tmp_path / "with"

    found = run(root, wrong.manifest, f"with,{wrong.flags},{wrong.ours}", dict(wrong.environ))

    assert expected[:3] == found[:3]
    assert 1 == found.code
    assert re.search(wrong.sign, (root / "status").read_text())
    assert wrong.silent in (None, {step for step, keys in found.ours.items() if keys == expected.ours[step]})


@pytest.mark.parametrize(
    ("ours", "unheard"),
    [
        ("lookup KeyboardInterrupt", SILENT - {"statsd.logged"}),
        # Sentry keeps what its event processors raise to itself, whatever it is.
        ("answer KeyboardInterrupt", SILENT | {"sentry.exception", "sentry.message", "sentry.logged", "statsd.logged"}),
    ],
)
def test_an_interrupt_inside_of_any_callback_reaches_the_host(tmp_path: Path, ours: str, unheard: set[str]):
    found = run(tmp_path / "with", VALID, f"with,no fork,{ours}", {})
    outcomes = [line.split(" ", 2)[:2] for line in found.out]

    assert STEPS - unheard == {step for step, outcome in outcomes if outcome.startswith("KeyboardInterrupt(")}
