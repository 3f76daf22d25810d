"""The verb on a sink file that real processes wrote: errors, and which functions ran in which trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiprov.cli import run
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

SHOP = "shop.py"
PARSE = "prices.py"
SOURCES = {
    PARSE: "def parse(text):\n    return int(text)\n\n\ndef clean(text):\n    return text.strip()\n",
    SHOP: """\
import prices


def mark():
    return "#"


def render(price):
    width = 10 // price
    return mark() * width


def handle(text, is_priced):
    price = prices.parse(prices.clean(text)) if is_priced else 1
    return render(price)
""",
}
BAD = SOURCES[PARSE].replace("int(text)", "int(text) - 1")
CULPRIT = f"{PARSE}::parse"
CLAUDE = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "ab" * 32)

# Every request cleans; one in ten asks for a price. Where that is 1, the culprit makes it 0, and rendering fails later.
TRACKED = """
import sys
sys.path.insert(0, ".")
import aiprov_runtime as a
from aiprov_runtime._runtime import begin_trace

number = 0
a.init(sink=sys.argv[1], release="v2", track=True, track_sample=1.0, user=lambda: f"user-{number}")
import prices, shop

for number in range(300):
    trace = begin_trace(f"trace-{number}")
    prices.clean("")
    failed = False
    try:
        shop.handle("1" if number % 8 == 0 else "5", number % 8 == 0 or number % 20 == 1 or sys.argv[2] == "all")
    except ZeroDivisionError as error:
        a.capture(error)
        failed = True
    trace.finish(failed=failed)
"""
# What the same program writes, for an interpreter that cannot track.
WRITTEN = """
import sys, time
sys.path.insert(0, ".")
import shop
from aiprov_runtime._sink import Sink

now = time.time()
sink = Sink(sys.argv[1], 1 << 24, 3, release="v2", clock=lambda: now)
for number in range(300):
    now += 0.01
    is_priced = number % 8 == 0 or number % 20 == 1 or sys.argv[2] == "all"
    ids = {"trace": f"trace-{number}", "user": f"user-{number}"}
    ran, failed = ["prices.py::clean"] + ["prices.py::parse"] * is_priced, False
    try:
        shop.handle("1" if number % 8 == 0 else "5", is_priced)
    except ZeroDivisionError as error:
        sink.event(error, None, lambda code: code.co_filename.endswith("shop.py"), **ids)
        failed = True
    sink.trace(ran, failed=failed, weight=1.0, manifest=None, **ids)
"""
EARLIER = """
import sys, time
sys.path.insert(0, ".")
import shop
from aiprov_runtime._sink import Sink

now = time.time() - 86_400
sink = Sink(sys.argv[1], 1 << 24, 3, release="v1", clock=lambda: now)
for number in range(24):
    now += 3500
    try:
        shop.handle("?", True)
    except ValueError as error:
        sink.event(error, None, lambda code: code.co_filename.endswith("shop.py"), user=f"old-{number}")
"""


def git(root, *arguments):
    command = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, sources: dict[str, str], *, tag: str) -> None:
    files = {
        path: {
            name: Record("ai", CLAUDE.id, None, one.code_hash) if path == PARSE else Record("human", None, None, None)
            for name, one in regions(source).items()
        }
        for path, source in sources.items()
    }
    (root / ".aiprov").mkdir(exist_ok=True)
    (root / ".aiprov/manifest.yaml").write_bytes(dumps(Manifest({CLAUDE.id: CLAUDE}, files)))
    for path, source in sources.items():
        (root / path).write_text(source)
    git(root, "add", ".aiprov", *sources)
    git(root, "commit", "-qm", f"Release {tag}")
    git(root, "tag", tag)


# 3.11 cannot track.
PROGRAMS = {"written": WRITTEN} | ({"tracked": TRACKED} if sys.version_info >= (3, 12) else {})


@pytest.fixture(params=PROGRAMS)
def spike(request, tmp_path, capsys):
    """Run the program at v2, after a day of v1, and the verb on what it wrote; `requests` is which ask for a price."""
    program = PROGRAMS[request.param]

    def call(*options: str, requests: str = "some", shop: str = SOURCES[SHOP], traces: bool = True):
        root = tmp_path / "repository"
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        sink = tmp_path / "events.jsonl"
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        commit(root, SOURCES, tag="v1")
        play = {"cwd": root, "env": environment, "check": True, "capture_output": True, "timeout": 60}
        subprocess.run([sys.executable, "-c", EARLIER, str(sink)], **play)
        commit(root, {PARSE: BAD, SHOP: shop}, tag="v2")
        subprocess.run([sys.executable, "-c", program, str(sink), requests], **play)
        lines = sink.read_text().splitlines(keepends=True)
        sink.write_text("".join(line for line in lines if traces or '"aiprov.trace/1"' not in line))
        code = run(["spike", str(sink), "--repo", str(root), "--release", "v2", *options])
        return code, capsys.readouterr().out

    return call


def test_a_function_that_returned_bad_data_is_named_by_the_traces_it_ran_in(spike):
    code, out = spike("--json")
    found = json.loads(out)
    (suspect,) = found["suspects"]
    ran = suspect["ran"]

    assert (code, found["verdict"]) == (1, "possible")
    assert (suspect["function"], suspect["tier"], suspect["verdict"]) == (CULPRIT, "executed", "possible")
    assert (suspect["model"], suspect["changed"], suspect["linked"]) == (CLAUDE.model, "changed", None)
    assert ran["failing"] == ran["failing_traces"] >= 37  # the last one may end after the last error
    assert (ran["healthy"], ran["healthy_traces"] > 250) == (15, True)
    assert ran["healthy_share"] < 0.06
    assert suspect["revert"].startswith(f"aiprov revert '{CULPRIT}' --to ")


def test_text_says_in_which_traces_it_ran(spike):
    code, out = spike()
    plain = " ".join(out.split())

    assert code == 1
    assert f"Possible: consistent with a regression in {CULPRIT}, which is not on the stack itself." in plain
    assert f"1 {CULPRIT} possible ran before the error" in plain
    assert "not on the stack: it ran in 3" in plain
    assert "failing traces and in 15 of 2" in plain
    assert f"aiprov revert '{CULPRIT}' --to " in plain


def test_one_that_runs_in_every_request_is_not_named(spike):
    code, out = spike("--json", requests="all")

    assert (code, json.loads(out)["suspects"]) == (0, [])


@pytest.mark.parametrize(("old", "new"), [("10 // price", "20 // price"), ('"#"', '"="')], ids=["raises", "is called"])
def test_where_a_person_changed_what_raises_or_what_that_calls_nothing_else_is_named(spike, old, new):
    code, out = spike("--json", shop=SOURCES[SHOP].replace(old, new))

    assert (code, json.loads(out)["suspects"]) == (0, [])


def test_without_traces_nothing_is_named(spike):
    code, out = spike("--json", traces=False)

    assert (code, json.loads(out)["suspects"]) == (0, [])
