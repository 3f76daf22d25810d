"""Spans as they arrive at Datadog's test agent, from programs that each run in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from datadog_spans._agent import Agent, Span, serving
from datadog_spans._programs import Tags, ai, by_path, digest, failed, line_of, make, ours, run

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
def agent() -> Iterator[Agent]:
    with serving() as agent:
        yield agent


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop"))


def tags_of(spans: list[Span]) -> dict[str, Tags]:
    return {path: ours(span) for path, (span,) in by_path(spans).items()}


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
def test_span_is_judged_by_its_stack_and_its_error_by_its_path(root: Path, agent: Agent, version: str):
    status, _ = run(root, agent.url, "auto", *CASES, environ={"DD_TRACE_API_VERSION": version})

    spans = agent.take()
    assert tags_of(spans) == EXPECTED
    assert {span["meta"].get("aiprov.manifest") for span in spans if not span.get("parent_id")} == {digest(root)}
    assert status["failures"] == {}
