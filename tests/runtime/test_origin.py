"""What a span says about the code that starts it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from runtime._app import GENERATION, ai, hash_of, human, index, run, write

from aiprov_runtime._origin import Origins

SOURCE = """
def helper(frame):
    return frame()

def total(frame):
    return helper(frame)

def person(frame):
    return frame()

def deep(frame, depth):
    return deep(frame, depth - 1) if depth else frame()

def asks_deep(frame, depth):
    return deep(frame, depth)
"""
OPEN = {"helper": human(), "total": ai(), "person": human(), "asks_deep": ai()}


def caller():
    return sys._getframe(1)


def app(root: Path, records=OPEN, *, limit: int = 16):
    write(root / "shop.py", SOURCE)
    return run(root / "shop.py"), Origins(index({"shop.py": records}, root=root), limit)


def test_the_nearest_function_of_a_model_wins_over_a_nearer_person(tmp_path: Path):
    shop, origins = app(tmp_path)

    assert origins.find(shop.total(caller)) == {
        "aiprov.origin": "ai",
        "aiprov.generated": "true",
        "aiprov.function": "shop.py::total",
        "aiprov.model": GENERATION.model,
        "aiprov.tool": GENERATION.tool,
        "aiprov.prompt_hash": GENERATION.prompt_hash,
        "aiprov.relation": "span_origin",
        "aiprov.state": "unverified",
        "aiprov.manifest": origins._index.manifest,
        "code.function.name": "shop.total",
        "code.file.path": "shop.py",
        "code.line.number": 6,
    }


def test_people_alone_are_no_origin(tmp_path: Path):
    shop, origins = app(tmp_path)

    assert origins.find(shop.person(caller)) is None
    assert origins.find(None) is None


def test_the_walk_ends_eight_frames_into_the_application(tmp_path: Path):
    shop, origins = app(tmp_path)

    assert origins.find(shop.asks_deep(caller, 6))["aiprov.function"] == "shop.py::asks_deep"
    assert origins.find(shop.asks_deep(caller, 7)) is None


def test_a_library_that_starts_the_span_is_passed_over(tmp_path: Path):
    shop, origins = app(tmp_path, limit=20)
    library = run(write(tmp_path / "site-packages" / "library" / "client.py", SOURCE))

    assert origins.find(shop.total(lambda: library.deep(caller, 18)))["aiprov.function"] == "shop.py::total"
    assert origins.find(shop.total(lambda: library.deep(caller, 19))) is None


def test_a_place_is_described_once(tmp_path: Path):
    shop, origins = app(tmp_path)

    assert origins.find(shop.total(caller)) is origins.find(shop.total(caller))


def test_the_state_is_found_out_beside_the_request(tmp_path: Path):
    right = ai(hash_of(SOURCE, "total"))
    for records, expected in (({"total": right}, "verified"), ({"total": ai("0" * 16)}, "stale")):
        shop, origins = app(tmp_path, records)

        first = origins.find(shop.total(caller))["aiprov.state"]
        for thread in threading.enumerate():
            if thread.name == "aiprov-verify":
                thread.join()

        assert first in {"unverified", expected}
        assert origins.find(shop.total(caller))["aiprov.state"] == expected
