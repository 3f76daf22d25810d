"""Judges what is left as text: a printed traceback, or the file and line where a function begins.

The code object of a frame is looked up in the compiled source by its name and line; where two could be meant, or where
the file is younger than this process, nothing is said of that frame.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import CodeType
from typing import Any, NamedTuple, cast

from aiprov_runtime import _runtime
from aiprov_runtime._explain import Explanation, Frame, _Path
from aiprov_runtime._guard import guard
from aiprov_runtime._index import Index

_HEADERS = frozenset({"Traceback (most recent call last):", "Exception Group Traceback (most recent call last):"})
_AND_THEN = frozenset(
    {
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    }
)
_FRAME = re.compile(r'  File "(.*)", line (\d{1,9}), in (.*)')
_MARGIN = re.compile(r"^ *(?:\+-\+|[|+] ?)")
_MEMBER = re.compile(r"-+ \d+ -+")
_MAX_TEXT = 100_000
_MAX_FILES = 256
_SMALL_SOURCE = 64_000
_MAX_SOURCE = 1_000_000
_started = time.time()

Line = tuple[str, int, str]
"""File, line and `co_name` of one printed frame."""
Codes = dict[str, list[CodeType]]
"""The code objects of one file by their `co_name`."""


class _Place(NamedTuple):
    """Stands in for a frame that is gone, as far as anyone asks."""

    f_globals: dict[str, object]
    f_lineno: int


def explain_printed(text: str) -> Explanation | None:
    """Judge a traceback as `traceback.print_exception` writes it; None where it is none, or nothing is loaded."""
    with guard("explain"):
        index = _index()
        if index is not None:
            return judge_printed(index, text)
    return None


def explain_definition(file: str, line: int) -> Explanation | None:
    """Judge the function whose first line this is; None where that is none, or not one."""
    with guard("explain"):
        index = _index()
        if index is not None:
            return judge_definition(index, file, line)
    return None


def judge_printed(index: Index, text: str) -> Explanation | None:
    path = _Path(index)
    blocks = list(printed(text))
    for block in blocks:
        path.add([_frame(index, line) for line in reversed(block)])
    return path.explanation() if blocks else None


def judge_definition(index: Index, file: str, line: int) -> Explanation | None:
    if index.file(file) is None:
        return None
    codes = (code for named in _codes(file).values() for code in named)
    code = _only(code for code in codes if code.co_firstlineno == line)
    if code is None:
        return None
    path = _Path(index)
    path.add([_known(code, file, line)])
    return path.explanation()


def printed(text: str) -> Iterator[list[Line]]:
    """The frames of each exception of a printed chain or group, outermost first.

    A traceback that is quoted in a message counts for nothing: it may be of any program. Nor does what comes after it,
    which may be the rest of a quoted chain.
    """
    is_group = "Exception Group Traceback" in text
    may_begin = True
    block: list[Line] | None = None
    for raw in text[:_MAX_TEXT].splitlines():
        line = _MARGIN.sub("", raw, count=1) if is_group else raw
        if block is not None:
            if match := _FRAME.fullmatch(line):
                block.append((match[1], int(match[2]), match[3]))
            if line.startswith("  "):
                continue
            yield block
            block = None
        if line in _HEADERS:
            if not may_begin:
                return
            block = []
        may_begin = line in _AND_THEN or bool(is_group and _MEMBER.fullmatch(line)) or (may_begin and not line.strip())
    if block:
        yield block


def _index() -> Index | None:
    runtime = _runtime._current()  # noqa: SLF001  # one package
    return None if runtime is None else runtime.lookups


def _frame(index: Index, line: Line) -> Frame:
    file, number, name = line
    if index.file(file) is not None:
        code = _only(code for code in _codes(file).get(name, ()) if any(number == at for _, _, at in code.co_lines()))
        if code is not None:
            return _known(code, file, number)
    return _UNKNOWN.replace(co_filename=file), cast("Any", _Place({}, number))


def _only(codes: Iterable[CodeType]) -> CodeType | None:
    """The one function that is meant, None where it may be one of several."""
    named = {code.co_qualname: code for code in codes}
    return next(iter(named.values())) if len(named) == 1 else None


def _known(code: CodeType, file: str, line: int) -> Frame:
    return code.replace(co_filename=file), cast("Any", _Place({"__name__": _module(file)}, line))


def _module(file: str) -> str:
    name = _modules.get(file, "")
    if not name:
        loaded = sys.modules.copy()
        name = next(
            (name for name, module in loaded.items() if getattr(module, "__dict__", {}).get("__file__") == file), ""
        )
        _modules[file] = name  # of as many files as have been read
    return name


_modules: dict[str, str] = {}
_files: dict[str, Codes] = {}
_NOTHING: Codes = {}
_UNKNOWN = _index.__code__.replace(co_name="?", co_qualname="?")


def _codes(file: str) -> Codes:
    """A large file is compiled in a thread, and has no answers until then."""
    if file not in _files and len(_files) < _MAX_FILES:
        _files[file] = _NOTHING
        with guard("explain"):
            size = os.path.getsize(file) if os.path.isfile(file) else _MAX_SOURCE + 1
            if size <= _SMALL_SOURCE:
                _read(file)
            elif size <= _MAX_SOURCE:
                import threading

                threading.Thread(target=_read, args=(file,), name="aiprov-read", daemon=True).start()
    return _files.get(file, _NOTHING)


def _read(file: str) -> None:
    from aiprov_runtime._functions import parse

    with guard("explain"), suppress(OSError, SyntaxError, RecursionError, ValueError):
        if os.path.getmtime(file) > _started:
            return  # it may not be what runs
        with open(file, "rb") as stream:
            tree = parse(stream.read(_MAX_SOURCE))
        found: Codes = {}
        pending = [compile(tree, "<aiprov>", "exec", dont_inherit=True)]
        while pending:
            code = pending.pop()
            found.setdefault(code.co_name, []).append(code)
            pending += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
        _files[file] = found
