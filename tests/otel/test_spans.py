"""What an exporter gets of spans and of the exceptions on them, however we came in."""

from __future__ import annotations

import pytest
from otel._project import EXCEPTION, Project, events, spans, without

WAYS = ["idiom", "auto first", "auto last", "install"]
ERRORS = [
    "anothers_error",
    "error_through_two_spans",
    "error_below_the_start",
    "human_error",
    "never_raised",
    "own_later_attributes_win",
]
LOGS = [
    "logged_by_logging",
    "logged_outside_of_its_handler",
    "logged_never_raised",
    "logged_without_exception",
]
STARTS = [
    "started_by_ai",
    "started_by_both",
    "started_below_ai",
    "started_by_human",
    "own_attributes_win",
    "another_thread",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("otel"))


def expected_starts(project: Project) -> dict:
    by_ai = project.told("ai_starts", "with start", "span_origin")
    own = without(by_ai, "code.file.path", "code.line.number")
    return {
        "by ai": by_ai,
        "by both": project.told("mixed_starts", "with start", "span_origin"),
        "below ai": project.told("ai_hands_over", "human_calls", "span_origin"),
        "by human": {"http.method": "GET"},
        "own": {**own, "aiprov.model": "mine", "code.function.name": "somewhere.else"},
        "in a thread": by_ai,
    }


def expected_errors(project: Project) -> dict:
    raised = project.error("ai_raises", "raise ValueError", "raised")
    below = project.error("mixed_raises", "raise KeyError", "raised", "mixed_raises", "ai_opens_and_fails")
    own = project.error("mixed_raises", "raise KeyError", "raised", "mixed_raises", "ai_starts_and_sets")
    return {
        "inner": raised,
        "outer": raised,
        "opened by ai": below,
        "human error": {"aiprov.origin": "human", "aiprov.generated": "false", "aiprov.manifest": project.digest},
        "never raised": project.error("ai_records", "record_exception", "raised"),
        "another's": project.told("ai_records_anothers", "with start", "span_origin"),
        "own later": {**own, "aiprov.tool": "mine"},
    }


def expected_events(project: Project) -> dict:
    told = expected_errors(project)
    own = {**told["own later"], "aiprov.tool": "codex", "aiprov.state": "mine", "shop.item": 7}
    return {
        name: [attributes] for name, attributes in {**told, "another's": told["human error"], "own later": own}.items()
    }


@pytest.mark.parametrize("how", WAYS)
def test_spans_carry_the_code_that_starts_them(project: Project, how: str):
    printed = project.run(how, *STARTS)

    assert spans(printed) == expected_starts(project)
    assert printed["stderr"] == ""


@pytest.mark.parametrize("how", WAYS)
def test_failed_spans_and_their_events_carry_the_suspect(project: Project, how: str):
    printed = project.run(how, *ERRORS)

    assert spans(printed) == expected_errors(project)
    assert events(printed) == expected_events(project)
    assert printed["stderr"] == ""


def test_nothing_of_the_sdk_that_the_host_does_not_use_is_imported(project: Project):
    assert project.run("auto first", "started_by_ai")["logs_imported"] is False


def test_twice_is_once(project: Project):
    """A plugin at work and the user's own line."""
    printed = project.run("auto first", *STARTS, environ={"ALSO": "idiom"})

    assert spans(printed) == expected_starts(project)


def test_concurrent_processors_see_no_stack_and_exceptions_are_told_all_the_same(project: Project):
    printed = project.run("pool", "started_by_ai", "error_through_two_spans")

    assert spans(printed) == {"by ai": {}, **{n: expected_errors(project)[n] for n in ("inner", "outer")}}


def test_a_span_without_room_keeps_what_it_has(project: Project):
    printed = project.run("auto first", "full_of_own_attributes")

    assert spans(printed) == {"full": {f"own.{number}": number for number in range(120)}}
    assert [span["dropped"] for span in printed["spans"]] == [0]


def test_limits_of_values_and_of_events_are_kept(project: Project):
    limits = {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "9", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "5"}
    printed = project.run("auto first", "error_through_two_spans", environ=limits)

    raised = expected_errors(project)["inner"]
    cut = {n: v[:9] if isinstance(v, str) else v for n, v in raised.items()} | {"aiprov.functions": ["program.p"]}
    assert spans(printed) == {"inner": cut, "outer": cut}
    assert [[set(event) for event in span["events"]] for span in printed["spans"]] == [[set(EXCEPTION)]] * 2


@pytest.mark.parametrize("environ", [{"AIPROV_DISABLED": "1"}, {"AIPROV_MANIFEST": "/nonexistent"}])
def test_without_a_manifest_spans_are_as_they_were(project: Project, environ: dict[str, str]):
    printed = project.run("idiom", "started_by_ai", "error_through_two_spans", environ=environ)

    assert spans(printed) == {"by ai": {}, "inner": {}, "outer": {}}
    assert events(printed) == {"by ai": [], "inner": [{}], "outer": [{}]}


@pytest.mark.parametrize("how", WAYS)
def test_log_records_of_exceptions_carry_the_suspect(project: Project, how: str):
    printed = project.run(how, *LOGS, "logged_with_exception", "logged_in_words")

    in_words = project.error("ai_raises", "raise ValueError", "raised")
    assert logs(printed) == {**expected_logs(project), "emitted": in_words, "in words": in_words}


def expected_logs(project: Project) -> dict:
    raised = project.error("ai_raises", "raise ValueError", "raised")
    elsewhere = {
        name: value for name, value in raised.items() if not name.startswith("code.")
    }  # the place of the log call
    return {
        "logged": {**elsewhere, "shop.item": 7},
        "logged later": elsewhere,
        "never raised": {
            **elsewhere,
            "aiprov.function": "program.py::ai_logs",
            "aiprov.functions": ["program.py::ai_logs"],
        },
        "plain": {},
    }


def logs(printed: dict) -> dict:
    """What was added to each log record by its body, without the place that the SDK's handler gives."""
    found = {}
    for record in printed["logs"]:
        place = [name for name in record["attributes"] if name.startswith("code.")]
        drop = EXCEPTION if record["body"] in ("emitted", "in words") else (*EXCEPTION, *place)
        found[record["body"]] = without(record["attributes"], *drop)
    return found


def test_resource_tells_of_the_release(project: Project):
    (span,) = project.run("resource", "started_by_human")["spans"]

    assert {name: value for name, value in span["resource"].items() if name.startswith("aiprov.")} == release(project)


def release(project: Project) -> dict:
    return {
        "aiprov.manifest": project.digest,
        "aiprov.release.function_count": sum(name.startswith(("ai_", "mixed_")) for name in project.functions),
        "aiprov.release.models": ["anthropic/claude-opus-4-6", "openai/gpt-5.2-codex"],
    }
