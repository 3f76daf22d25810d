"""Starts us in a Python below `aiprov run`, whichever Python that is: the syntax is one that all of them read."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def hide():  # type: () -> None  # noqa: ANN202  # an annotation is what older ones cannot read
    """The host finds its modules, and its own sitecustomize, as if we were not there."""
    sys.path[:] = [entry for entry in sys.path if entry != HERE]


def start():  # type: () -> None  # noqa: ANN202  # as above
    """For `sitecustomize`, and for a launcher that has its own and asks for entry points instead."""
    hide()
    problem = ""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036  # whichever Python the host starts
            problem = "older than Python 3.11"
        else:
            import aiprov_runtime.auto  # noqa: F401
    except ImportError:
        problem = str(sys.exc_info()[1])
    # The process that was asked for says so, and none of those that it starts.
    if problem and sys.stderr and os.environ.get("_AIPROV_RUN_PID") == str(os.getpid()):
        sys.stderr.write("aiprov: nothing is attributed, install aiprov beside %s: %s\n" % (sys.executable, problem))  # noqa: UP031
