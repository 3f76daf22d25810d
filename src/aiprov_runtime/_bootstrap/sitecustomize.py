"""Python imports this at its start under `aiprov run`: the host's own module of this name comes first, then we."""

import sys

import _aiprov_run  # type: ignore[import-not-found]  # beside this file

_ours = sys.modules.pop("sitecustomize", None)
_aiprov_run.hide()
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # the host's
except ImportError:
    if getattr(sys.exc_info()[1], "name", "sitecustomize") != "sitecustomize":
        raise
    if _ours is not None:
        sys.modules["sitecustomize"] = _ours
finally:
    # Last, as a launcher's may unload what was imported during its own work, as ddtrace's does for gevent.
    _aiprov_run.start()
