"""OpenTelemetry's spans beside Sentry's errors: Sentry's own integration, and aiprov before or after it."""

import json
import sys

import sentry_sdk
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.integrations.otlp import OTLPIntegration

import aiprov_runtime

exporter = InMemorySpanExporter()


def ai_raises():
    with trace.get_tracer("shop").start_as_current_span("by ai"):
        return 1 / 0


def ai_captures():
    with trace.get_tracer("shop").start_as_current_span("captured"):
        sentry_sdk.capture_message("said")


def set_up(steps):
    for step in steps.split(","):
        if step == "auto":
            import aiprov_runtime.auto  # noqa: F401
        elif step == "init":
            integration = OTLPIntegration(setup_otlp_traces_exporter=False, capture_exceptions=True)
            sentry_sdk.init(auto_enabling_integrations=False, integrations=[integration])
        elif step == "provider":
            provider = TracerProvider()
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            trace.set_tracer_provider(provider)


if __name__ == "__main__":
    set_up(sys.argv[1])
    aiprov_runtime.lookup(ai_raises)  # reads the source now, so that no error is faster than its state
    sentry_sdk.set_tag("case", "raised")
    try:
        ai_raises()
    except ZeroDivisionError:
        sentry_sdk.set_tag("case", "said")
        ai_captures()
    sentry_sdk.flush(10)
    spans = {
        span.name: {
            "attributes": dict(span.attributes),
            "events": [dict(event.attributes) for event in span.events],
            "trace": f"{span.context.trace_id:032x}",
        }
        for span in exporter.get_finished_spans()
    }
    sys.stdout.write(json.dumps({**aiprov_runtime.status()._asdict(), "spans": spans}))
