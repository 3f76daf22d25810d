"""Tracebacks as text: judged as the exceptions themselves are, or not at all."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime._app import ai, hash_of, human, index, raised, run, write

from aiprov_runtime._explain import Explanation, explain_exception
from aiprov_runtime._index import Index
from aiprov_runtime._printed import explain_definition, explain_printed, judge_definition, judge_printed, printed

SOURCE = '''
import functools

def person():
    raise LookupError("gone")

def raises():
    raise ValueError("no")

def calls():
    return person()

def wraps():
    try:
        raises()
    except ValueError as error:
        raise RuntimeError("wrapped") from error

def while_handling():
    try:
        person()
    except LookupError:
        raises()

def hides():
    try:
        raises()
    except ValueError:
        raise RuntimeError("alone") from None

def several():
    errors = []
    for call in (person, raises, wraps):
        try:
            call()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("several", errors)

def nested():
    try:
        several()
    except ExceptionGroup as error:
        raise ExceptionGroup("outer", [error, TypeError()])

def quotes():
    raise ValueError("""remote
Traceback (most recent call last):
  File "FILE", line 7, in raises
ValueError: no
""")

def in_lambda():
    return (lambda: 1 / 0)()

def in_generator():
    return sum(1 / value for value in (1, 0))

def default(value=lambda: 1 / 0):
    return value()

def again(depth):
    return again(depth - 1) if depth else raises()

@functools.lru_cache
def cached():
    return raises()

class Cart:
    def total(self):
        return raises()

    class Line:
        def total(self):
            return person()

def two(): return (lambda: 1 / 0); other = lambda: None
def either(a=lambda: 1 / 0): return [lambda: 1 / 0, a]
'''.lstrip()
NAMES = ["raises", "calls", "wraps", "while_handling", "several", "nested", "in_lambda", "in_generator", "again"]
RECORDS = {name: ai(hash_of(SOURCE, name)) for name in [*NAMES, "cached", "Cart.total", "Cart.Line.total", "either"]}
CALLS: dict[str, Callable[[SimpleNamespace], object]] = {
    "person": lambda shop: shop.person(),
    "hides": lambda shop: shop.hides(),
    "default": lambda shop: shop.default(),
    "again": lambda shop: shop.again(50),
    "cached": lambda shop: shop.cached(),
    "method": lambda shop: shop.Cart().total(),
    "inner": lambda shop: shop.Cart.Line().total(),
    **{name: (lambda shop, name=name: getattr(shop, name)()) for name in NAMES if name != "again"},
}


def app(root: Path, *, written: float = 1) -> tuple[SimpleNamespace, Index, str]:
    file = write(root / "shop.py", SOURCE)
    os.utime(file, (written, written))
    return run(file), index({"shop.py": RECORDS | {"person": human()}}, root=root), str(file)


def text_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def told(found: Explanation | None) -> object:
    return None if found is None else (found.tags(), {**found.context(), "code.function.name": None})


@pytest.mark.parametrize("case", CALLS)
def test_text_is_judged_as_the_exception_is(tmp_path: Path, case: str):
    shop, known, _ = app(tmp_path)
    error = raised(CALLS[case], shop)

    assert told(judge_printed(known, text_of(error))) == told(explain_exception(known, error))


def test_traceback_that_a_message_quotes_counts_for_nothing(tmp_path: Path):
    shop, known, file = app(tmp_path)
    error = raised(shop.quotes)
    error.args = (error.args[0].replace("FILE", file),)

    found = judge_printed(known, text_of(error))

    assert f'  File "{file}", line 7, in raises' in text_of(error)
    assert found is not None
    assert found.tags()["aiprov.generated"] == "false"


def test_chain_that_a_message_quotes_counts_for_nothing(tmp_path: Path):
    shop, known, _ = app(tmp_path)
    remote = text_of(raised(CALLS["wraps"], shop))
    lines = text_of(raised(CALLS["person"], shop)).splitlines()
    found = judge_printed(known, "\n".join([*lines, "worker said:", remote]))

    assert found is not None
    assert (None, "human") == (found.suspect, found.origin)


def test_line_that_two_functions_may_be_meant_by_is_nobodys(tmp_path: Path):
    _, known, file = app(tmp_path)
    line = next(number for number, text in enumerate(SOURCE.splitlines(), 1) if text.startswith("def either"))
    text = f'Traceback (most recent call last):\n  File "{file}", line {line}, in <lambda>\nZeroDivisionError: no\n'

    found = judge_printed(known, text)

    assert found is not None
    assert found.suspect is None


@pytest.mark.parametrize(("line", "name"), [(4, "raises"), (7, "person"), (0, "raises"), (999_999_999, "raises")])
def test_name_and_line_have_to_agree(tmp_path: Path, line: int, name: str):
    _, known, file = app(tmp_path)

    found = judge_printed(known, f'Traceback (most recent call last):\n  File "{file}", line {line}, in {name}\nE\n')

    assert found is not None
    assert found.suspect is None


def test_source_that_is_younger_than_the_process_may_not_be_what_runs(tmp_path: Path):
    shop, known, file = app(tmp_path, written=2**33)

    found = judge_printed(known, text_of(raised(shop.raises)))

    assert found is not None
    assert (found.origin, found.suspect) == ("unknown", None)
    assert judge_definition(known, file, 6) is None


def test_function_by_its_first_line(tmp_path: Path):
    _, known, file = app(tmp_path)
    first = next(number for number, text in enumerate(SOURCE.splitlines(), 1) if text.startswith("@functools"))

    found = judge_definition(known, file, first)

    assert found is not None
    assert found.suspect is not None
    assert found.suspect.attribution.function == "shop.py::cached"
    assert judge_definition(known, file, first + 2) is None, "inside of it"
    assert judge_definition(known, str(tmp_path / "other.py"), 1) is None


def test_file_that_is_gone_or_no_python_is_unknown(tmp_path: Path):
    shop, _, file = app(tmp_path)
    text = text_of(raised(shop.raises))
    for content in (None, "def raises(:"):
        Path(file).unlink(missing_ok=True)
        if content:
            write(Path(file), content)

        found = judge_printed(index({"shop.py": RECORDS}, root=tmp_path), text)

        assert found is not None
        assert found.suspect is None


def test_nothing_is_said_while_no_manifest_is_loaded():
    assert explain_printed("Traceback (most recent call last):\n") is None
    assert explain_definition(__file__, 1) is None


@given(st.text() | st.text(alphabet='Traceback (most recent call last):\n  File "x", line 1, in f |+-'))
def test_any_text_is_read(text: str):
    assert all(isinstance(line, int) for block in printed(text) for _, line, _ in block)


@given(
    st.lists(
        st.tuples(st.text(alphabet='ab/." ,', min_size=1), st.integers(1, 10**8), st.sampled_from(["f", "<lambda>"])),
        min_size=1,
        max_size=5,
    )
)
def test_frames_are_read_as_they_were_written(frames: list[tuple[str, int, str]]):
    summaries = [traceback.FrameSummary(file, line, name, lookup_line=False, line="") for file, line, name in frames]
    text = "Traceback (most recent call last):\n" + "".join(traceback.StackSummary.from_list(summaries).format())

    assert list(printed(f"{text}ValueError: no\n")) == [_shortened(frames)]


def _shortened(frames: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """Without the fourth and further of the same, which `traceback` counts in one line."""
    kept: list[tuple[str, int, str]] = []
    for frame in frames:
        if kept[-3:] != [frame] * 3:
            kept.append(frame)
    return kept
