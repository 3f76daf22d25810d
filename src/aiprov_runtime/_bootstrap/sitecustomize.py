"""Python imports this at its start under `aiprov run`: it starts us, then the host's own module of this name.

Any Python may be started below us, so the syntax is one that all of them read.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
# The host finds its modules, and its own sitecustomize, as if we were not there.
sys.path[:] = [entry for entry in sys.path if entry != _here]
_ours = sys.modules.pop("sitecustomize", None)
_problem = ""
try:
    if sys.version_info < (3, 11):  # noqa: UP036  # whichever Python the host starts
        _problem = "older than Python 3.11"
    else:
        import aiprov_runtime.auto  # noqa: F401
except ImportError:
    _problem = str(sys.exc_info()[1])
finally:
    # The process that was asked for says so, and none of those that it starts.
    if _problem and sys.stderr and os.environ.get("_AIPROV_RUN_PID") == str(os.getpid()):
        sys.stderr.write("aiprov: nothing is attributed, install aiprov beside %s: %s\n" % (sys.executable, _problem))  # noqa: UP031
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # the host's
    except ImportError:
        if getattr(sys.exc_info()[1], "name", "sitecustomize") != "sitecustomize":
            raise
        if _ours is not None:
            sys.modules["sitecustomize"] = _ours
    # Another launcher may have put itself first for the processes below, and would hide us there.
    _paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if _here in _paths[1:]:
        os.environ["PYTHONPATH"] = os.pathsep.join([_here] + [entry for entry in _paths if entry != _here])
