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


def reported_in_child():
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


def case_message_in_a_thread():
    in_a_thread(ai_says)


def case_message_by_human_in_a_thread_of_ai():
    """The stack of a thread begins with what it runs, whoever has started it."""
    ai_calls(lambda: in_a_thread(human_says))


def case_log_line_in_a_thread():
    in_a_thread(ai_logs)


def case_message_in_a_task():
    async def ai_says_later():
        await asyncio.sleep(0)
        sentry_sdk.capture_message("said")

    asyncio.run(ai_says_later())


def in_a_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


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

    class Handler(EventHandler):
        def emit(self, record):
            sentry_sdk.set_tag("case", "case_queued_log_line")
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
    sentry_sdk.flush(10)  # a child would send what still waits a second time
    child = os.fork()
    if child == 0:
        reported_in_child()
        os._exit(0)
    os.waitpid(child, 0)


def case_multiprocessing_fork():
    sentry_sdk.flush(10)
    child = multiprocessing.get_context("fork").Process(target=reported_in_child)
    child.start()
    child.join()


def case_process_pool():
    sentry_sdk.flush(10)
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(reported_in_child).result()


def case_process_pool_in_the_parent():
    """Nobody reported it in the child; the parent gets a copy without the child's frames."""
    sentry_sdk.flush(10)
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
