"""Functions whose names say who wrote them; each case starts its own spans."""

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import os
import threading

from ddtrace.trace import tracer
from opentelemetry.trace import get_tracer


def ai_starts():
    tracer.trace("started by ai").finish()


def human_starts():
    tracer.trace("started by a person").finish()


def ai_raises():
    raise ValueError("secret of a customer")


def human_raises():
    raise LookupError("secret of a customer")


def ai_calls_human():
    return human_raises()


async def ai_awaits():
    await asyncio.sleep(0)
    with tracer.trace("inner"):
        raise TimeoutError


def ai_reads():
    return -1


def case_started_by_ai():
    ai_starts()


def case_started_by_human():
    human_starts()


def case_raised():
    with tracer.trace("inner"):
        ai_raises()


def case_on_stack():
    with tracer.trace("inner"):
        ai_calls_human()


def case_human():
    with tracer.trace("inner"):
        human_raises()


def ai_handles():
    with tracer.trace("inner"):
        human_raises()  # in a span


def case_caught_outside():
    ai_handles()


def ai_begins():
    return tracer.start_span("kept", child_of=tracer.current_span())


def case_handed_over():
    """The error happens where no AI function is, on a span that one of them has started."""
    with contextlib.suppress(LookupError), ai_begins():
        human_raises()


def case_caused():
    try:
        ai_raises()
    except ValueError as error:
        with tracer.trace("inner"):
            raise RuntimeError from error


def case_group():
    with tracer.trace("inner"):
        try:
            ai_raises()
        except ValueError as error:
            raise ExceptionGroup("several", [error, KeyError()]) from None


def case_handled_below():
    """The framework answers 500 by itself: its span fails without a traceback."""
    try:
        with tracer.trace("inner"):
            ai_raises()
    except ValueError:
        tracer.current_span().error = 1


def case_recovered():
    with contextlib.suppress(ValueError), tracer.trace("inner"):
        ai_raises()


def case_user_tags():
    with tracer.trace("inner") as span:
        span.set_tag("aiprov.model", "mine")
        ai_raises()


def case_twice():
    with tracer.trace("inner") as span:
        try:
            ai_raises()
        except ValueError as error:
            span.set_exc_info(type(error), error, error.__traceback__)
        ai_calls_human()


def case_last_counts():
    with tracer.trace("inner") as span:
        try:
            ai_raises()
        except ValueError as error:
            span.set_exc_info(type(error), error, error.__traceback__)
        human_raises()


def case_task():
    asyncio.run(ai_awaits())


def case_thread():
    def work(context):
        tracer.context_provider.activate(context)
        with tracer.trace("inner"):
            ai_raises()

    thread = threading.Thread(target=quietly, args=(work, tracer.current_trace_context()))
    thread.start()
    thread.join()


def case_pool():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(quietly, case_raised).result()


def quietly(function, *arguments):
    with contextlib.suppress(ValueError):
        function(*arguments)


def case_fork():
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        return
    with tracer.trace("child"):
        quietly(case_raised)
    tracer.flush()
    os._exit(0)


def case_many():
    for _ in range(600):
        ai_starts()
    ai_raises()


def case_bad_data():
    if ai_reads() < 0:
        human_raises()


def ai_starts_by_api():
    with get_tracer("shop").start_as_current_span("of ai"):
        pass
    ai_raises()


def case_otel():
    """The API's spans note their exceptions in a way of their own."""
    with get_tracer("shop").start_as_current_span("inner"):
        ai_starts_by_api()


def case_view():
    import flask

    app = flask.Flask("shop")

    @app.get("/")
    def ai_view():
        return "fine"

    app.test_client().get("/").close()


class Json(logging.Formatter):
    """Every attribute of a record that `logging` itself does not set, as JSON formatters write it."""

    known = frozenset(vars(logging.makeLogRecord({})))

    def format(self, record):
        added = {name: value for name, value in vars(record).items() if name not in self.known}
        return json.dumps({"message": record.getMessage(), **added})


def case_logged():
    handler = logging.StreamHandler()
    handler.setFormatter(Json())
    log = logging.getLogger("shop")
    log.addHandler(handler)
    try:
        ai_raises()
    except ValueError:
        log.exception("failed")
    log.warning("fine")
