"""The oldest ddtrace that the distribution admits tags spans as the newest does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import peers
import pytest
from datadog_spans._programs import digest, make, run, take
from datadog_spans.test_spans import CASES, EXPECTED, tags_of
from peers.ddapm import Agent, serving

pytestmark = pytest.mark.peer


def oldest() -> list[str]:
    """The lower bound of every requirement, those of the extra included, as a pin."""
    project = tomllib.loads((peers.ROOT / "integrations" / "datadog" / "pyproject.toml").read_text())["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["ddtrace"]
    return [requirement.replace(">=", "==") for requirement in requirements if ">=" in requirement]


def build(folder: Path) -> None:
    editable = ["--editable", str(peers.ROOT), "--editable", str(peers.ROOT / "integrations" / "datadog")]
    peers.environment(folder, *oldest(), *editable)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with peers.required(), serving(tmp_path_factory.mktemp("agent")) as agent:
        yield agent


@pytest.fixture(scope="module")
def python() -> Path:
    with peers.required():
        return peers.place("oldest-ddtrace", "\n".join(oldest()), build) / "venv" / "bin" / "python"


@pytest.mark.parametrize("steps", ["auto,theirs", "filter"])
def test_every_case_is_judged_alike(tmp_path: Path, agent: Agent, python: Path, steps: str):
    root = make(tmp_path)

    status, _ = run(root, agent.url, steps, *CASES, command=(python,))

    spans = take(agent)
    assert tags_of(spans) == EXPECTED
    assert {span["meta"]["aiprov.manifest"] for span in spans if not span.get("parent_id")} == {digest(root)}
    assert status["failures"] == {}


def test_processors_of_others_that_cannot_be_read_are_not_replaced(tmp_path: Path, agent: Agent, python: Path):
    """Nor are they known here once the inner hooks are gone; what is left to do is said."""
    status, log = run(make(tmp_path), agent.url, "theirs,sealed,auto", "raised", command=(python,))

    spans = take(agent)
    assert {path: tags for path, tags in tags_of(spans).items() if tags} == {}
    assert {span["meta"]["theirs"] for span in spans} == {"yes"}
    assert "add AiprovTraceFilter() to the list in tracer.configure(trace_processors=[" in log
    assert status["failures"] == {}
