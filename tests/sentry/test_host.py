"""What a host set up itself stays as it was, whether aiprov works or not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sentry._intake import Intake, serving
from sentry._project import HERE, ai, make, manifest_of, no_ai, ours, run, write_manifest
from sentry.test_cases import EXPECTED

from aiprov_runtime._manifest import MANIFEST_PATH

CASE = "raising:case_ai_innermost"
RAISES = "src/shop/raising.py::ai_raises"


@pytest.fixture
def intake() -> Iterator[Intake]:
    with serving() as intake:
        yield intake


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("repository"))


@pytest.mark.parametrize(
    "steps",
    [
        "auto,init",
        "init,auto",
        "integration",
        "auto,integration",
        "integration,auto",
        "init,integration,auto",
        "auto,init,init",
        "integration,init",
        "integration,integration,auto,init",
    ],
)
def test_every_order_of_set_up_judges_each_event_once(root: Path, intake: Intake, steps: str):
    status = run(root / "main.py", intake.dsn, steps, CASE, path=[root / "src"])

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)
    assert status["processors"] == 1
    assert status["failures"] == {}


@pytest.mark.parametrize("first", ["sentry_sdk", "aiprov_sentry"])
def test_sdk_that_is_imported_later_is_hooked_then(tmp_path: Path, intake: Intake, first: str):
    """The one line does not import the SDK; it waits for the program to do so, be it by way of our integration."""
    (tmp_path / "program.py").write_text(LATE_IMPORT.replace("import sentry_sdk", f"import {first}, sentry_sdk"))
    write_manifest(tmp_path, manifest_of(tmp_path, below="."))

    status = run(tmp_path / "program.py", intake.dsn)

    assert ours(intake.by_case()["late"]) == ai("program.py::ai_fails")
    assert status["before"] == "waiting"
    assert status["after"] == "hooked"


LATE_IMPORT = """
import json, sys
import aiprov_runtime.auto

before = aiprov_runtime.status().plugins["sentry_sdk"]
assert "sentry_sdk" not in sys.modules
import sentry_sdk

def ai_fails():
    return 1 / 0

sentry_sdk.init(auto_enabling_integrations=False)
sentry_sdk.set_tag("case", "late")
try:
    ai_fails()
except ZeroDivisionError:
    sentry_sdk.capture_exception()
sentry_sdk.flush(10)
print(json.dumps({"before": before, "after": aiprov_runtime.status().plugins["sentry_sdk"]}))
"""


def test_before_send_and_tags_of_the_user_win(root: Path, intake: Intake):
    run(
        root / "main.py",
        intake.dsn,
        "init,auto",
        CASE,
        "aiprov.model=mine",
        "team=checkout",
        path=[root / "src"],
        options={"user_before_send": True},
    )

    event = intake.by_case()["case_ai_innermost"]
    assert ours(event) == {**ai(RAISES), "aiprov.model": "mine"}
    assert event["tags"]["team"] == "checkout"
    assert event["extra"] == {"before_send": "the user's own"}


def test_options_of_the_user_stay(root: Path, intake: Intake):
    run(
        root / "main.py",
        intake.dsn,
        "init,auto",
        CASE,
        path=[root / "src"],
        options={"include_local_variables": False, "include_source_context": False, "attach_stacktrace": True},
    )

    event = intake.by_case()["case_ai_innermost"]
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert ours(event) == ai(RAISES)
    assert [frame for frame in frames if "vars" in frame or "context_line" in frame] == []


def test_attached_stack_traces_change_no_judgement(root: Path, intake: Intake):
    run(
        root / "main.py", intake.dsn, "init,auto", "reporting", path=[root / "src"], options={"attach_stacktrace": True}
    )

    events = intake.by_case()
    expected = {case: tags for case, tags in EXPECTED.items() if case in events}
    assert {case: ours(event) for case, event in events.items()} == expected
    assert "stacktrace" in events["case_message_by_ai"]["threads"]["values"][0]


def test_events_made_by_hand(tmp_path: Path, intake: Intake):
    shutil.copy(HERE / "shop" / "raw_events.py", tmp_path / "raw_events.py")
    write_manifest(tmp_path, manifest_of(tmp_path, below="."))

    run(tmp_path / "raw_events.py", intake.dsn)

    events = intake.by_case()
    by_ai = ai("raw_events.py::ai_sends")
    tags = {case: {k: v for k, v in dict(e["tags"]).items() if k != "aiprov.manifest"} for case, e in events.items()}
    assert tags == {
        "pairs": {**by_ai, "case": "pairs", "aiprov.model": "mine"},
        "dictionary": {**by_ai, "case": "dictionary", "aiprov.model": "mine"},
        "context": {**by_ai, "case": "context"},
        "first": {**by_ai, "case": "first", "mine": "yes"},
        "second": {**no_ai("unknown"), "case": "second", "mine": "yes"},
        "hint": {**by_ai, "case": "hint"},
        "feedback": {"case": "feedback"},
    }
    assert isinstance(events["pairs"]["tags"], list)
    assert events["context"]["contexts"]["aiprov"] == {"mine": True}
    assert events["second"]["contexts"]["mine"] == {"key": "value"}
    assert events["second"]["contexts"]["aiprov"]["functions"] == []


def stable(event: dict[str, Any]) -> str:
    """An event without what differs from one process to the next, and without the one line that aiprov logged."""
    del event["extra"]["sys.argv"]
    crumbs = event["breadcrumbs"]["values"]
    event["breadcrumbs"]["values"] = [crumb for crumb in crumbs if crumb.get("category") != "aiprov"]
    text = json.dumps(event, sort_keys=True)
    text = re.sub(r"[0-9a-f]{32}|\b[0-9a-f]{16}\b|0x[0-9a-f]+|20\d\d-\d\d-\d\dT[0-9:.]+Z?", "…", text)
    return re.sub(r'"(thread\.id|id)": "?\d+"?', r'"\1": "…"', text)


def stable_events(
    script: Path, steps: str, *, environ: dict[str, str] | None = None
) -> tuple[list[str], dict[str, Any]]:
    with serving() as intake:
        status = run(script, intake.dsn, steps, "raising,chains", path=[script.parent / "src"], environ=environ)
    return [stable(event) for event in intake.events], status


NO_MANIFEST = {
    "missing": None,
    "empty": b"",
    "not YAML": b"aiprov: 1\nfiles: {{{\n",
    "not text": bytes(range(256)),
    "a list": b"- 1\n",
    "of a later version": b"aiprov: 99\ngenerations:\nfiles:\n",
}


@pytest.fixture(scope="module")
def without_aiprov(root: Path) -> list[str]:
    events, status = stable_events(root / "main.py", "init")
    assert status == {}
    assert len(events) > 20
    return events


@pytest.mark.parametrize("reason", NO_MANIFEST)
def test_without_a_usable_manifest_events_are_the_same(root: Path, without_aiprov: list[str], reason: str):
    """Moved aside and back, since the paths in the events must be the same."""
    manifest = root / MANIFEST_PATH
    saved = manifest.read_bytes()
    manifest.unlink()
    if NO_MANIFEST[reason] is not None:
        manifest.write_bytes(NO_MANIFEST[reason])
    try:
        events, status = stable_events(root / "main.py", "init,auto")
    finally:
        manifest.write_bytes(saved)

    assert events == without_aiprov
    assert status["digest"] is None
    assert status["failures"] == {}


def test_disabled_by_the_environment_events_are_the_same(root: Path, without_aiprov: list[str]):
    events, _ = stable_events(root / "main.py", "init,auto", environ={"AIPROV_DISABLED": "1"})

    assert events == without_aiprov


def test_unwritable_sink_and_no_home(root: Path, intake: Intake):
    status = run(
        root / "main.py",
        intake.dsn,
        "init,auto",
        CASE,
        path=[root / "src"],
        cwd=Path("/proc"),
        environ={"AIPROV_SINK": "/proc/events.jsonl", "HOME": "/nonexistent"},
    )

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)
    assert status["failures"] == {}


def test_annotating_never_raises(swallowed: list[tuple[str, Exception]]):
    from aiprov_sentry import annotate

    event = annotate({"level": "error"}, {"exc_info": (ValueError,)})

    assert event == {"level": "error"}
    assert [place for place, _ in swallowed] == ["sentry.event"]
    swallowed.clear()
