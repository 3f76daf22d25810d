from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.revert._source import Refusal, Source
from aiprov.revert._splice import splice


def spliced(today: str, then: str, qualname: str = "f", *, was: str | None = None) -> str:
    return splice(Source(today), Source(then), qualname, then_qualname=was).text


def test_a_body_comes_back_and_all_other_bytes_stay():
    today = "# top\nx = 1   \n\n\ndef f(a):  # new\n    return 0\n# below\n\ty = 2".replace("\ty", "y")
    then = "def f(a, b=2):  # old\n    # why\n    return a + b  # sum\n"

    assert "# top\nx = 1   \n\n\ndef f(a, b=2):  # old\n    # why\n    return a + b  # sum\n# below\ny = 2" == spliced(
        today, then
    )


def test_the_same_function_is_a_no_op():
    text = "\ufeffdef f():\r\n\treturn 1\r".lstrip("\ufeff")

    assert text == spliced(text, text)


def test_decorators_come_back_with_the_function():
    assert "@cached\n@other(1)\ndef f(): return 1\n" == spliced(
        "def f(): return 2\n", "@cached\n@other(1)\ndef f(): return 1\n"
    )


@pytest.mark.parametrize("sign", ["@(\n    cached\n)\n", "@\\\ncached\n", "@ cached\n"])
def test_a_decorator_is_replaced_from_its_sign_on(sign):
    assert "x = 1\ndef f(): pass\n" == spliced(f"x = 1\n{sign}def f(): return 2\n", "def f(): pass\n")


def test_the_comment_above_stays_that_of_today():
    assert "# today\ndef f(): return 1\n" == spliced("# today\ndef f(): return 2\n", "# then\ndef f(): return 1\n")


def test_line_ends_are_those_of_todays_file():
    assert "a = 1\r\ndef f():\r\n    return 1\r\n" == spliced(
        "a = 1\r\ndef f():\r\n    return 2\r\n", "def f():\n    return 1\n"
    )


def test_mixed_line_ends_outside_the_function_stay():
    today = "a = 1\r\nb = 2\nc = 3\rdef f():\r\n    return 2\nd = 4\r\n"

    assert "a = 1\r\nb = 2\nc = 3\rdef f():\n    return 1\nd = 4\r\n" == spliced(today, "def f():\n    return 1\n")


def test_a_missing_last_newline_stays_missing():
    assert "def f(): return 1" == spliced("def f(): return 2", "def f(): return 1\n\nx = 1\n")


def test_an_old_end_of_file_without_newline_gets_one():
    assert "def f(): return 1\nx = 2\n" == spliced("def f(): return 2\nx = 2\n", "def f(): return 1")


def test_form_feeds_between_functions_stay():
    assert "\x0c\ndef f(): return 1\n\x0c\ndef g(): pass\n" == spliced(
        "\x0c\ndef f(): return 2\n\x0c\ndef g(): pass\n", "def f(): return 1\n"
    )


def test_nel_and_line_separators_are_no_line_ends():
    today = "s = '\x85\u2028\x1c'\ndef f(): return 2\nt = 1\n"

    assert "s = '\x85\u2028\x1c'\ndef f(): return 1\nt = 1\n" == spliced(today, "def f(): return 1\n")


def test_a_body_is_indented_to_its_new_depth_but_not_inside_strings():
    then = 'def f(self):\n    """Doc\n    more.\n    """\n    s = """\n  x\n"""\n\n    return (s,\n  1)\n'
    today = "class C:\n    def f(self):\n        return 2\n\n    x = 1\n"

    assert (
        'class C:\n    def f(self):\n        """Doc\n    more.\n    """\n        s = """\n  x\n"""\n\n'
        "        return (s,\n      1)\n\n    x = 1\n"
    ) == spliced(today, then, "C.f", was="f")


def test_a_body_is_indented_less_when_it_left_its_class():
    then = 'class C:\n\tdef f(self):\n\t\ts = f"""\n\t\t{self}\n"""\n# far left\n\t\treturn s\n'

    assert 'def f(self):\n\ts = f"""\n\t\t{self}\n"""\n# far left\n\treturn s\n' == spliced(
        "def f(self): return 2\n", then, "f", was="C.f"
    )


def test_getter_and_setter_come_back_together():
    then = "class C:\n    @property\n    def x(self): return 1\n    @x.setter\n    def x(self, v): self.v = v\n"
    today = "class C:\n    @property\n    def x(self): return 2\n    y = 0\n    @x.setter\n    def x(self, v): pass\n"

    assert (
        "class C:\n    @property\n    def x(self): return 1\n    y = 0\n    @x.setter\n    def x(self, v): self.v = v\n"
    ) == spliced(today, then, "C.x")


def test_definitions_in_other_branches_are_refused():
    today = "if A:\n    def f(): return 1\nelse:\n    def f(): return 2\n"
    then = "def f(): return 3\nif A:\n    def f(): return 1\n"

    with pytest.raises(Refusal, match="another order or other branches"):
        spliced(today, then)


def test_both_branches_come_back():
    today = "if A:\n    def f(): return 1\nelse:\n    def f(): return 2\n"
    then = "if A:\n  def f(): return 3\nelse:\n  def f(): return 4\n"

    assert "if A:\n    def f(): return 3\nelse:\n    def f(): return 4\n" == spliced(today, then)


def test_another_number_of_definitions_is_refused():
    with pytest.raises(Refusal, match="2 times today and 1 times then"):
        spliced("def f(): pass\ndef f(): pass\n", "def f(): pass\n")


def test_a_body_whose_last_line_runs_on_is_refused():
    with pytest.raises(Refusal):
        spliced("def f(): return 2\n+1\n", "def f(): return 1 \\\n\n")


def test_mixed_tabs_and_blanks_that_would_not_parse_are_refused():
    then = "class C:\n\tdef f(self):\n        \treturn 1\n"
    today = "class C:\n\tclass D:\n\t\tdef f(self): return 2\n"

    with pytest.raises(Refusal, match="the result does not parse"):
        spliced(today, then, "C.D.f", was="C.f")


def test_async_and_nested_functions_are_found_by_their_qualname():
    today = "async def f():\n    def g(): return 2\n    return g\n"

    assert "async def f():\n    def g(): return 1\n    return g\n" == spliced(
        today, "async def f():\n    def g(): return 1\n    return 9\n", "f.<locals>.g"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\ndef f(): return '\xe8'\n",
        b"\xef\xbb\xbfx = '\xc3\xa9'\ndef f(): return 1\n",
        b"#!/usr/bin/python\n# coding: cp1252\ndef f(): return '\x80'\n",
    ],
)
def test_bytes_survive_their_encoding(data):
    source = Source.decode(data)

    assert data == source.encode()
    assert (
        data.replace(b"return", b"return  ")
        == splice(source, source.with_text(source.text.replace("return", "return  ")), "f").encode()
    )


def test_text_that_the_encoding_cannot_hold_is_refused():
    today = Source.decode(b"# coding: latin-1\ndef f(): return 1\n")

    with pytest.raises(Refusal, match="does not fit the file's encoding"):
        splice(today, Source("def f(): return '\u20ac'\n"), "f").encode()


@pytest.mark.parametrize("data", [b"# coding: nonsense\n", b"\xff\xfe", b"# coding: utf-7\nx = '+AGE-'\n"])
def test_bytes_that_do_not_survive_decoding_are_refused(data):
    with pytest.raises(Refusal):
        Source.decode(data)


@pytest.mark.parametrize("text", ["def f(:\n", "def f(): return '\x00'\n", "x = " + "(" * 5000 + ")" * 5000 + "\n"])
def test_what_does_not_parse_is_refused(text):
    with pytest.raises(Refusal, match="does not parse"):
        spliced(text, "def f(): pass\n")


SNIPPETS = st.sampled_from(
    [
        "x = 1\n",
        "\n",
        "# a comment   \n",
        "\x0c\n",
        "import os; y = 2\n",
        "class C:\n\tz = 1\n\n\tdef m(self): return 1  # m\n",
        's = """\n  def f(): no\n"""\n',
        "@dec\ndef g(a, *, b=1):\n    return a\\\n        + b\n",
        "async def h():\n  return 1;\n",
        "if x:\n    pass\nelse:\n    def k(): pass\n",
    ]
)
BODIES = st.sampled_from(
    [
        "def f(): return 1\n",
        "def f():\n    return 2  # two\n",
        "@dec\n@dec2(\n  1)\ndef f(a,\n      b):\n    # first\n    return a\n",
        'def f():\n    """Doc.\n\n  odd\n    """\n',
        "async def f(x):\n\tdef inner():\n\t\treturn x\n\treturn inner; \n",
    ]
)
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])


AROUND = st.lists(SNIPPETS).map("".join)


@given(st.tuples(AROUND, BODIES, AROUND), st.tuples(AROUND, BODIES), st.tuples(NEWLINES, NEWLINES))
def test_whatever_stands_around_a_function_stays_byte_for_byte(today_parts, then_parts, newlines):
    newline, then_newline = newlines
    head, body, tail = (part.replace("\n", newline) for part in today_parts)
    today = head + body + tail

    result = spliced(today, "".join(then_parts).replace("\n", then_newline))

    assert head + then_parts[1].replace("\n", newline) + tail == result
    assert today == spliced(result, today)
