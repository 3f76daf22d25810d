"""The oldest OpenTelemetry SDK that the distribution admits is told what the newest one is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import peers
import pytest
from otel._project import Project, events, spans
from otel.test_spans import ERRORS, LOGS, STARTS, expected_errors, expected_events, expected_logs, expected_starts, logs

pytestmark = pytest.mark.peer


def oldest() -> list[str]:
    """The lower bound of every requirement, as a pin."""
    project = tomllib.loads((peers.ROOT / "integrations" / "opentelemetry" / "pyproject.toml").read_text())["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"] if ">=" in requirement]


def build(folder: Path) -> None:
    editable = ["--editable", str(peers.ROOT), "--editable", str(peers.ROOT / "integrations" / "opentelemetry")]
    peers.environment(folder, *oldest(), *editable)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("otel"))


@pytest.mark.parametrize("how", ["idiom", "auto last", "install"])
def test_every_case_is_told_alike(project: Project, how: str):
    """This SDK's loggers take no exception, so `logging` is the only way to log one."""
    with peers.required():
        folder = peers.place("oldest-opentelemetry", "\n".join(oldest()), build)
    printed = project.run(
        how, *STARTS, *ERRORS, *LOGS, python=folder / "venv" / "bin" / "python", command=("-Wdefault",)
    )

    assert spans(printed) == expected_starts(project) | expected_errors(project)
    assert {name: told for name, told in events(printed).items() if told} == expected_events(project)
    assert logs(printed) == expected_logs(project)
    assert re.match(r"opentelemetry-sdk==" + re.escape(printed["sdk"].removesuffix(".0")), oldest()[0])
