"""OpenTelemetry's own launcher and configuration file, with no line of code, read back from a real receiver of OTLP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peers
import pytest
from otel._project import EXCEPTION, Project, without
from otel.test_spans import ERRORS, STARTS, expected_errors, expected_events, expected_starts, release
from peers import ddapm

pytestmark = pytest.mark.peer
PINS = Path(peers.__file__).with_name("otel.txt")
CASES = [*STARTS, *ERRORS]
LAUNCHER = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "aiprov",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("otel"))


@pytest.fixture(scope="module")
def agents(tmp_path_factory) -> Iterator[ddapm.Agent]:
    with peers.required(), ddapm.serving(tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture
def agent(agents: ddapm.Agent) -> ddapm.Agent:
    agents.clear()
    return agents


@pytest.fixture(scope="module")
def scripts() -> Path:
    with peers.required():
        return peers.place("otel", PINS.read_text(), build) / "venv" / "bin"


def build(folder: Path) -> None:
    ours = [peers.ROOT, peers.ROOT / "integrations" / "opentelemetry"]
    peers.environment(folder, "-r", str(PINS), *(part for path in ours for part in ("--editable", str(path))))


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_launcher(project: Project, agent: ddapm.Agent, scripts: Path, protocol: str):
    endpoint = agent.otlp_grpc if protocol == "grpc" else agent.otlp_http
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    launch(project, scripts, *CASES, "logged_by_logging", environ={**LAUNCHER, **settings})

    assert arrived(agent) == expected(project)
    assert told_of_logs(agent) == {"logged": {**expected_errors(project)["inner"], "shop.item": 7}}


@pytest.mark.parametrize("starter", ["launcher", "code"])
def test_configuration_file(project: Project, agent: ddapm.Agent, scripts: Path, starter: str):
    (project.script.parent / "otel.yaml").write_text(configuration(agent))
    if starter == "launcher":
        launch(project, scripts, *CASES, environ={"OTEL_CONFIG_FILE": str(project.script.parent / "otel.yaml")})
    else:
        project.run("file", *CASES, python=scripts / "python")

    assert arrived(agent) == expected(project)


def launch(project: Project, scripts: Path, *cases: str, environ: dict[str, str]) -> None:
    launcher = scripts / "opentelemetry-instrument", scripts / "python"
    project.run("launcher", *cases, python=scripts / "python", command=launcher, environ=environ)


def configuration(agent: ddapm.Agent) -> str:
    return json.dumps(  # which is YAML as well
        {
            "file_format": "1.0",
            "resource": {"detection/development": {"detectors": [{"aiprov": None}]}},
            "tracer_provider": {
                "processors": [{"simple": {"exporter": {"otlp_http": {"endpoint": f"{agent.otlp_http}/v1/traces"}}}}]
            },
            "instrumentation/development": {"python": {"aiprov": {}}},
        }
    )


def expected(project: Project) -> dict[str, Any]:
    told = {**expected_starts(project), **expected_errors(project)}
    return {"resource": release(project), "spans": told, "events": expected_events(project)}


def arrived(agent: ddapm.Agent) -> dict[str, Any]:
    """The resource's, the spans' and their exceptions' attributes, whole but for the SDK's own."""
    resources, spans, events = [], {}, {}
    for request in agent.otlp("traces"):
        for group in request["resource_spans"]:
            resources.append(mapping(group["resource"]["attributes"]))
            for span in (span for scope in group["scope_spans"] for span in scope["spans"]):
                spans[span["name"]] = mapping(span.get("attributes", ()))
                if found := span.get("events"):
                    events[span["name"]] = [without(mapping(event["attributes"]), *EXCEPTION) for event in found]
    resource = {name: value for name, value in resources[0].items() if name.startswith("aiprov.")}
    return {"resource": resource, "spans": spans, "events": events}


def told_of_logs(agent: ddapm.Agent) -> dict[str, dict[str, Any]]:
    found = {}
    for request in agent.otlp("logs"):
        for scope in (scope for group in request["resource_logs"] for scope in group["scope_logs"]):
            for record in scope["log_records"]:
                found[value(record["body"])] = without(mapping(record["attributes"]), *EXCEPTION)
    return found


def mapping(attributes: Any) -> dict[str, Any]:
    return {each["key"]: value(each["value"]) for each in attributes}


def value(wire: dict[str, Any]) -> Any:
    """As it left, its type included."""
    ((kind, content),) = wire.items()
    if kind == "array_value":
        return [value(each) for each in content.get("values", ())]
    return {"int_value": int, "bytes_value": base64.b64decode}.get(kind, lambda same: same)(content)
