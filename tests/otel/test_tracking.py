"""Which functions of models ran, on the root of a process's part of a trace and on whatever fails in it."""

from __future__ import annotations

import sys

import pytest
from otel._project import Project, events, spans

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 tells nobody which functions run")


@pytest.mark.parametrize("how", ["idiom", "auto first", "auto last", "install"])
def test_root_and_failing_spans_carry_what_ran(tmp_path, how: str):
    project = Project(tmp_path)
    cases = "failed_after_ai_returned", "healthy_after_ai_returned", "nothing_of_models_ran"
    printed = project.run(how, *cases, environ={"AIPROV_TRACK": "1"})

    human = {"aiprov.origin": "human", "aiprov.generated": "false", "aiprov.manifest": project.digest}
    failed = {**human, "aiprov.relation": "executed", "aiprov.executed": ["program.py::ai_plain"]}
    assert spans(printed) == {
        "healthy": {},
        "failing": failed,
        "root": failed,
        "child": {},
        "other": {},
        "healthy root": {"aiprov.executed": ["program.py::ai_plain", "program.py::ai_returns"]},
        "empty root": {},
    }
    assert {name: told for name, told in events(printed).items() if told} == {"failing": [failed], "root": [failed]}


def test_spans_that_nobody_ends_do_not_pile_up(tmp_path):
    project = Project(tmp_path)
    printed = project.run("auto first", "never_ended", environ={"AIPROV_TRACK": "1"})

    assert printed["open_traces"] == 10_000
