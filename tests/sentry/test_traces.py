"""Spans, transactions, logs and metrics as they arrive on the wire, in both of the SDK's ways to send spans."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sentry._intake import Intake, serving
from sentry._project import HERE, ai, digest, manifest_of, mixed, run, write_manifest

PROGRAM = "traced.py"
STREAM = {"traces_sample_rate": 1.0, "trace_lifecycle": "stream", "enable_logs": True}
STATIC = {"traces_sample_rate": 1.0, "enable_logs": True}


def program(root: Path) -> Path:
    shutil.copy(HERE / "shop" / PROGRAM, root / PROGRAM)
    write_manifest(root, manifest_of(root, below="."))
    return root / PROGRAM


def manifest(script: Path) -> str:
    return digest(manifest_of(script.parent, below="."))


def started(script: Path, qualname: str, line: str, *, after: str, expected: dict[str, str]) -> dict[str, str | int]:
    """What a span carries that this function starts by this line."""
    lines = script.read_text().splitlines()
    number = next(n for n, text in enumerate(lines) if text.strip() == after)
    return {
        **expected,
        "aiprov.manifest": manifest(script),
        "code.function.name": f"__main__.{qualname}",
        "code.file.path": PROGRAM,
        "code.line.number": lines.index(next(text for text in lines[number:] if text.strip() == line), number) + 1,
    }


def by_ai(script: Path, **own: str) -> dict[str, str | int]:
    expected = {**ai(f"{PROGRAM}::ai_starts", "span_origin"), **own}
    return started(
        script, "ai_starts", "with start(name, **given):", after="def ai_starts(name, **given):", expected=expected
    )


def expected_spans(script: Path) -> dict[str, dict[str, Any]]:
    below = ai(f"{PROGRAM}::ai_calls", "span_origin")
    called = started(
        script, "ai_calls", "return function(*arguments)", after="def ai_calls(function, *arguments):", expected=below
    )
    by_mixed = started(
        script,
        "mixed_starts",
        "with start(name):",
        after="def mixed_starts(name):",
        expected=mixed(f"{PROGRAM}::mixed_starts", "span_origin"),
    )
    at_once = started(
        script,
        "ai_starts_at_once",
        "with STARTS():",
        after="def ai_starts_at_once():",
        expected=ai(f"{PROGRAM}::ai_starts_at_once", "span_origin"),
    )
    return {
        "by ai": by_ai(script),
        "at once": at_once,
        "by mixed": by_mixed,
        "by human": {},
        "by human below ai": called,
        "with data": by_ai(script, **{"aiprov.model": "mine"}),
        "in a bare thread": by_ai(script),
    }


def ours(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k.startswith(("aiprov.", "code."))}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def static(script: Path) -> Iterator[Intake]:
    yield from sent(script, "spans,child,roots,handed_over,logs,metrics", STATIC)


@pytest.fixture(scope="module")
def stream(script: Path) -> Iterator[Intake]:
    yield from sent(script, "spans,roots,logs,metrics", STREAM)


def sent(script: Path, cases: str, options: dict[str, object], *, steps: str = "init,auto") -> Iterator[Intake]:
    with serving() as intake:
        status = run(script, intake.dsn, steps, cases, options=options)
        assert status["failures"] == {}
        assert "aiprov_sentry._spans" in status["ran"]
        yield intake


def children(intake: Intake, transaction: str) -> dict[str, dict[str, Any]]:
    return {span["description"]: ours(span["data"]) for span in intake.transactions()[transaction]["spans"]}


def test_static_spans_carry_the_code_that_starts_them(script: Path, static: Intake):
    spans = children(static, "root of spans")

    assert spans == expected_spans(script)


def test_streamed_spans_carry_the_code_that_starts_them(script: Path, stream: Intake):
    spans = {span["name"]: ours(span["attributes"]) for span in stream.batched["span"]}

    release = {"aiprov.manifest": manifest(script)}
    expected = {name: {**release, **values} for name, values in expected_spans(script).items()}
    assert {name: spans[name] for name in expected} == expected
    assert spans["root of spans"] == release


def test_root_spans_carry_the_code_that_starts_them(script: Path, static: Intake, stream: Intake):
    expected = started(
        script,
        "roots.<locals>.ai_root",
        "with root(name, **given):",
        after="def ai_root(name, **given):",
        expected=ai(f"{PROGRAM}::roots.<locals>.ai_root", "span_origin"),
    )

    roots = {span["name"]: ours(span["attributes"]) for span in stream.batched["span"] if span["is_segment"]}
    transaction = static.transactions()["root by ai"]
    assert roots["root by ai"] == expected
    assert ours(transaction["contexts"]["trace"]["data"]) == expected
    assert ours(static.transactions()["root of roots"]["contexts"]["trace"]["data"]) == {}


def test_every_transaction_is_tagged_with_the_manifest(script: Path, static: Intake):
    tags = {name: transaction["tags"] for name, transaction in static.transactions().items()}

    assert {name: ours(found) for name, found in tags.items()} == {
        name: {"aiprov.manifest": manifest(script)} for name in tags
    }
    assert {"root of spans", "root by ai", "handed over"} < tags.keys()


def test_child_of_a_span_at_hand_carries_its_code(static: Intake):
    (child,) = children(static, "root of child").values()

    assert child["aiprov.function"] == f"{PROGRAM}::child.<locals>.ai_child"


def test_data_of_a_transaction_that_is_handed_over_stay(static: Intake):
    data = static.transactions()["handed over"]["contexts"]["trace"]["data"]

    assert data["aiprov.model"] == "mine"
    assert data["aiprov.function"] == f"{PROGRAM}::handed_over.<locals>.ai_hands_over"


@pytest.mark.parametrize("lifecycle", ["static", "stream"])
def test_log_lines_of_exceptions_carry_our_tags(script: Path, lifecycle: str, request: pytest.FixtureRequest):
    logged = request.getfixturevalue(lifecycle).batched["log"]

    lines = {line["body"]: {k: v for k, v in line["attributes"].items() if k.startswith("aiprov.")} for line in logged}
    release = {"aiprov.manifest": manifest(script)}
    assert lines == {
        "raised": {**ai(f"{PROGRAM}::ai_raises"), **release},
        "with the user's own": {**ai(f"{PROGRAM}::ai_raises"), **release, "aiprov.model": "mine"},
        "never raised": {**ai(f"{PROGRAM}::logs.<locals>.ai_logs"), **release},
        "without an exception": release,
        "no exception": release,
    }


@pytest.mark.parametrize("lifecycle", ["static", "stream"])
def test_metrics_carry_the_manifest(script: Path, lifecycle: str, request: pytest.FixtureRequest):
    metrics = request.getfixturevalue(lifecycle).batched["trace_metric"]

    assert {metric["name"]: ours(metric["attributes"]) for metric in metrics} == {
        "counted": {"aiprov.manifest": manifest(script)},
        "with the user's own": {"aiprov.manifest": "mine"},
    }


@pytest.mark.parametrize("steps", ["auto,init", "init,auto,init", "mine,init,auto,init"])
def test_other_orders_of_set_up(script: Path, steps: str):
    """A second client, or one that is made later, sends the same; what the user put on the global scope stays."""
    (streamed,) = sent(script, "spans,metrics", STREAM, steps=steps)
    (batched,) = sent(script, "spans", STATIC, steps=steps)

    spans = {span["name"]: span["attributes"] for span in streamed.batched["span"]}
    counted = {metric["name"]: metric["attributes"] for metric in streamed.batched["trace_metric"]}["counted"]
    assert ours(spans["by ai"]) == by_ai(script)
    assert children(batched, "root of spans")["by ai"] == by_ai(script)
    assert counted["aiprov.manifest"] == ("mine" if "mine" in steps else manifest(script))


@pytest.mark.parametrize("lifecycle", [{}, {"trace_lifecycle": "stream"}])
@pytest.mark.parametrize("sampling", [{}, {"traces_sample_rate": 0.0}])
def test_spans_that_are_not_sampled_run_none_of_our_code(
    script: Path, lifecycle: dict[str, object], sampling: dict[str, object]
):
    with serving() as intake:
        status = run(script, intake.dsn, "init,auto", "spans", options={**lifecycle, **sampling})

    assert status["ran"] == []
    assert intake.batched["span"] == []
    assert intake.transactions() == {}


@pytest.mark.parametrize("options", [STATIC, STREAM])
def test_slots_of_the_user_run_after_us_and_have_their_say(script: Path, options: dict[str, object]):
    slots = {**options, "traces_sample_rate": None, "slots": True}
    (intake,) = sent(script, "spans,logs,metrics", slots)

    batched = [item["attributes"] for items in intake.batched.values() for item in items]
    tags = [transaction["tags"] for transaction in intake.transactions().values()]
    assert [a for a in [*batched, *tags] if a["team"] != a["aiprov.manifest"] + " of checkout"] == []
    assert bool(intake.transactions()) == (options is STATIC)
    assert bool(intake.batched["span"]) == (options is STREAM)
