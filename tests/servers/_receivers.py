"""What reached the receivers of a server's telemetry: an agent for spans, and a socket for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from peers.ddapm import Agent
from peers.dogstatsd import Event, Metric, Receiver

HERE = Path(__file__).parent
OTLP_GRPC, OTLP_HTTP, DATADOG = "grpc", "http/protobuf", "datadog"


class Told(NamedTuple):
    """A span, by what is the same in every run; functions are those that we name."""

    name: str
    failed: bool
    function: str = ""
    """Of the span itself."""
    error: str = ""
    """Of the exception that it tells of: OTLP's are events, Datadog's are tags of the span."""


class Arrived(NamedTuple):
    spans: Counter[Told]
    workers: set[int]
    """The processes that named a function."""

    def hosts(self) -> Counter[Told]:
        """Without what we add."""
        found: Counter[Told] = Counter()
        for told, count in self.spans.items():
            found[told._replace(function="", error="")] += count
        return found

    def ours(self) -> Counter[Told]:
        """Where a function is named."""
        return Counter({told: count for told, count in self.spans.items() if told.function or told.error})


def observed(folder: Path, telemetry: str) -> None:
    source = HERE / ("_with_datadog.py" if telemetry == DATADOG else "_with_otlp.py")
    (folder / "observed.py").write_text(source.read_text())


def settings(telemetry: str, service: str, agent: Agent, metrics: Receiver) -> dict[str, str]:
    if telemetry == DATADOG:
        return {
            "DD_TRACE_AGENT_URL": agent.url,
            "DD_SERVICE": service,
            "DD_DOGSTATSD_PORT": str(metrics.port),
            "DD_TRACE_STARTUP_LOGS": "false",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_TRACE_WRITER_INTERVAL_SECONDS": "0.1",
        }
    endpoint = agent.otlp_grpc if telemetry == OTLP_GRPC else agent.otlp_http
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": telemetry,
        "OTEL_SERVICE_NAME": service,
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # a spawned worker ends without a flush
    }


def arrived(agent: Agent, service: str) -> Arrived:
    spans: Counter[Told] = Counter()
    workers: set[int] = set()
    for pid, told in [*_otlp(agent, service), *_datadog(agent, service)]:
        spans[told] += 1
        if told.function or told.error:
            workers.add(pid)
    return Arrived(spans, workers)


def _otlp(agent: Agent, service: str) -> Iterator[tuple[int, Told]]:
    for request in agent.otlp("traces"):
        for group in request["resource_spans"]:
            resource = _mapping(group["resource"])
            for span in (span for scope in group["scope_spans"] for span in scope["spans"]):
                if resource["service.name"] == service:
                    errors = [_mapping(event).get("aiprov.function", "") for event in span.get("events", ())]
                    failed = span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR")
                    function = _mapping(span).get("aiprov.function", "")
                    yield int(resource["process.pid"]), Told(span["name"], failed, function, ",".join(errors))


def _mapping(item: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in item.get("attributes", ())}


def _datadog(agent: Agent, service: str) -> Iterator[tuple[int, Told]]:
    for trace in agent.datadog_traces():
        pid = next(int(span["metrics"]["process_id"]) for span in trace if "process_id" in span.get("metrics", {}))
        for span in trace:
            if span["service"] == service:
                function, failed = span["meta"].get("aiprov.function", ""), bool(span.get("error"))
                named = {"error" if failed else "function": function}
                yield pid, Told(span["name"], failed, **named)


def summed(found: list[Metric | Event]) -> dict[tuple[str, tuple[str, ...]], float]:
    """The sum of each count, and how many values there are of each distribution."""
    sums: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for one in found:
        assert isinstance(one, Metric)
        sums[one.name, one.tags] += int(sum(one.values)) if one.type == "c" else len(one.values)
    return dict(sums)
