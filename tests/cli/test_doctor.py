from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiprov.doctor import diagnose
from aiprov.errors import UsageError
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record, dumps

SOURCE = b"def price(item):\n    return item * 2\n\n\ndef tax(item):\n    return item * 0.2\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    generation = Generation(model="openai/gpt-5.2")
    hashes = {name: region.code_hash for name, region in regions(SOURCE).items()}
    records = {"price": Record("ai", generation.id, 1.0, hashes["price"])}
    (tmp_path / "shop.py").write_bytes(SOURCE)
    (tmp_path / ".aiprov").mkdir()
    (tmp_path / MANIFEST_PATH).write_bytes(dumps(Manifest({generation.id: generation}, {"shop.py": records})))
    return tmp_path


def states(target: str, project: Path) -> dict[str, str]:
    found = diagnose(target, directory=project, environ={})
    return {each.function: each.state for each in found.functions}


def test_a_sound_set_up_is_ok(project: Path) -> None:
    found = diagnose(None, directory=project, environ={})

    assert found.ok
    assert "1 functions in 1 files" in next(c.detail for c in found.checks if c.name == "manifest")


def test_each_function_of_a_file_is_told_apart(project: Path) -> None:
    expected = {"shop.py::<module>": "unknown", "shop.py::price": "verified", "shop.py::tax": "unknown"}

    assert expected == states("shop.py", project)


def test_an_edited_function_is_stale_and_a_finding(project: Path) -> None:
    (project / "shop.py").write_bytes(SOURCE.replace(b"item * 2", b"item * 3"))

    assert {"shop.py::price": "stale"} == states("shop.py::price", project)
    assert not diagnose("shop.py", directory=project, environ={}).ok


def test_a_missing_manifest_says_where_it_was_looked_for(tmp_path: Path) -> None:
    found = diagnose(None, directory=tmp_path, environ={})

    assert not found.ok
    assert str(tmp_path) in found.checks[0].detail


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("nope.py", "name a Python file"),
        ("shop.py::nope", "has no function nope"),
        ("broken.py", "is not Python"),
        ("a\x00b", "name a Python file"),
    ],
)
def test_a_wrong_target_is_one_clear_line(project: Path, target: str, complaint: str) -> None:
    (project / "broken.py").write_text("def (:\n")

    with pytest.raises(UsageError, match=complaint):
        diagnose(target, directory=project, environ={})


def test_failures_in_the_sink_are_added_up_over_processes(project: Path) -> None:
    lines = [
        {"schema": "aiprov.failure/1", "pid": pid, "place": "explain", "error": "KeyError", "count": count}
        for pid, count in ((1, 1), (1, 2), (2, 1))
    ]
    sink = project / "sink.jsonl"
    sink.write_text("\n".join(map(json.dumps, lines)) + '\n{"schema":"aiprov.failure/1"\n')

    found = diagnose(None, directory=project, environ={"AIPROV_SINK": str(sink)})

    assert "explain: 3 swallowed" in next(c.detail for c in found.checks if c.name == "failure")


@pytest.mark.parametrize("number", ["1e400", "[" * 50_000], ids=["endless", "deep"])
def test_a_line_of_the_sink_that_is_no_number_counts_for_nothing(project: Path, number: str) -> None:
    sink = project / "sink.jsonl"
    sink.write_text(f'{{"schema":"aiprov.failure/1","place":"x","count":1,"pid":{number}}}\n')

    found = diagnose(None, directory=project, environ={"AIPROV_SINK": str(sink)})

    assert [check for check in found.checks if check.name == "failure"] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_sink_that_may_not_be_read_is_named(project: Path) -> None:
    sink = project / "sink.jsonl"
    sink.touch(mode=0)

    found = diagnose(None, directory=project, environ={"AIPROV_SINK": str(sink)})

    assert "Permission denied" in next(c.detail for c in found.checks if c.name == "failure")


def test_an_ignored_setting_is_named(project: Path) -> None:
    found = diagnose(None, directory=project, environ={"AIPROV_SINK_BYTES": "many"})

    assert "AIPROV_SINK_BYTES is ignored" in found.checks[0].detail


def said(name: str, project: Path, untracked: str = "", **environ: str) -> list[tuple[bool, str]]:
    found = diagnose(None, directory=project, environ=environ, untracked=untracked)
    return [(check.ok, check.detail) for check in found.checks if check.name == name]


def test_logs_and_tracking_are_off_unless_they_are_asked_for(project: Path) -> None:
    assert [(True, "off (AIPROV_LOGS)")] == said("logs", project)
    assert [(True, "off (AIPROV_TRACK)")] == said("track", project)
    assert [(True, "on: records of exceptions carry our keys")] == said("logs", project, AIPROV_LOGS="1")


def test_tracking_says_why_this_python_cannot(project: Path) -> None:
    assert [(True, "on, for errors and spans; there is no sink")] == said("track", project, AIPROV_TRACK="1")
    shared = said("track", project, AIPROV_TRACK="1", AIPROV_SINK=str(project / "sink"), AIPROV_TRACK_SAMPLE="0.5")
    assert [(True, "on, 0.5 of the healthy traces go to the sink")] == shared

    ((ok, detail),) = said("track", project, untracked="not today", AIPROV_TRACK="1")

    assert not ok
    assert detail.startswith("AIPROV_TRACK is set, but no call is tracked: not today; this is 3.")


def test_every_plugin_says_what_has_become_of_it(project: Path) -> None:
    info = project / "plugins" / "aiprov_x-1.0.dist-info"
    info.mkdir(parents=True)
    plugins = {"colorsys": "x_good", "chunk_gone": "x_good", "sched": "x_bad", "x_half": "x_good"}
    lines = "".join(f"{vendor} = {module}:install\n" for vendor, module in plugins.items())
    (info / "entry_points.txt").write_text(f"[aiprov_runtime.plugins]\n{lines}")
    (project / "plugins" / "x_good.py").write_text("def install(): pass\n")
    (project / "plugins" / "x_bad.py").write_text("def install(): raise ValueError('too old')\n")
    (project / "plugins" / "x_half.py").write_text("import x_part_that_is_missing\n")

    done = subprocess.run(
        [sys.executable, "-m", "aiprov", "doctor", "--json"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "plugins")},
        capture_output=True,
        text=True,
    )

    checks = [(check["ok"], check["detail"]) for check in json.loads(done.stdout)["checks"]]
    assert 1 == done.returncode
    assert {
        (True, "colorsys: hooked"),
        (True, "chunk_gone: waiting, as it is not installed"),
        (False, "sched: failed, ValueError: too old"),
        (False, "x_half: waiting"),
        (False, "plugin.sched: 1 swallowed in this process"),
        (False, "import of x_half: 1 swallowed in this process"),
    } <= set(checks)
    assert "No module named 'x_part_that_is_missing'" in done.stderr
