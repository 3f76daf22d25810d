"""`aiprov run -- COMMAND`: becomes the command, whose Python then starts us by itself. Needs no other library."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

import aiprov_runtime
from aiprov.errors import UsageError

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(aiprov_runtime.__file__)), "_bootstrap")  # noqa: PTH100, PTH118, PTH120  # pathlib costs a start its time
USAGE = 2
_PYTHON = re.compile(r"python[\d.]*t?$")


class Option(NamedTuple):
    """A setting of the runtime that a flag of ours gives to the command."""

    flag: str
    variable: str
    metavar: str | None
    help: str


OPTIONS = (
    Option("--manifest", "AIPROV_MANIFEST", "FILE", "Manifest to load, in place of searching for one."),
    Option("--sink", "AIPROV_SINK", "FILE", "Write error events to this file as JSON lines."),
    Option("--release", "AIPROV_RELEASE", "NAME", "Release in local sink events."),
    Option("--environment", "AIPROV_ENVIRONMENT", "NAME", "Environment in local sink events."),
    Option("--logs", "AIPROV_LOGS", None, "Add our keys to log records of exceptions."),
    Option("--track", "AIPROV_TRACK", None, "Note which AI functions ran (Python 3.12+)."),
)


def run(arguments: Sequence[str]) -> int | None:
    """Become the command; None where help is asked for, else the exit code of a wrong use."""
    try:
        settings, command = parse(arguments)
        if settings is not None:
            start(command, settings)
    except UsageError as error:
        sys.stderr.write(f"aiprov run: {error}\n")
        return USAGE
    return None


def parse(arguments: Sequence[str]) -> tuple[dict[str, str] | None, list[str]]:
    """The variables to set and the command; None where help is asked for."""
    settings: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        flag, given, value = rest.pop(0).partition("=")
        if flag == "--":
            break
        if flag in ("-h", "--help"):
            return None, []
        option = next((each for each in OPTIONS if each.flag == flag), None)
        if option is None:
            raise UsageError(f"no such option {flag}; see `aiprov run --help`")
        if option.metavar is None:
            if given:
                raise UsageError(f"{flag} takes no value")
            value = "1"
        elif not given:
            if not rest:
                raise UsageError(f"{flag} needs a {option.metavar}")
            value = rest.pop(0)
        settings[option.variable] = value
    return settings, rest


def start(command: Sequence[str], settings: Mapping[str, str]) -> NoReturn:
    """Replace this process; the command keeps its id, its streams and whoever waits for it."""
    if not command or not command[0]:
        raise UsageError("needs a command, as in `aiprov run -- python app.py`")
    environ = dict(os.environ)
    for variable, value in settings.items():
        is_file = variable in ("AIPROV_MANIFEST", "AIPROV_SINK")  # the command may work in another folder
        environ[variable] = os.path.abspath(os.path.expanduser(value)) if is_file else value  # noqa: PTH100, PTH111
    if "AIPROV_MANIFEST" in settings and not os.path.isfile(environ["AIPROV_MANIFEST"]):  # noqa: PTH113
        raise UsageError(f"{settings['AIPROV_MANIFEST']}: no such file; name a manifest")
    entries = environ.get("PYTHONPATH", "").split(os.pathsep) if environ.get("PYTHONPATH") else []
    environ["PYTHONPATH"] = os.pathsep.join([BOOTSTRAP, *(entry for entry in entries if entry != BOOTSTRAP)])
    environ["_AIPROV_RUN_PID"] = str(os.getpid())
    flag = blinding_flag(command)
    if flag is not None:
        sys.stderr.write(f"aiprov run: Python's {flag} keeps it from starting us: nothing is attributed\n")
    sys.stdout.flush()
    sys.stderr.flush()
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and the command would inherit that
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), environ)  # noqa: S606  # a shell would change the command
    except (OSError, ValueError) as error:
        raise UsageError(_why(command[0], error)) from None


def _why(name: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{name}: command not found"
    hint = f"; for a Python file: aiprov run -- python {name}" if name.endswith(".py") else ""
    return f"{name}: {getattr(error, 'strerror', None) or error}{hint}"


def blinding_flag(command: Sequence[str]) -> str | None:
    """The flag, of the command or of a script's first line, by which Python passes over PYTHONPATH or sitecustomize."""
    words = list(command)
    if not _is_python(words[0]):
        words = _first_line(words[0])
    while words and not _is_python(words[0]):
        words.pop(0)
    takes_value = False
    for word in words[1:]:
        if takes_value or word.startswith("--"):
            takes_value = word == "--check-hash-based-pycs"
            continue
        if not word.startswith("-"):
            return None
        for place, letter in enumerate(word[1:], start=1):
            if letter in "IES":
                return f"-{letter}"
            if letter in "cm":
                return None
            if letter in "WX":
                takes_value = place == len(word) - 1
                break
    return None


def _is_python(word: str) -> bool:
    return _PYTHON.match(os.path.basename(word)) is not None  # noqa: PTH119


def _first_line(name: str) -> list[str]:
    """The words after `#!` of a script."""
    folders = [""] if os.sep in name else os.get_exec_path()
    for folder in folders:
        try:
            with open(os.path.join(folder, name), "rb") as stream:  # noqa: PTH118, PTH123
                line = stream.readline(256)
        except (OSError, ValueError):
            continue
        return line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
    return []
