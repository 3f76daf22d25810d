"""What a host does with each vendor's SDK, and what it gets out of it: a class a vendor, each callback of ours a step.

After each step `told` says what the SDK would have sent. To add a vendor, add a class to `VENDORS`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Callable
from typing import Any

Fails = Callable[[], None]


class Sentry:
    """Events, transactions, both kinds of spans, logs."""

    module = "sentry_sdk"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:  # noqa: ARG002  # one signature for all
        import sentry_sdk
        from sentry_sdk.transport import Transport

        self.sdk, self.fails = sentry_sdk, fails
        self.log = logging.getLogger("of.sentry")
        self.log.propagate = False
        self.log.addHandler(logging.NullHandler())
        items: list[Any] = []
        self.items = items

        class Kept(Transport):
            def capture_envelope(self, envelope: Any) -> None:
                items.extend(json.loads(item.get_bytes()) for item in envelope.items)

        def before_send(event: Any, hint: Any) -> Any:
            items.append(sorted(hint))
            return event

        self.options: dict[str, Any] = {
            "dsn": "http://key@127.0.0.1:9/1",
            "transport": Kept,
            "before_send": before_send,
            "traces_sample_rate": 1.0,
            "send_client_reports": False,
            "auto_session_tracking": False,
        }
        sentry_sdk.init(**self.options)
        sentry_sdk.set_tag("aiprov.tool", "host")

    def exception(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError as error:
            self.sdk.capture_exception(error)

    def message(self) -> None:
        self.sdk.capture_message("hello")

    def logged(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError:
            self.log.exception("of %s", "sentry")

    def spans(self) -> None:
        self.sdk.init(**self.options)
        with self.sdk.start_transaction(name="task", op="op"), self.sdk.start_span(op="child") as span:
            span.set_data("aiprov.model", "host")

    def streamed(self) -> None:
        self.sdk.init(**self.options, trace_lifecycle="stream", enable_logs=True)
        traces = __import__("sentry_sdk.traces", fromlist=["traces"])
        with traces.start_span("root"), traces.start_span("child", attributes={"aiprov.model": "host"}):
            self.logged()

    def told(self) -> object:
        self.sdk.flush()
        found, self.items[:] = list(self.items), []
        return found


class OpenTelemetry:
    """Spans, exceptions on spans, log records, resources."""

    module = "opentelemetry"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:
        from opentelemetry import _logs, trace
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs import export as log_export
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.fails, self.with_us = fails, with_us
        self.spans = InMemorySpanExporter()
        kept = getattr(log_export, "InMemoryLogRecordExporter", None) or log_export.InMemoryLogExporter
        self.logs = kept()
        self.resources: list[Any] = []
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(BatchSpanProcessor(self.spans))
        self.loggers = LoggerProvider()
        self.loggers.add_log_record_processor(log_export.SimpleLogRecordProcessor(self.logs))
        trace.set_tracer_provider(self.tracers)
        _logs.set_logger_provider(self.loggers)
        self.tracer = self.tracers.get_tracer("host")
        self.logger = self.loggers.get_logger("host")

    def span(self) -> None:
        with self.tracer.start_as_current_span("outer", attributes={"aiprov.model": "host"}):
            self.tracer.start_span("inner", attributes={"code.line.number": 1}).end()

    def exception(self) -> None:
        try:
            with self.tracer.start_as_current_span("failing"):
                self.fails()
        except ZeroDivisionError:
            pass

    def recorded(self) -> None:
        span = self.tracer.start_span("recording")
        try:
            self.fails()
        except ZeroDivisionError as error:
            span.record_exception(error, {"aiprov.tool": "host"})
        span.end()

    def log(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError as error:
            self.logger.emit(timestamp=1, body="failed", attributes={"host": 1}, exception=error)

    def handled(self) -> None:
        """The way of SDKs whose loggers take no exception."""
        from opentelemetry.sdk._logs import LoggingHandler

        handler = LoggingHandler(logger_provider=self.loggers)
        handler.flush = lambda: None  # type: ignore[method-assign]  # at exit it starts a thread, if the daemon's lives on
        try:
            self.fails()
        except ZeroDivisionError:
            log = logging.getLogger("of.opentelemetry")
            record = log.makeRecord(log.name, logging.ERROR, "host.py", 1, "of", (), sys.exc_info(), "handled")
            handler.emit(record)

    def resource(self) -> None:
        from opentelemetry.sdk.resources import get_aggregated_resources

        detectors: list[Any] = []
        if self.with_us:
            from aiprov_opentelemetry import AiprovResourceDetector

            detectors = [AiprovResourceDetector()]
        self.resources.append(json.loads(get_aggregated_resources(detectors).to_json()))

    def told(self) -> object:
        self.tracers.force_flush()
        self.loggers.force_flush()
        spans = [json.loads(span.to_json()) for span in self.spans.get_finished_spans()]
        records = [log if hasattr(log, "to_json") else log.log_record for log in self.logs.get_finished_logs()]
        logs = [json.loads(record.to_json()) for record in records]
        resources, self.resources = self.resources, []
        self.spans.clear()
        self.logs.clear()
        return [spans, logs, resources]


class Datadog:
    """Spans and errors as the tracer sends them, seen by a filter of the host that lets nothing out."""

    module = "ddtrace"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:  # noqa: ARG002  # one signature for all
        from ddtrace.trace import TraceFilter, tracer

        self.fails, self.tracer = fails, tracer
        items: list[Any] = []
        self.items = items

        class Kept(TraceFilter):
            def process_trace(self, trace: Any) -> None:
                items.extend(
                    [span.name, span.resource, span.error, span.get_tags(), span.get_metrics()] for span in trace
                )

        tracer.configure(trace_processors=[Kept()])

    def span(self) -> None:
        with self.tracer.trace("outer") as span:
            span.set_tag("aiprov.tool", "host")
            with self.tracer.trace("inner"):
                pass

    def exception(self) -> None:
        try:
            with self.tracer.trace("failing"):
                self.fails()
        except ZeroDivisionError:
            pass

    def told(self) -> object:
        found, self.items[:] = list(self.items), []
        return found


class Statsd:
    """Metrics, on a socket of the host's own."""

    module = "datadog"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:  # noqa: ARG002  # one signature for all
        from datadog import initialize, statsd

        self.fails, self.statsd = fails, statsd
        self.log = logging.getLogger("of.statsd")
        self.log.propagate = False
        self.log.addHandler(logging.NullHandler())
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0)
        initialize(statsd_host="127.0.0.1", statsd_port=self.socket.getsockname()[1], statsd_disable_buffering=True)

    def count(self) -> None:
        self.statsd.increment("host.count", tags=["aiprov.model:host"])

    def logged(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError:
            self.log.exception("counted")
        self.statsd.gauge("host.gauge", 1)

    def told(self) -> object:
        if hasattr(self.statsd, "flush"):  # a client before 0.51 sends at once
            self.statsd.flush()
        found = []
        try:
            while True:
                found += self.socket.recv(65536).decode().splitlines()
        except BlockingIOError:
            return [line for line in found if line.startswith("host.")]


class Logs:
    """The factory and the filter of `logging`."""

    module = "logging"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:
        self.fails = fails
        items: list[Any] = []
        self.items = items
        self.log = logging.getLogger("of.host")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False

        class Kept(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                known = ("name", "msg", "args", "levelname", "lineno", "funcName", "exc_text")
                hosts = getattr(record, "aiprov.tool", None) == "host"
                items.append(
                    [hosts, [getattr(record, name) for name in known], sorted(vars(record)), self.format(record)]
                )

        self.log.addHandler(Kept())
        if with_us:
            from aiprov_runtime.logs import ProvenanceFilter

            self.log.addFilter(ProvenanceFilter())

    def exception(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError as error:
            self.log.exception("of %s", "host")
            self.log.critical("again", exc_info=error, extra={"order": 7})
            self.log.debug("own", exc_info=error, extra={"aiprov.tool": "host"})

    def plain(self) -> None:
        self.log.info("plain")

    def told(self) -> object:
        found, self.items[:] = list(self.items), []
        return found


class Structlog:
    """Our processor in a chain of the host's."""

    module = "structlog"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:
        import structlog

        self.fails = fails
        items: list[Any] = []
        self.items = items
        ours: list[Any] = []
        if with_us:
            from aiprov_runtime.logs import add_provenance

            ours = [add_provenance]

        def keep(_logger: object, method: str, event: Any) -> Any:
            items.append([method, dict(event)])
            raise structlog.DropEvent

        structlog.configure([*ours, structlog.processors.format_exc_info, keep], cache_logger_on_first_use=False)
        self.log = structlog.get_logger()

    def exception(self) -> None:
        try:
            self.fails()
        except ZeroDivisionError as error:
            self.log.exception("of host", key=1)
            self.log.critical("again", exc_info=error, **{"aiprov.tool": "host"})

    def told(self) -> object:
        found, self.items[:] = list(self.items), []
        return found


class Requests:
    """The root of a WSGI and of an ASGI application."""

    module = "logging"

    def __init__(self, fails: Fails, *, with_us: bool) -> None:
        self.fails = fails
        self.items: list[Any] = []
        self.wsgi, self.asgi = self._wsgi, self._asgi
        if with_us:
            from aiprov_runtime import middleware

            self.wsgi, self.asgi = middleware.wsgi(self._wsgi), middleware.asgi(self._asgi)

    def _wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/fails":
            self.fails()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"o", b"k"]

    async def _asgi(self, scope: Any, _receive: object, send: Callable[..., Any]) -> None:
        if scope["path"] == "/fails":
            self.fails()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})

    def answered(self) -> None:
        response = self.wsgi({"PATH_INFO": "/"}, lambda *told: self.items.append(told))
        self.items.append([str(part) for part in response])

    def failed(self) -> None:
        self.wsgi({"PATH_INFO": "/fails"}, lambda *told: self.items.append(told))

    def awaited(self) -> None:
        async def send(message: Any) -> None:
            self.items.append(sorted(map(str, message.values())))

        for path in ("/", "/fails"):
            asyncio.run(self.asgi({"type": "http", "path": path, "headers": []}, send, send))

    def told(self) -> object:
        found, self.items[:] = list(self.items), []
        return found


VENDORS: dict[str, Any] = {
    "requests": Requests,
    "logs": Logs,
    "structlog": Structlog,
    "sentry": Sentry,
    "opentelemetry": OpenTelemetry,
    "ddtrace": Datadog,
    "statsd": Statsd,
}
