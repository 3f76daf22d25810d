"""Prints, as JSON, what our span processor adds to a span that a BatchSpanProcessor takes; `report` runs it."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import aiprov_runtime
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

DEPTHS, ROUNDS, SPANS = (3, 20), 200, 50
SOURCE = "def f(depth, call):\n    return f(depth - 1, call) if depth else call()\n"
GENERATION = Generation("anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a1" * 32)


class Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002  # the interface
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


def provider(*processors: SpanProcessor) -> TracerProvider:
    provider = TracerProvider()
    for processor in (*processors, BatchSpanProcessor(Nowhere())):
        provider.add_span_processor(processor)
    return provider


def function(path: Path) -> Callable[[int, Callable[[], float]], float]:
    names: dict[str, Callable[[int, Callable[[], float]], float]] = {}
    exec(compile(SOURCE, str(path), "exec"), names)
    return names["f"]


def spans(tracer) -> float:
    start = time.perf_counter()
    for _ in range(SPANS):
        tracer.start_span("span").end()
    return (time.perf_counter() - start) / SPANS


def measure(root: Path) -> list[dict[str, object]]:
    """The quickest twentieth of interleaved rounds, in microseconds: a busy machine disturbs that least."""
    ai = Record("ai", GENERATION.id, code_hash=regions(SOURCE)["f"].code_hash)
    manifest = Manifest({GENERATION.id: GENERATION}, {"ai.py": {"f": ai}})
    (root / "manifest.yaml").write_bytes(dumps(manifest))
    for name in ("ai.py", "person.py"):
        (root / name).write_text(SOURCE)
    providers = {"bare": provider(), "idle": provider(SpanProcessor())}
    aiprov_runtime.init(manifest=root / "manifest.yaml", path_map=f"{root}=")
    providers["with_us"] = provider()  # every provider made from now on has our processor
    tracers = {name: one.get_tracer("bench") for name, one in providers.items()}
    cases = [(kind, depth) for depth in DEPTHS for kind in ("person", "ai")]
    stacks = {kind: function(root / f"{kind}.py") for kind in ("person", "ai")}
    took: dict[tuple[str, str, int], list[float]] = {}
    gc.disable()
    for _ in range(ROUNDS):
        for one in providers.values():
            one.force_flush()
        gc.collect()
        for kind, depth in cases:
            for name, one in tracers.items():
                took.setdefault((name, kind, depth), []).append(stacks[kind](depth, partial(spans, one)))
    fast = {key: statistics.quantiles(times, n=20)[0] * 1e6 for key, times in took.items()}
    return [
        {
            "hit": kind == "ai",
            "depth": depth,
            "bare_us": round(fast["bare", kind, depth], 2),
            "with_us": round(fast["with_us", kind, depth], 2),
            "share": round(fast["with_us", kind, depth] / fast["bare", kind, depth] - 1, 4),
            "idle_processor": round(fast["idle", kind, depth] / fast["bare", kind, depth] - 1, 4),
        }
        for kind, depth in cases
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(json.dumps(measure(Path(place))) + "\n")
