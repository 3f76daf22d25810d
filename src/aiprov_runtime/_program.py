"""Which program this process runs, also before the interpreter has begun to run it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from aiprov_runtime._paths import import_roots


def main_file() -> str | None:
    """The program's own file; a spawned child of `multiprocessing` imports it under another name."""
    for name in ("__mp_main__", "__main__"):
        file: str | None = getattr(sys.modules.get(name), "__file__", None)
        if file:
            return file
    given = getattr(sys, "argv", None)  # a host may put anything there
    arguments = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    return announced_file(arguments or [""], sys.orig_argv, search=import_roots([os.curdir, *sys.path]))


def announced_file(arguments: Sequence[str], command: Sequence[str], *, search: Sequence[str]) -> str | None:
    """What the command line says will run: a script, a folder, or a module on the `search` path."""
    first = arguments[0]
    if first == "-m":
        name = command[-len(arguments)].removeprefix("-m") if len(command) >= len(arguments) else ""
        return _module_file(name.split("."), search) if name else None
    if first in ("", "-", "-c") or "\0" in first:
        return None
    return os.path.join(first, "__main__.py") if os.path.isdir(first) else first


def _module_file(name: Sequence[str], search: Sequence[str]) -> str | None:
    """Found without importing anything; the manifest is searched upward, so the package's folder will do."""
    for entry in search:
        place = os.path.join(entry, name[0])
        if os.path.isdir(place):
            return os.path.join(entry, *name, "__main__.py")
        if os.path.isfile(f"{place}.py"):
            return f"{place}.py"
    return None


def is_child_to_be_told() -> bool:
    """True in a child of `multiprocessing` that has not heard yet which program it belongs to."""
    started = any(argument.startswith("from multiprocessing.") for argument in sys.orig_argv)
    told = getattr(sys.modules.get("__mp_main__"), "__name__", "__main__")  # until then, another name of `__main__`
    return started and told == "__main__"
