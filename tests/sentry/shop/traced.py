"""Starts spans, logs and counts in the way that the arguments say; names tell who wrote what."""

import functools
import json
import logging
import os
import sys
import threading

import sentry_sdk

log = logging.getLogger("shop")
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def start(name, **given):
    if STREAM:
        return sentry_sdk.traces.start_span(name=name, attributes=given)
    span = sentry_sdk.start_span(op="test", description=name)
    for key, value in given.items():
        span.set_data(key, value)
    return span


def human_starts(name, **given):
    with start(name, **given):
        pass


def human_calls(function, *arguments):
    return function(*arguments)


def ai_starts(name, **given):
    with start(name, **given):
        pass


def ai_starts_at_once():
    with STARTS():
        pass


def ai_calls(function, *arguments):
    return function(*arguments)


def mixed_starts(name):
    with start(name):
        pass


def ai_raises():
    return 1 / 0


@case
def spans():
    ai_starts("by ai")
    ai_starts_at_once()
    mixed_starts("by mixed")
    human_starts("by human")
    ai_calls(human_starts, "by human below ai")
    ai_calls(human_starts, "by human below ai")
    ai_starts("with data", **{"aiprov.model": "mine", "team": "checkout"})
    thread = threading.Thread(target=ai_starts, args=("in a bare thread",))
    thread.start()
    thread.join()


@case
def child():
    """Of a span that is at hand, not of the current one."""
    span = sentry_sdk.get_current_span()

    def ai_child():
        with span.start_child(op="test", description="child by ai"):
            pass

    ai_child()


@case
def roots():
    def ai_root(name, **given):
        with root(name, **given):
            human_starts("below " + name)

    ai_root("root by ai")
    if not STREAM:
        ai_root("not sampled", sampled=False)


@case
def handed_over():
    """A transaction with data of the user's before it is started."""
    transaction = sentry_sdk.tracing.Transaction(name="handed over")
    transaction.set_data("aiprov.model", "mine")

    def ai_hands_over():
        with sentry_sdk.start_transaction(transaction):
            pass

    ai_hands_over()


@case
def logs():
    def human_logs():
        try:
            ai_raises()
        except ZeroDivisionError:
            log.exception("raised")
            log.warning("with the user's own", exc_info=True, extra={"aiprov.model": "mine"})
            log.info("without an exception")

    def ai_logs():
        log.error("never raised", exc_info=ValueError("never raised"))
        log.error("no exception")

    human_logs()
    ai_logs()


def ai_prices():
    return -1


def human_raises():
    raise ValueError("a price below nothing")


def failing(name, function):
    sentry_sdk.set_tag("case", name)
    try:
        function()
    except (ValueError, ZeroDivisionError):
        sentry_sdk.capture_exception()


@case
def executed():
    human_calls(ai_prices)
    failing("executed", human_raises)
    with root("nested"):
        ai_calls(human_calls, ai_prices)
    failing("raised by ai", ai_raises)


@case
def healthy():
    ai_prices()


def answer(code):
    """As the SDK's web integrations note a response."""
    ai_prices()
    if STREAM:
        span = sentry_sdk.traces.get_current_span()
        span.set_attribute("http.response.status_code", code)
        span.status = "error"
    else:
        sentry_sdk.get_current_span().set_http_status(code)


@case
def server_error():
    answer(500)


@case
def client_error():
    answer(404)


@case
def nothing():
    human_calls(str)


@case
def metrics():
    sentry_sdk.metrics.count("counted", 1)
    sentry_sdk.metrics.count("with the user's own", 1, attributes={"aiprov.manifest": "mine"})


def root(name, **given):
    return sentry_sdk.traces.start_span(name=name, parent_span=None) if STREAM else transaction(name, **given)


def transaction(name, **given):
    return sentry_sdk.start_transaction(name=name, op="test", **given)


def add_to_attributes(telemetry, _):
    telemetry["attributes"]["team"] = telemetry["attributes"].get("aiprov.manifest", "none") + " of checkout"
    return telemetry


def add_to_transaction(event, _):
    event["tags"]["team"] = event["tags"]["aiprov.manifest"] + " of checkout"
    return event


SLOTS = {
    "before_send_span": add_to_attributes,
    "before_send_log": add_to_attributes,
    "before_send_metric": add_to_attributes,
    "before_send_transaction": add_to_transaction,
    "traces_sampler": lambda _: 1.0,
}


def set_up(steps):
    options = json.loads(os.environ.get("SENTRY_OPTIONS", "{}"))
    if options.pop("slots", None):
        options |= SLOTS
    for step in steps.split(","):
        if step == "auto":
            import aiprov_runtime.auto

            aiprov_runtime.lookup(ai_starts)  # reads the source now, so that no span is faster than its state
        elif step == "track":
            aiprov_runtime.init(track=True)
        elif step == "init":
            sentry_sdk.init(release="shop@1", auto_enabling_integrations=False, **options)
        elif step == "mine":
            sentry_sdk.get_global_scope().set_attribute("aiprov.manifest", "mine")
    return options.get("trace_lifecycle") == "stream"


if __name__ == "__main__":
    logging.basicConfig(handlers=[logging.NullHandler()], level=logging.INFO)
    STREAM = set_up(sys.argv[1])
    if STREAM:
        STARTS = functools.partial(sentry_sdk.traces.start_span, name="at once")
    else:
        STARTS = functools.partial(sentry_sdk.start_span, op="test", description="at once")
    ran = set()
    sys.setprofile(lambda frame, *_: ran.add(frame.f_globals["__name__"]))
    for wanted in sys.argv[2].split(","):
        with root(f"root of {wanted}"):
            CASES[wanted]()
    sys.setprofile(None)
    sentry_sdk.flush(10)
    if "aiprov_runtime" in sys.modules:
        from aiprov_runtime import status

        ours = sorted(name for name in ran if name.startswith("aiprov") and name != "aiprov_runtime._imports")
        sys.stdout.write(json.dumps({**status()._asdict(), "ran": ours}))
