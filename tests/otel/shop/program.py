"""Starts spans and logs errors in the way that the arguments say, and prints what an exporter was given."""

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from importlib.metadata import version

HOW, NAMES = sys.argv[1], sys.argv[2].split(",")
CASES, TELEMETRY = {}, {"spans": [], "logs": []}
EXPORTS = HOW in ("launcher", "file")  # to a real receiver, set up by somebody else


def case(function):
    CASES[function.__name__] = function
    return function


def start(name, **given):
    return TRACER.start_as_current_span(name, **given)


def human_starts(name, **given):
    with start(name, **given):
        pass


def human_calls(function, *arguments):
    return function(*arguments)


def ai_starts(name, **given):
    with start(name, **given):
        pass


def mixed_starts(name):
    with start(name):
        pass


def ai_hands_over(name):
    human_calls(human_starts, name)


def ai_raises():
    raise ValueError("no such price")


def ai_opens_and_fails(name):
    with start(name):
        human_calls(mixed_raises)


def mixed_raises():
    raise KeyError("no such item")


def human_raises():
    raise LookupError("not ours")


@case
def started_by_ai():
    ai_starts("by ai")


@case
def started_by_both():
    mixed_starts("by both")


@case
def started_below_ai():
    ai_hands_over("below ai")


@case
def started_by_human():
    human_starts("by human", attributes={"http.method": "GET"})


@case
def own_attributes_win():
    ai_starts("own", attributes={"aiprov.model": "mine", "code.function.name": "somewhere.else"})


@case
def own_later_attributes_win():
    ai_starts_and_sets()


def ai_starts_and_sets():
    with start("own later") as span:
        span.set_attribute("aiprov.tool", "mine")
        try:
            mixed_raises()
        except KeyError as error:
            span.record_exception(error, {"aiprov.state": "mine", "shop.item": 7})


@case
def full_of_own_attributes():
    ai_starts("full", attributes={f"own.{number}": number for number in range(120)})


@case
def error_through_two_spans():
    try:
        with start("outer"), start("inner"):
            ai_raises()
    except ValueError:
        pass


@case
def error_below_the_start():
    with contextlib.suppress(KeyError):
        ai_opens_and_fails("opened by ai")


@case
def human_error():
    try:
        with start("human error"):
            human_raises()
    except LookupError:
        pass


@case
def never_raised():
    ai_records("never raised")


def ai_records(name):
    with start(name) as span:
        span.record_exception(exception=RuntimeError("made, not raised"))


@case
def anothers_error():
    try:
        human_raises()
    except LookupError as error:
        ai_records_anothers(error)


def ai_records_anothers(error):
    with start("another's") as span:
        span.record_exception(error)


@case
def failed_after_ai_returned():
    with contextlib.suppress(LookupError), start("root"):
        with start("healthy"):
            ai_plain()
        with start("failing"):
            human_raises()


@case
def healthy_after_ai_returned():
    with start("healthy root"), start("child"):
        ai_plain()
        with start("other"):
            ai_returns()


@case
def never_ended():
    from aiprov_opentelemetry import _spans

    kept = [TRACER.start_span("root") for _ in range(10_050)]
    TELEMETRY["open_traces"] = len(_spans._traces)
    del kept


@case
def nothing_of_models_ran():
    with start("empty root"):
        pass


def ai_plain():
    return 1


def ai_returns():
    return 2


@case
def another_thread():
    thread = threading.Thread(target=ai_starts, args=("in a thread",))
    thread.start()
    thread.join()


@case
def logged_with_exception():
    try:
        ai_raises()
    except ValueError as error:
        LOGGER.emit(body="emitted", exception=error)


@case
def logged_by_logging():
    try:
        ai_raises()
    except ValueError:
        logging.getLogger("shop").exception("logged", extra={"shop.item": 7})


@case
def logged_outside_of_its_handler():
    try:
        ai_raises()
    except ValueError as raised:
        error = raised
    logging.getLogger("shop").error("logged later", exc_info=error)


@case
def logged_in_words():
    try:
        ai_raises()
    except ValueError:
        words = {"exception.type": "ValueError", "exception.stacktrace": traceback.format_exc()}
    LOGGER.emit(body="in words", attributes=words)


@case
def logged_never_raised():
    ai_logs()


def ai_logs():
    logging.getLogger("shop").error("never raised", exc_info=RuntimeError("made, not raised"))


@case
def logged_without_exception():
    logging.getLogger("shop").error("plain")


def set_up_tracers():
    from opentelemetry import trace
    from opentelemetry.sdk import trace as sdk
    from opentelemetry.sdk.resources import Resource, get_aggregated_resources
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    settings = {"active_span_processor": sdk.ConcurrentMultiSpanProcessor()} if HOW == "pool" else {}
    resource = Resource({})
    if HOW == "resource":
        from aiprov_opentelemetry import AiprovResourceDetector

        resource = get_aggregated_resources([AiprovResourceDetector()])
    provider = sdk.TracerProvider(resource=resource, **settings)
    provider.add_span_processor(SimpleSpanProcessor(Kept()))
    if "idiom" in (HOW, os.environ.get("ALSO")) or HOW == "pool":
        from aiprov_opentelemetry import AiprovSpanProcessor

        provider.add_span_processor(AiprovSpanProcessor())
    if HOW == "install":
        from aiprov_opentelemetry import install

        install(provider)
        install(provider)
        return provider
    trace.set_tracer_provider(provider)
    return provider


def set_up_loggers():
    from opentelemetry import _logs
    from opentelemetry.sdk import _logs as sdk

    class Export(sdk.LogRecordProcessor):
        """Hands on what a record holds by now, as an exporter does that waits for nothing."""

        def on_emit(self, log_record):
            found = log_record.log_record
            TELEMETRY["logs"].append({"body": found.body, "attributes": plain(found.attributes)})

        emit = on_emit

        def shutdown(self):
            pass

        def force_flush(self, timeout_millis=30000):  # noqa: ARG002
            return True

    provider = sdk.LoggerProvider()
    if HOW in ("idiom", "pool"):
        from aiprov_opentelemetry import AiprovLogRecordProcessor

        provider.add_log_record_processor(AiprovLogRecordProcessor())
    provider.add_log_record_processor(Export())
    if HOW == "install":
        from aiprov_opentelemetry import install

        install(provider)
        install(provider)
    else:
        _logs.set_logger_provider(provider)
    handler = sdk.LoggingHandler(logger_provider=provider)
    logging.getLogger("shop").addHandler(handler)
    logging.getLogger("shop").propagate = False
    return provider


def plain(attributes):
    return {name: list(value) if isinstance(value, tuple) else value for name, value in (attributes or {}).items()}


class Kept:
    """An exporter that keeps what it is given, in words, at once."""

    def export(self, spans):
        from opentelemetry.sdk.trace.export import SpanExportResult

        for span in spans:
            TELEMETRY["spans"].append(
                {
                    "name": span.name,
                    "attributes": plain(span.attributes),
                    "dropped": span.dropped_attributes,
                    "events": [plain(event.attributes) for event in span.events],
                    "status": span.status.status_code.name,
                    "resource": plain(span.resource.attributes),
                }
            )
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass

    def force_flush(self, timeout_millis=30000):  # noqa: ARG002
        return True


if HOW == "auto first":
    import aiprov_runtime.auto
if HOW == "file":
    from opentelemetry.configuration import configure_sdk, load_config_file

    configure_sdk(load_config_file("otel.yaml"))
if not EXPORTS:
    PROVIDER = set_up_tracers()
    LOGGERS = set_up_loggers() if any(name.startswith("logged") for name in NAMES) else None
if HOW in ("auto last", "resource"):
    import aiprov_runtime.auto
from opentelemetry import trace  # noqa: E402

PROVIDER = trace.get_tracer_provider() if EXPORTS else PROVIDER
TRACER = PROVIDER.get_tracer("shop")
if not EXPORTS and LOGGERS is not None:
    LOGGER = LOGGERS.get_logger("shop")
import aiprov_runtime  # noqa: E402

aiprov_runtime.lookup(ai_starts)  # waits until the file is compared with the manifest, as a span never does
for name in NAMES:
    human_calls(CASES[name])
if EXPORTS:
    PROVIDER.force_flush()

print(  # noqa: T201
    json.dumps(
        {
            **TELEMETRY,
            "failures": aiprov_runtime.status().failures,
            "plugins": aiprov_runtime.status().plugins,
            "sdk": version("opentelemetry-sdk"),
            "logs_imported": "opentelemetry.sdk._logs" in sys.modules,
        }
    )
)
