"""Spans as they arrive at Datadog's test agent, from programs that each run in a process of their own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from datadog_spans._programs import SHOP, Span, Tags, ai, by_path, digest, failed, line_of, make, ours, run, take
from peers import required
from peers.ddapm import Agent, serving
from peers.dogstatsd import Metric, on_udp

pytestmark = pytest.mark.peer

RAISED = failed("ai_raises", "raised", line_of("raise ValueError"))
CALLED = failed("ai_calls_human", "on_stack", line_of("return human_raises"))
HUMAN: Tags = {"aiprov.origin": "human", "aiprov.generated": "false"}
EXPECTED: dict[str, Tags] = {
    "raised": RAISED,
    "raised/inner": RAISED,
    "started_by_ai": {},
    "started_by_ai/started by ai": ai("ai_starts", "span_origin", line_of("started by ai")),
    "started_by_human": {},
    "started_by_human/started by a person": {},
    "on_stack": CALLED,
    "on_stack/inner": CALLED,
    "human": HUMAN,
    "human/inner": HUMAN,
    "caused": RAISED,
    "caused/inner": RAISED,
    "group": RAISED,
    "group/inner": RAISED,
    "handled_below": RAISED,
    "handled_below/inner": RAISED,
    "recovered": {},
    "recovered/inner": RAISED,
    "user_tags": RAISED,
    "user_tags/inner": RAISED | {"aiprov.model": "mine"},
    "twice": CALLED,
    "twice/inner": CALLED,
    "last_counts": HUMAN,
    "last_counts/inner": HUMAN,
    "task": failed("ai_awaits", "raised", line_of("raise TimeoutError")),
    "task/inner": failed("ai_awaits", "raised", line_of("raise TimeoutError")),
    "thread": {},
    "thread/inner": RAISED,
    "caught_outside": failed("ai_handles", "on_stack", line_of("human_raises()  # in a span")),
    "caught_outside/inner": failed("ai_handles", "on_stack", line_of("human_raises()  # in a span")),
    "handed_over": {},
    "handed_over/kept": ai("ai_begins", "span_origin", line_of("return tracer.start_span")),
}
CASES = [name for name in EXPECTED if "/" not in name]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with required(), serving(tmp_path_factory.mktemp("agent")) as agent:
        yield agent


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop"))


def tags_of(spans: list[Span]) -> dict[str, Tags]:
    return {path: ours(span) for path, (span,) in by_path(spans).items()}


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
def test_span_is_judged_by_its_stack_and_its_error_by_its_path(root: Path, agent: Agent, version: str):
    status, _ = run(root, agent.url, "auto", *CASES, environ={"DD_TRACE_API_VERSION": version})

    spans = take(agent)
    assert tags_of(spans) == EXPECTED
    assert {span["meta"].get("aiprov.manifest") for span in spans if not span.get("parent_id")} == {digest(root)}
    assert status["failures"] == {}


@pytest.mark.parametrize(
    "steps",
    [
        "auto,ddtrace",
        "ddtrace,auto",
        "install",
        "install,auto,install",
        "theirs,auto",
        "auto,theirs",
        "filter",
        "auto,filter",
        "sealed,auto",
        "theirs,sealed,auto",
        "sealed,filter",
    ],
)
def test_every_order_of_set_up_judges_alike_and_leaves_the_processors_of_others(root: Path, agent: Agent, steps: str):
    """`filter` and `theirs` configure a processor of the application's; `sealed` takes ddtrace's inner hooks away."""
    status, _ = run(root, agent.url, steps, "raised", "handled_below", "human")

    spans = take(agent)
    wanted = {
        path: tags for path, tags in EXPECTED.items() if path.partition("/")[0] in ("raised", "handled_below", "human")
    }
    assert tags_of(spans) == wanted
    assert {span["meta"].get("theirs") for span in spans} == (
        {"yes"} if "theirs" in steps or "filter" in steps else {None}
    )
    assert status["failures"] == {}


@pytest.mark.parametrize(
    ("command", "unload"),
    [
        ("ddtrace-run python", "0"),
        ("ddtrace-run python", "1"),
        ("ddtrace-run aiprov run -- python", "1"),
        ("aiprov run -- ddtrace-run python", "1"),
    ],
)
def test_under_the_vendors_own_launcher(root: Path, agent: Agent, command: str, unload: str):
    """With gevent installed, ddtrace-run unloads what has been imported by then."""
    setup = "ddtrace" if "aiprov" in command else "auto"
    environ = {"DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE": unload}
    run(root, agent.url, setup, "raised", "started_by_ai", command=tuple(command.split()), environ=environ)

    wanted = {path: tags for path, tags in EXPECTED.items() if path.partition("/")[0] in ("raised", "started_by_ai")}
    assert tags_of(take(agent)) == wanted


@pytest.mark.parametrize(
    ("steps", "environ", "command"),
    [
        ("auto", {"DD_TRACE_OTEL_ENABLED": "true"}, ("ddtrace-run", "python")),
        ("provider,auto", {}, ("python",)),
        ("auto,provider", {}, ("python",)),
    ],
)
def test_spans_of_the_opentelemetry_api(
    root: Path, agent: Agent, steps: str, environ: dict[str, str], command: tuple[str, ...]
):
    run(root, agent.url, steps, "raised", "otel", environ=environ, command=command)

    raised = failed("ai_raises", "raised", line_of("raise ValueError"), "ai_raises", "ai_starts_by_api")
    # Without the environment's wish, ddtrace and the API each have a current span of their own.
    found = {path.removeprefix("otel/"): tags for path, tags in tags_of(take(agent)).items() if "raised" not in path}
    assert found == {
        "otel": raised,
        "internal": raised,
        "internal/internal": ai("ai_starts_by_api", "span_origin", line_of('"of ai"')),
    }


def test_trace_that_leaves_in_parts(root: Path, agent: Agent):
    run(root, agent.url, "auto", "raised", "many", environ={"DD_TRACE_PARTIAL_FLUSH_MIN_SPANS": "100"})

    spans = take(agent)
    parts = [span for span in spans if "_dd.py.partial_flush" in span.get("metrics", {})]
    assert len(parts) == 6
    found = by_path(spans)
    assert ours(found["many"][0]) == RAISED
    assert [ours(span) for span in spans if span["name"] == "started by ai"] == [
        ai("ai_starts", "span_origin", line_of("started by ai"))
    ] * 600


def test_forked_child_goes_on(root: Path, agent: Agent):
    run(root, agent.url, "auto", "raised", "fork", "raised")

    found = by_path(take(agent))
    assert {path: [ours(span) for span in spans] for path, spans in found.items() if "child" in path} == {
        "fork/child": [{}],
        "fork/child/inner": [RAISED],
    }


def test_function_of_a_code_origin(root: Path, agent: Agent):
    """The view is not on the stack when the framework starts the request's span."""
    run(
        root,
        agent.url,
        "auto",
        "view",
        environ={"DD_CODE_ORIGIN_FOR_SPANS_ENABLED": "true"},
        command=("ddtrace-run", "python"),
    )

    found = tags_of(take(agent))
    view = ai("case_view.<locals>.ai_view", "span_origin", line_of('@app.get("/")'))
    assert {path: tags for path, tags in found.items() if tags} == {"view": view}


def test_nothing_is_added_without_a_manifest(agent: Agent, tmp_path: Path):
    shutil.copytree(SHOP, tmp_path, dirs_exist_ok=True)
    for steps in ("ddtrace", "auto"):
        run(tmp_path, agent.url, steps, *CASES)
        spans = take(agent)

        assert tags_of(spans).keys() == EXPECTED.keys()
        assert {name for span in spans for name in span["meta"] if "aiprov" in name} == {"aiprov.model"}, "the user's"


def test_corrupt_manifest_is_one_warning(agent: Agent, tmp_path: Path):
    make(tmp_path)
    (tmp_path / ".aiprov" / "manifest.yaml").write_text("aiprov: [")

    status, log = run(tmp_path, agent.url, "auto", "raised")

    assert set(tags_of(take(agent))) == {"raised", "raised/inner"}
    assert status["failures"] == {}
    assert log.count("aiprov") >= 1


@pytest.mark.parametrize(
    ("environ", "is_judged"),
    [
        ({}, False),
        ({"DD_LOGS_INJECTION": "true"}, True),
        ({"AIPROV_LOGS": "1"}, True),
        ({"DD_LOGS_INJECTION": "0"}, False),
    ],
)
def test_log_lines_of_exceptions_beside_the_trace_id(
    root: Path, agent: Agent, environ: dict[str, str], *, is_judged: bool
):
    """The tracer adds its own keys without being asked; ours come where somebody asked for keys on log lines."""
    _, log = run(root, agent.url, "auto", "logged", environ=environ, command=("ddtrace-run", "python"))

    failed_line, fine = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    (request,) = take(agent)
    has_ids = environ.get("DD_LOGS_INJECTION") != "0"
    assert {k: v for k, v in failed_line.items() if k.startswith(("aiprov.", "code."))} == (
        {
            **ai("ai_raises", "raised", line_of("raise ValueError")),
            "aiprov.manifest": digest(root),
        }
        if is_judged
        else {}
    )
    assert [line.get("dd.span_id") for line in (failed_line, fine)] == [
        str(request["span_id"]) if has_ids else None
    ] * 2
    assert [name for name in fine if name.startswith("aiprov.")] == []


@pytest.mark.parametrize("steps", ["datadog,auto", "auto,datadog", "datadog,sealed,auto", "datadog,auto,filter"])
def test_spans_are_told_to_the_metrics_once(root: Path, agent: Agent, steps: str):
    with on_udp() as statsd:
        environ = {"DD_DOGSTATSD_PORT": str(statsd.port), "DD_AGENT_HOST": "127.0.0.1", "NO_PROXY": "*"}
        run(root, agent.url, steps, "raised", "started_by_ai", "handled_below", "human", environ=environ)

        sent = [line for line in statsd.rest() if isinstance(line, Metric)]
    take(agent)
    assert sum(sum(line.values) for line in sent if line.name == "aiprov.errors") == 2, "one a trace"
    durations = [value for line in sent if line.name == "aiprov.duration" for value in line.values]
    assert len(durations) == ("sealed" not in steps), "of the span that an AI function started"
    assert {line.tags for line in sent} == {("model:anthropic/claude-opus-4-6", "tool:claude-code")}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 cannot tell which functions run")
def test_functions_that_ran_in_the_trace(root: Path, agent: Agent):
    """An AI function that returned bad data is not on the path of the error that follows, and still is told."""
    run(root, agent.url, "auto", "raised", "bad_data", "started_by_ai", "human", environ={"AIPROV_TRACK": "1"})

    found = tags_of(take(agent))
    assert {name: found[name] for name in ("raised", "bad_data", "started_by_ai", "human")} == {
        "raised": RAISED,
        "bad_data": HUMAN | {"aiprov.relation": "executed", "aiprov.executed.0": "pricing.py::ai_reads"},
        "started_by_ai": {"aiprov.executed.0": "pricing.py::ai_starts"},
        "human": HUMAN,
    }
