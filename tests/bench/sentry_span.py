"""Prints, as JSON, what a Sentry span costs with us and without, by whether AI-written code starts it."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentry_sdk
from sentry_sdk import traces, tracing
from sentry_sdk.transport import Transport

import aiprov_runtime
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

DEPTH, ROUNDS, SPANS = 8, 100, 100
GENERATION = Generation("anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a1" * 32)
SOURCE = """
def spans(start, count):
    for _ in range(count):
        with start(name="span"):
            pass

def f(depth, start, count):
    return f(depth - 1, start, count) if depth else spans(start, count)
"""
METHODS: tuple[tuple[Any, str], ...] = (
    (tracing._SpanRecorder, "add"),
    (tracing.Span, "init_span_recorder"),
    (traces.StreamedSpan, "_start"),
)


class Bytes(Transport):
    """Makes the bytes of every envelope and drops them."""

    def capture_envelope(self, envelope: Any) -> None:
        envelope.serialize()


def programs(root: Path) -> dict[str, Callable[..., None]]:
    """The same functions twice, recorded as a model's in one of the two files."""
    found = regions(SOURCE)
    written = {"spans": Record("ai", GENERATION.id, code_hash=found["spans"].code_hash)}
    (root / "manifest.yaml").write_bytes(dumps(Manifest({GENERATION.id: GENERATION}, {"hit.py": written})))
    programs = {}
    for name in ("miss", "hit"):
        (root / f"{name}.py").write_text(SOURCE)
        names: dict[str, Callable[..., None]] = {}
        exec(compile(SOURCE, str(root / f"{name}.py"), "exec"), names)
        programs[name] = names["f"]
    return programs


def one(program: Callable[..., None], *, is_stream: bool) -> tuple[float, float]:
    """Seconds of processor time per span: for its start and end, and until its bytes are made, in every thread."""
    start = traces.start_span if is_stream else sentry_sdk.start_span
    begun = time.process_time()
    with traces.start_span(name="root") if is_stream else sentry_sdk.start_transaction(name="root"):
        started = time.thread_time()
        program(DEPTH, start, SPANS)
        ended = time.thread_time()
    sentry_sdk.flush(10)
    return (ended - started) / SPANS, (time.process_time() - begun) / SPANS


def measure(programs: dict[str, Callable[..., None]], *, is_stream: bool) -> list[dict[str, object]]:
    """The quickest twentieth of interleaved rounds, in microseconds: a busy machine disturbs that least."""
    took: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for kind, program in programs.items():
            for with_us in (False, True):
                for (owner, name), (bare, ours) in methods.items():
                    setattr(owner, name, ours if with_us else bare)
                took.setdefault((kind, with_us), []).append(one(program, is_stream=is_stream))
    results = []
    for kind in programs:
        for place, part in enumerate(("start_and_end", "whole")):
            bare_us, ours_us = (
                statistics.quantiles([times[place] for times in took[kind, with_us]], n=20)[0] * 1e6
                for with_us in (False, True)
            )
            results.append(
                {
                    "lifecycle": "stream" if is_stream else "static",
                    "hit": kind == "hit",
                    "part": part,
                    "bare_us": round(bare_us, 2),
                    "added_us": round(ours_us - bare_us, 2),
                    "share": round(ours_us / bare_us - 1, 3),
                }
            )
    return results


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        both = programs(root)
        aiprov_runtime.init(manifest=root / "manifest.yaml", path_map=f"{root}=")
        methods = {method: (getattr(*method).__wrapped__, getattr(*method)) for method in METHODS}
        results = []
        for lifecycle in ("static", "stream"):
            sentry_sdk.init(
                "http://public@127.0.0.1:9/1",
                transport=Bytes,
                traces_sample_rate=1.0,
                trace_lifecycle=lifecycle,
                auto_enabling_integrations=False,
            )
            results += measure(both, is_stream=lifecycle == "stream")
    sys.stdout.write(json.dumps(results) + "\n")
