"""The example with OpenTelemetry, as its people would set it up; copied beside it as `observed.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"process.pid": os.getpid()}))
protocol = "http" if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"].startswith("http") else "grpc"
exporters = import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.trace_exporter")
provider.add_span_processor(BatchSpanProcessor(exporters.OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("host")

import app as example  # noqa: E402  # once the provider is there

app: Any = example.app


def spanned(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with tracer.start_as_current_span(name):
            return function(*arguments)

    return call


if hasattr(example, "convert"):
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

    app.wsgi_app = OpenTelemetryMiddleware(app.wsgi_app)
    example.convert = spanned(example.convert, "converting")  # around the model's code
    import_module("rates").round = spanned(round, "rounding")  # within it
else:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
    import_module("quotes").round = spanned(round, "rounding")
