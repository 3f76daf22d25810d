"""Prints, as JSON, what judging one error event costs beside `capture_exception`; `test_error_event` runs it."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sentry_sdk
from sentry_sdk.scope import global_event_processors
from sentry_sdk.transport import Transport

import aiprov_runtime
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps
from aiprov_sentry import AiprovIntegration, annotate

DEPTH, ROUNDS = 20, 300
GENERATION = Generation("anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a1" * 32)
Judge = Callable[..., object]


class Nowhere(Transport):
    """Takes every envelope and drops it."""

    def capture_envelope(self, envelope: object) -> None:
        pass


def write_program(root: Path, recorded: int) -> Callable[[], None]:
    """A chain of calls 20 deep over 4 files, of which the innermost `recorded` functions are a model's."""
    sources = {f"part_{number}.py": "import time\n\n" for number in range(4)}
    for depth in range(DEPTH):
        body = f"return f_{depth + 1}(value)" if depth + 1 < DEPTH else "return 1 / value"
        sources[f"part_{depth % 4}.py"] += f"def f_{depth}(value):\n    other = [value] * 3\n    {body}\n\n\n"
    files = {}
    for name, source in sources.items():
        (root / name).write_text(source)
        found = regions(source)
        inner = [f"f_{depth}" for depth in range(DEPTH - recorded, DEPTH) if f"f_{depth}" in found]
        files[name] = {q: Record("ai", GENERATION.id, code_hash=found[q].code_hash) for q in inner}
    (root / "unrelated.py").write_text("")
    files["unrelated.py"] = {"f": Record("human")}
    (root / "manifest.yaml").write_bytes(
        dumps(Manifest({GENERATION.id: GENERATION}, {k: v for k, v in files.items() if v}))
    )
    namespace: dict[str, Callable[[int], None]] = {}
    for name, source in sources.items():
        exec(compile(source, str(root / name), "exec"), namespace)
    return lambda: namespace["f_0"](0)


def measure(recorded: int, root: Path) -> dict[str, float]:
    """The quickest twentieth of interleaved rounds, in microseconds: a busy machine disturbs that least."""
    program = write_program(root, recorded)
    aiprov_runtime.init(manifest=root / "manifest.yaml", path_map=f"{root}=")
    alone: list[float] = []

    def timed(event, hint):
        start = time.perf_counter()
        annotate(event, hint)
        alone.append(time.perf_counter() - start)
        return event

    without, with_us = [], []
    for _ in range(ROUNDS):
        for processors, times in (([], without), ([annotate], with_us), ([timed], None)):
            global_event_processors[:] = [*others, *processors]
            try:
                program()
            except ZeroDivisionError as error:
                start = time.perf_counter()
                sentry_sdk.capture_exception(error)
                if times is not None:
                    times.append(time.perf_counter() - start)
    capture, with_us, ours = (
        round(statistics.quantiles(times, n=20)[0] * 1e6, 1) for times in (without, with_us, alone)
    )
    return {
        "recorded": recorded,
        "capture_us": capture,
        "capture_with_us": with_us,
        "ours_us": ours,
        "share": round(ours / capture, 4),
        "share_with_serializing": round(with_us / capture - 1, 4),
    }


if __name__ == "__main__":
    sentry_sdk.init("http://public@127.0.0.1:9/1", transport=Nowhere, integrations=[AiprovIntegration()])
    others = [processor for processor in global_event_processors if processor is not annotate]
    results = []
    for recorded in (0, 3, DEPTH):
        with tempfile.TemporaryDirectory() as place:
            results.append(measure(recorded, Path(place)))
    sys.stdout.write(json.dumps(results) + "\n")
