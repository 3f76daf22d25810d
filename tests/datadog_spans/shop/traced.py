"""Sets ddtrace and aiprov up as told, then runs each case below a span of its own."""

import json
import sys


def set_up(steps):
    for step in steps.split(","):
        if step == "auto":
            import aiprov_runtime.auto  # noqa: F401
        elif step == "ddtrace":
            import ddtrace  # noqa: F401
        elif step == "datadog":
            import datadog  # noqa: F401
        elif step == "filter":
            from ddtrace.trace import tracer

            from aiprov_datadog import AiprovTraceFilter

            tracer.configure(trace_processors=[Theirs(), AiprovTraceFilter()])
        elif step == "install":
            from aiprov_datadog import install

            install()
        elif step == "provider":
            from ddtrace.opentelemetry import TracerProvider
            from opentelemetry.trace import set_tracer_provider

            set_tracer_provider(TracerProvider())
        elif step == "sealed":
            from ddtrace._trace.processor import SpanProcessor

            del SpanProcessor.register
        elif step == "theirs":
            from ddtrace.trace import tracer

            tracer.configure(trace_processors=[Theirs()])


class Theirs:
    """An application's own trace processor."""

    def process_trace(self, trace):
        for span in trace:
            span.set_tag("theirs", "yes")
        return trace


def main(setup, *cases):
    set_up(setup)

    import pricing
    from ddtrace.trace import tracer

    for name in cases:
        try:
            with tracer.trace(name, service="shop"):
                getattr(pricing, f"case_{name}")()
        except Exception:  # noqa: BLE001  # as a framework does
            pass
    tracer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
    if "aiprov_runtime" in sys.modules:
        from aiprov_runtime import status

        sys.stdout.write(json.dumps(status()._asdict()))
