"""A script whose own functions are recorded, and which starts a child that imports it again."""

import multiprocessing
import os
import sys

import sentry_sdk

import aiprov_runtime.auto  # noqa: F401

sentry_sdk.init(auto_enabling_integrations=False)


def ai_divides(case):
    sentry_sdk.set_tag("case", case)
    try:
        return 1 / 0
    except ZeroDivisionError:
        sentry_sdk.capture_exception()
        sentry_sdk.flush(10)


def main():
    ai_divides("main")
    if len(sys.argv) > 1:
        os.chdir("/")
        child = multiprocessing.get_context(sys.argv[1]).Process(target=ai_divides, args=("child",))
        child.start()
        child.join()


if __name__ == "__main__":
    main()
