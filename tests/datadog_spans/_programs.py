"""The shop's folder with its manifest, and programs run from it under ddtrace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peers.ddapm import Agent
from sentry._project import AI, manifest_of, write_manifest

from aiprov_runtime._manifest import MANIFEST_PATH, load

SHOP = Path(__file__).parent / "shop"
Span = dict[str, Any]
Tags = dict[str, str | float]


def make(root: Path) -> Path:
    shutil.copytree(SHOP, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for source in root.glob("*.py"):
        os.utime(source, (1, 1))  # deployed before the program starts
    write_manifest(root, manifest_of(root, below="."))
    return root


def run(
    root: Path,
    url: str,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    command: tuple[str | Path, ...] = (sys.executable,),
) -> tuple[dict[str, Any], str]:
    """Run `traced.py` to its end; the `status()` that it prints, and what it logs."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "DD_", "OTEL_", "PYTHON"))}
    settings = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}",
        "DD_TRACE_AGENT_URL": url,
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(environ or {}),
    }
    done = subprocess.run(
        [*map(str, command), "traced.py", *arguments],
        env=settings,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}, done.stderr


def take(agent: Agent) -> list[Span]:
    """What has arrived since the last time, if the agent has nothing against it."""
    spans, failed_checks = [span for trace in agent.datadog_traces() for span in trace], agent.failed_checks()
    agent.clear()

    assert failed_checks == {}
    return spans


def by_path(spans: list[Span]) -> dict[str, list[Span]]:
    """Spans by their names from the root on, `root/child`, in the order in which they started."""
    known = {span["span_id"]: span for span in spans}

    def path(span: Span) -> str:
        above = known.get(span.get("parent_id"))
        return f"{path(above)}/{span['name']}" if above else span["name"]

    found: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span["start"]):
        found.setdefault(path(span), []).append(span)
    return found


def ours(span: Span) -> Tags:
    """Our tags of a span, without the manifest's digest: texts from `meta`, numbers from `metrics`."""
    both = {**span.get("meta", {}), **span.get("metrics", {})}
    return {k: v for k, v in both.items() if k.startswith(("aiprov.", "code.")) and k != "aiprov.manifest"}


def digest(root: Path) -> str:
    return load((root / MANIFEST_PATH).read_bytes()).digest[:12]


def line_of(text: str) -> float:
    """The number of the one line of `pricing.py` that holds this."""
    (number,) = (n for n, line in enumerate((SHOP / "pricing.py").read_text().splitlines(), 1) if text in line)
    return float(number)


def ai(function: str, relation: str, line: float) -> Tags:
    """All tags of a span that a function of `AI` speaks for."""
    return {
        "aiprov.origin": "ai",
        "aiprov.generated": "true",
        "aiprov.function": f"pricing.py::{function}",
        "aiprov.model": str(AI.model),
        "aiprov.tool": str(AI.tool),
        "aiprov.prompt_hash": str(AI.prompt_hash),
        "aiprov.relation": relation,
        "aiprov.state": "verified",
        "code.function.name": f"pricing.{function}",
        "code.file.path": "pricing.py",
        "code.line.number": line,
    }


def failed(function: str, relation: str, line: float, *functions: str) -> Tags:
    """The same of an error, with every AI function on its path."""
    listed = {f"aiprov.functions.{place}": f"pricing.py::{name}" for place, name in enumerate(functions or [function])}
    return ai(function, relation, line) | listed
