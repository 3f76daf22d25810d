"""Errors that are reported where they happen: by messages, through logging, and in threads, pools, tasks and forks."""

import asyncio
import concurrent.futures
import logging
import logging.handlers
import multiprocessing
import os
import queue
import sys
import threading

import sentry_sdk

from shop.raising import ai_calls, ai_raises, human_calls, human_raises

log = logging.getLogger("shop")


def ai_says():
    sentry_sdk.capture_message("said")


def human_says():
    sentry_sdk.capture_message("said")


def ai_logs():
    log.error("logged")


def ai_logs_an_exception():
    try:
        human_raises()
    except ZeroDivisionError:
        log.exception("logged")


def human_logs_an_exception():
    try:
        ai_raises()
    except ZeroDivisionError:
        log.exception("logged")


def ai_reports_unraised():
    sentry_sdk.capture_exception(ValueError("never raised"))


def captured(function):
    """Run it and report what it raises, as a framework does."""
    try:
        function()
    except Exception:  # noqa: BLE001
        sentry_sdk.capture_exception()


def before_fork():
    """What still waits to be sent would be sent by the child as well."""
    sentry_sdk.flush(10)
    return sentry_sdk.get_isolation_scope()._tags["case"]


def in_fork(method):
    case = before_fork()
    context = multiprocessing.get_context(method)
    process = context.Process(target=in_child, args=(case,))
    process.start()
    process.join()


def in_child(case):
    sentry_sdk.get_isolation_scope().set_tag("case", case)
    captured(ai_raises)
    sentry_sdk.flush(10)


async def task():
    human_calls(ai_raises)


def case_message_by_ai():
    human_calls(ai_says)


def case_message_by_human():
    human_calls(human_says)


def case_message_by_human_below_ai():
    ai_calls(human_says)


def case_log_line_by_ai():
    human_calls(ai_logs)


def case_log_line_with_stack():
    ai_calls(lambda: log.error("logged", stack_info=True))


def case_logged_by_ai():
    ai_logs_an_exception()


def case_logged_by_human():
    human_logs_an_exception()


def case_unraised_by_ai():
    ai_reports_unraised()


def case_queued_log_line():
    """An `EventHandler` behind a queue runs on a thread that knows nothing of the one that logged."""
    from sentry_sdk.integrations.logging import EventHandler, ignore_logger

    ignore_logger("queued")
    case = sentry_sdk.get_isolation_scope()._tags["case"]

    class Handler(EventHandler):
        def emit(self, record):
            sentry_sdk.get_isolation_scope().set_tag("case", case)
            self._can_record = lambda _: True
            super().emit(record)

    lines = queue.Queue()
    listener = logging.handlers.QueueListener(lines, Handler())
    queued = logging.getLogger("queued")
    queued.addHandler(logging.handlers.QueueHandler(lines))
    listener.start()
    ai_calls(lambda: queued.error("logged"))
    listener.stop()


def case_thread():
    thread = threading.Thread(target=human_calls, args=(ai_raises,))
    thread.start()
    thread.join()


def case_thread_pool():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        captured(pool.submit(human_calls, ai_raises).result)


def case_captured_inside_a_thread_pool():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(captured, ai_raises).result()


def case_task():
    captured(lambda: asyncio.run(task()))


def case_gathered():
    async def main():
        return await asyncio.gather(task(), asyncio.sleep(0))

    captured(lambda: asyncio.run(main()))


def case_to_thread():
    captured(lambda: asyncio.run(asyncio.to_thread(ai_raises)))


def case_os_fork():
    before_fork()
    child = os.fork()
    if child == 0:
        captured(ai_raises)
        sentry_sdk.flush(10)
        os._exit(0)
    os.waitpid(child, 0)


def case_multiprocessing_fork():
    in_fork("fork")


def case_process_pool():
    """The child reports it; the parent gets a copy without the child's frames."""
    case = before_fork()
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(in_child, case).result()


def case_process_pool_in_the_parent():
    before_fork()
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        captured(pool.submit(ai_raises).result)


def case_unraisable():
    """An error in a finalizer reaches nobody but this hook."""

    class Finalized:
        def __del__(self):
            ai_raises()

    before, sys.unraisablehook = sys.unraisablehook, lambda found: sentry_sdk.capture_exception(found.exc_value)
    thing = Finalized()
    del thing
    sys.unraisablehook = before


def case_by_hand():
    """An event about something that happened elsewhere."""
    values = [{"type": "RemoteError", "value": "elsewhere"}]
    ai_calls(lambda: sentry_sdk.capture_event({"level": "error", "exception": {"values": values}}))


def case_transaction():
    with sentry_sdk.start_transaction(name="case_transaction", op="test", sampled=True):
        ai_calls(lambda: None)
