"""Python imports this at its start under `aiprov run`: it starts us, then the host's own module of this name."""

import sys

import _aiprov_run  # type: ignore[import-not-found]  # beside this file

_ours = sys.modules.pop("sitecustomize", None)
try:
    _aiprov_run.start()
finally:
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # the host's
    except ImportError:
        if getattr(sys.exc_info()[1], "name", "sitecustomize") != "sitecustomize":
            raise
        if _ours is not None:
            sys.modules["sitecustomize"] = _ours
    _aiprov_run.stay_first()
