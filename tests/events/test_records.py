"""Objects out of arrays and out of text printed over many lines."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.events import _records

objects = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('ab"\\{}[],:\n\u00e9'), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\{}[]', max_size=3), inner, max_size=3),
    max_leaves=12,
)
members = st.lists(st.dictionaries(st.text(max_size=3), objects, max_size=4), max_size=5)


def split(text: str, *, limit: int = 1000, chunk: int = 4096) -> tuple[list[object], int]:
    target = io.BytesIO()
    dropped = _records.one_a_line(io.BytesIO(text.encode()), target, limit=limit, chunk=chunk)
    return [json.loads(line) for line in target.getvalue().splitlines()], dropped


@given(
    values=members,
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    array=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_objects_come_out_one_by_one_whatever_the_layout_and_the_chunks(values, indent, ascii_only, array, chunk):
    pieces = [json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value in values]
    text = f"[{', '.join(pieces)}]" if array else "\n".join(pieces)

    assert split(text, limit=10**6, chunk=chunk) == (values, 0)


@given(text=st.text('{}[]"\\,:a\n', max_size=80), chunk=st.integers(1, 20))
def test_no_text_breaks_the_splitter(text, chunk):
    target = io.BytesIO()
    _records.one_a_line(io.BytesIO(text.encode()), target, limit=50, chunk=chunk)

    assert len(target.getvalue()) <= 2 * len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": 1}, {"a": 2}, {"a', ([{"a": 1}, {"a": 2}], 1)),
        ('[3, null, "{", [{"a": 1}], {"a": 2}]', ([{"a": 1}, {"a": 2}], 0)),
        ('[{"a": 1}] [{"a": 2}]', ([{"a": 1}, {"a": 2}], 0)),
        (f'[{{"a": "{"x" * 2000}"}}, {{"a": 2}}]', ([{"a": 2}], 1)),
        ("", ([], 0)),
    ],
)
def test_broken_and_foreign_members_are_left_out(text, expected):
    assert split(text) == expected
    assert split(text, chunk=7) == expected


def test_deep_nesting_and_long_strings_take_linear_time():
    deep = '{"a":' * 200_000 + "1" + "}" * 200_000
    escapes = "\\\\" * 500_000
    text = f'[{deep}, {{"a": "{escapes}"}}, {{"b": 1}}, "{"x" * 1_000_000}'
    target = io.BytesIO()

    assert _records.one_a_line(io.BytesIO(text.encode()), target, limit=10_000, chunk=65536) == 2
    assert target.getvalue() == b'{"b": 1}\n'
