"""Prints, as JSON, what execution tracking adds to functions and programs; `report` runs it.

Python 3.12 or newer; before that it prints an empty list.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import aiprov_runtime
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

CALLS, ROUNDS, PROGRAMS, FUNCTIONS = 20_000, 60, 15, 10_000
GENERATION = Generation("anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a1" * 32)
SHOP = "def tracked(value):\n    return value\n\n\ndef other(value):\n    return value\n"
PROGRAM = """
import resource, sys, time
import aiprov_runtime
aiprov_runtime.init(manifest="manifest.yaml", path_map=f"{sys.path[0]}=", track=TRACK)
start = time.process_time()
import argparse, asyncio, ast, decimal, difflib, email.message, html.parser, http.server, inspect, json, logging.config
import pickle, string, tarfile, textwrap, tokenize, unittest, urllib.request, xml.dom.minidom, zipfile
imported = time.process_time()
def work():
    text = inspect.getsource(json.encoder)
    list(tokenize.generate_tokens(iter(text.splitlines(True)).__next__))
    "".join(json.JSONEncoder(indent=1).iterencode([{"a": [n, str(n)]} for n in range(300)]))
    list(difflib.unified_diff(text.splitlines()[:80], textwrap.fill(text[:4000]).splitlines()))
    xml.dom.minidom.parseString("<a>" + "<b c='1'>x</b>" * 100 + "</a>").toxml()
    shop.tracked(1)
import shop
work()
worked = time.process_time()
for _ in range(5):
    work()
print(imported - start, time.process_time() - worked)
"""


def function(path: Path, name: str) -> Callable[[int], int]:
    names: dict[str, Callable[[int], int]] = {}
    exec(compile(SHOP, str(path), "exec"), names)
    return names[name]


def each(call: Callable[[int], int]) -> float:
    """Nanoseconds per call, the loop included: what is compared has the same."""
    start = time.perf_counter()
    for number in range(CALLS):
        call(number)
    return (time.perf_counter() - start) / CALLS * 1e9


def calls(root: Path) -> dict[str, float]:
    """The quickest rounds of fresh functions that take turns: one that tracking has never met beside one it has."""
    path = root / "shop.py"
    times: dict[str, list[float]] = {}
    bare, tracked, other = (function(path, name) for name in ("other", "tracked", "other"))
    for _ in range(ROUNDS):
        init(root, track=False)
        times.setdefault("bare", []).append(each(bare))
        init(root, track=True)
        other(0)
        for name, call in (("tracked", tracked), ("other", other)):
            times.setdefault(name, []).append(each(call))
        trace = aiprov_runtime.begin_trace()
        times.setdefault("traced", []).append(each(tracked))
        if trace is not None:
            trace.finish(failed=False)
    quick = {name: statistics.quantiles(found, n=20)[0] for name, found in times.items()}
    return {
        "bare_ns": round(quick["bare"], 1),
        "tracked_added_ns": round(quick["tracked"] - quick["bare"], 1),
        "tracked_in_trace_added_ns": round(quick["traced"] - quick["bare"], 1),
        "other_added_ns": round(quick["other"] - quick["bare"], 1),
    }


def init(root: Path, *, track: bool) -> None:
    aiprov_runtime.init(manifest=root / "manifest.yaml", path_map=f"{root}=", track=track)


def traces(root: Path) -> dict[str, float]:
    """One request: a bag that is opened and closed."""
    init(root, track=True)
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(1000):
            trace = aiprov_runtime.begin_trace()
            if trace is not None:
                trace.finish(failed=False)
        found.append((time.perf_counter() - start) * 1000)
    return {"trace_us": round(statistics.quantiles(found, n=20)[0], 2)}


def memory(root: Path) -> dict[str, float]:
    """What each function that has run holds, and each that was passed over."""
    source = "".join(f"def f{n}(): pass\ndef g{n}(): pass\n" for n in range(FUNCTIONS))
    held = {}
    for kind in "fg":
        names: dict[str, Callable[[], None]] = {}
        exec(compile(source, str(root / "many.py"), "exec"), names)
        init(root, track=True)
        tracemalloc.start()
        for number in range(FUNCTIONS):
            names[f"{kind}{number}"]()
        held[kind] = tracemalloc.get_traced_memory()[0] / FUNCTIONS
        tracemalloc.stop()
    return {"tracked_bytes": round(held["f"]), "other_bytes": round(held["g"])}


def programs(root: Path) -> dict[str, float]:
    """The same program with tracking and without, in turns: CPU seconds of its imports and of its work, and memory."""
    took: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for _ in range(PROGRAMS):
        for track in (False, True):
            (root / "program.py").write_text(PROGRAM.replace("TRACK", str(track)))
            command = [sys.executable, "program.py"]
            done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=True)
            imported, worked = map(float, done.stdout.split())
            took[track].append((imported, worked))
    (on_import, on_work), (off_import, off_work) = (
        (min(t[0] for t in took[track]), min(t[1] for t in took[track])) for track in (True, False)
    )
    return {
        "import_ms": round(off_import * 1000, 1),
        "import_share": round(on_import / off_import - 1, 4),
        "work_ms": round(off_work * 1000, 1),
        "work_share": round(on_work / off_work - 1, 4),
        "peak_kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }


def main() -> None:
    if sys.version_info < (3, 12):
        sys.stdout.write("[]\n")
        return
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "shop.py").write_text(SHOP)
        ai = Record("ai", GENERATION.id)
        files = {"shop.py": {"tracked": ai}, "many.py": {f"f{n}": ai for n in range(FUNCTIONS)}}
        (root / "manifest.yaml").write_bytes(dumps(Manifest({GENERATION.id: GENERATION}, files)))
        sys.stdout.write(json.dumps([calls(root) | traces(root) | memory(root) | programs(root)]) + "\n")


if __name__ == "__main__":
    main()
