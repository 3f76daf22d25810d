from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import threading
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime import _hashes

import aiprov_runtime
from aiprov_runtime._functions import (
    MODULE,
    Region,
    code_hash,
    definitions,
    owner,
    owner_of_code,
    parse,
    region_at,
    regions,
)

STDLIB = Path(sysconfig.get_path("stdlib"))
SOURCE = str(Path(aiprov_runtime.__file__).parents[1])
PYTHON_312 = sys.version_info >= (3, 12)


def library_files(*, largest: int, others: int) -> list[Path]:
    """The largest sources of the running interpreter and a fixed choice of the rest."""
    files = sorted(p for p in STDLIB.rglob("*.py") if "site-packages" not in p.parts and "idlelib" not in p.parts)
    by_size = sorted(files, key=lambda p: -p.stat().st_size)
    return by_size[:largest] + random.Random(1).sample(by_size[largest:], others)


def compiled(source: str | bytes) -> list[types.CodeType]:
    """Every code object of a source, as CPython makes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pending = [compile(source, "x.py", "exec", dont_inherit=True)]
    found = []
    for code in pending:
        found.append(code)
        pending += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return found


def lost(source: str | bytes) -> list[str]:
    """The code objects that no region takes, or whose region does not hold their first line."""
    functions = regions(source)
    # The values of `type X = ...` and bounds of type parameters are code of their own, which has no record.
    values = {getattr(node, "name", None) for node in ast.walk(parse(source)) if type(node).__name__.startswith("Type")}
    values |= {name.id for name in values if isinstance(name, ast.Name)}
    missing = []
    for code in compiled(source):
        region = functions.get(owner_of_code(code) or "")
        if region is None and values.intersection(code.co_qualname.split(".")):
            continue
        if region is None or not any(a <= max(code.co_firstlineno, 1) <= b for a, b in region.spans):
            missing.append(f"{code.co_qualname}:{code.co_firstlineno}")
    return missing


def test_every_code_object_of_the_standard_library_has_one_region():
    seen = 0
    for path in library_files(largest=8, others=140):
        source = path.read_bytes()
        try:
            compiled(source)
        except (SyntaxError, ValueError):
            continue
        seen += 1

        assert (str(path), []) == (str(path), lost(source))
    assert seen > 120


CASES = {
    "method": ("class A:\n  def f(self): pass", ["A.f"]),
    "nested": ("def f():\n  def g():\n    def h(): pass", ["f", "f.<locals>.g", "f.<locals>.g.<locals>.h"]),
    "class in function in class": (
        "class A:\n  def f(self):\n    class B:\n      def g(self): pass",
        ["A.f", "A.f.<locals>.B.g"],
    ),
    "async": ("async def f():\n  async with a as b: pass", ["f"]),
    "conditional": ("if a:\n  def f(): pass\nelse:\n  def f(): pass\ndef g(): pass", ["f", "g"]),
    "in try, with, for, match": (
        (
            "try:\n  def a(): pass\nexcept* E:\n  def b(): pass\nelse:\n  def c(): pass\nfinally:\n  def d(): pass\n"
            "with x:\n  def e(): pass\nfor i in x:\n  def f(): pass\nelse:\n  def g(): pass\n"
            "match x:\n  case [1, *_]:\n    def h(): pass\nwhile x:\n  def i(): pass"
        ),
        list("abcdefghi"),
    ),
    "global makes a nested function plain": (
        "def f():\n  global g, A\n  def g():\n    def h(): pass\n  class A:\n    def m(self): pass",
        ["A.m", "f", "g", "g.<locals>.h"],
    ),
    "global holds in its own scope only": (
        "def f():\n  global g\n  class A:\n    def g(self): pass\n  def h():\n    def g(): pass",
        ["f", "f.<locals>.A.g", "f.<locals>.h", "f.<locals>.h.<locals>.g"],
    ),
    "global in a branch": ("def f():\n  if a:\n    global g\n  def g(): pass", ["f", "g"]),
    "global in a class": ("class A:\n  global g\n  def g(): pass", ["g"]),
    "private names stay as written": (
        "class A:\n  def __f(self):\n    def __g(): pass",
        ["A.__f", "A.__f.<locals>.__g"],
    ),
    "lambdas and comprehensions": (
        (
            "x = lambda: [i for i in (lambda: 1)()]\nclass A:\n  y = lambda: {i: 1 for i in 'a'}\n"
            "  z = {j for j in 'a'}\n  def f(self, k=lambda: 1): return (i for i in [lambda: 2])"
        ),
        ["A.f"],
    ),
    "one line": ("def f(): return lambda: 1\ndef g(): return f", ["f", "g"]),
    "decorators on their own lines": ("@a\n@b(\n  lambda: 1\n)\ndef f():\n  pass", ["f"]),
    "walrus": ("def f(a):\n  return [y := 1, *[y for x in a if (y := x)]]", ["f"]),
    "property": ("class A:\n  @property\n  def p(self): pass\n  @p.setter\n  def p(self, v): pass", ["A.p"]),
    "unicode": ("def größe():\n  pass\nclass ﬁ:\n  def ª(self): pass", ["größe", "fi.a"]),
    "blank": ("", []),
    "comments only": ("# nothing\n\n# here", []),
}
CASES_312 = {
    "type parameters": (
        (
            "def f[T: (int, str)](x: T) -> T:\n  def g[U](): return [lambda: x]\n"
            "class A[T]:\n  def m[V: int](self): pass\nclass B[T](A[T]):\n  y = lambda: 1\n  def n(self): pass"
        ),
        ["A.m", "B.n", "f", "f.<locals>.g"],
    ),
    "quotes nested in an f-string": ('def f(a):\n  return f"{a["x"]} {"".join([f"{b!r:>{3}}" for b in a])}"', ["f"]),
}
if PYTHON_312:
    CASES |= CASES_312


@pytest.mark.parametrize("case", CASES)
def test_qualnames_are_those_of_cpython(case: str):
    source, expected = CASES[case]

    assert sorted({*expected, MODULE}) == sorted(regions(source))
    assert [] == lost(source)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeffdef f(): pass".encode(), True),
        ("# -*- coding: latin-1 -*-\ndef f(): return 'é'".encode("latin-1"), True),
        (b"def f():\r\n  return 1\r\n\r\ndef g(): pass\r\n", True),
        (b"\x0cdef f():\n  pass\n\x0c\ndef g(): pass", True),
        (b"def f(): pass\n\x00", False),
        ("def f(): pass\n\x00", False),
        (b"# coding: no-such\ndef f(): pass", False),
        (b"def f(): return '\xff'", False),
        ("def f(): return '\ud800'", False),
        ("def f(:", False),
        ("  def f(): pass", False),
        ("(" * 5000, False),
        ("def f(): return " + "-" * 100_000 + "1", False),
    ],
)
def test_odd_bytes_parse_or_are_a_syntax_error(text: str | bytes, expected):
    if expected:
        assert "f" in regions(text)
        assert [] == lost(text)
    else:
        with pytest.raises(SyntaxError):
            regions(text)


@given(
    st.text(alphabet=st.sampled_from(list(" \n\t:()=,.@*[]{}'\"\\#\x00\x0c\ufeffé0a_f")) | st.characters())
    | st.binary()
)
def test_any_text_parses_or_is_a_syntax_error(text: str | bytes):
    try:
        found = regions(text)
    except SyntaxError:
        return

    assert MODULE in found


@given(
    st.recursive(
        st.just(""),
        lambda inner: st.lists(
            st.tuples(
                st.sampled_from(
                    ["def {}():", "class {}:", "if {}:", "async def {}():", "def {}(x=lambda: [1 for _ in x]):"]
                ),
                st.sampled_from("fgh"),
                inner,
                st.sampled_from(["", "global f", "x = lambda: (i for i in g)"]),
            ),
            max_size=3,
        ).map(
            lambda blocks: "\n".join(
                "\n".join([head.format(name), *(f"  {line}" for line in [extra or "pass", *body.splitlines()])])
                for head, name, body, extra in blocks
            )
        ),
        max_leaves=12,
    )
)
def test_any_nest_of_definitions_maps_like_cpython(source: str):
    try:
        compiled(source)
    except SyntaxError:  # a global declared too late
        return

    assert [] == lost(source)
    assert {code.co_qualname for code in compiled(source) if code.co_flags & 1 and "<" not in code.co_name} | {
        MODULE
    } == set(regions(source))


def test_spans_of_one_qualname_come_in_source_order():
    source = "if a:\n  def f(): return 1\ndef g(): pass\ndef f(): return 2\nwith x:\n  def f(): return 3\n"

    assert ((2, 2), (4, 4), (6, 6)) == regions(source)["f"].spans
    assert [1, 2, 3, 4, 6] == [d.start for d in definitions(parse(source))]


def test_region_at_picks_the_innermost_function():
    functions = regions("x = 1\n@d\ndef f():\n  def g():\n    return 1\n  return g\n")

    assert [MODULE, "f", "f", "f.<locals>.g", "f.<locals>.g", "f", MODULE] == [
        found.qualname for line in range(1, 8) if (found := region_at(functions, line))
    ]
    assert region_at({}, 1) is None


def test_deep_and_huge_sources_are_read_or_refused():
    terms = "def f():\n  return " + " + ".join(["1"] * 1000)
    nested = "\n".join(" " * depth + f"def f{depth}():" for depth in range(90)) + "\n" + " " * 90 + "pass"
    many = "\n".join(f"def f{i}(x):\n  return x * {i}\n" for i in range(4_000))

    assert {MODULE, "f"} == set(regions(terms))
    assert 91 == len(regions(nested))
    assert [] == lost(nested)
    assert 4_001 == len(regions(many))


def test_deep_hash_costs_no_recursion():
    deep = code_hash([parse("x = " + ".a".join(["b"] * 400)).body[0]])

    assert 16 == len(deep)


def hash_of(source: str, name: str = "f") -> str:
    return regions(source)[name].code_hash


PLAIN = """
def f(a, b=1, *c: int, **d) -> list[int]:
    total = a + b
    for item in c:
        total += item * 2
    print(f"{total:>{b}} of {len(d)!r}", "end")
    del total
    return [x for x in c if x] or {"k": -1.5, **d}
"""
SAME = {
    "comment": PLAIN.replace("total = a", "# why\n    total = a"),
    "docstring": PLAIN.replace("    total = a", '    """Adds."""\n    total = a'),
    "blank lines": PLAIN.replace("\n    ", "\n\n    "),
    "moved": "import os\n\n\ndef g():\n    pass\n" + PLAIN,
    "spaces": PLAIN.replace("a + b", "( a  +  b )").replace("b=1", "b = 1"),
    "quotes": PLAIN.replace('"end"', "'end'").replace('"k"', "'k'"),
    "joined strings": PLAIN.replace('"end"', '"e" "nd"'),
    "split f-string": PLAIN.replace("} of {", '} o" f"f {'),
    "trailing comma": PLAIN.replace("**d)", "**d,)").replace("**d}", "**d,}"),
    "number spelling": PLAIN.replace("1.5", "1.50").replace("* 2", "* 0x2"),
    "u prefix": PLAIN.replace('"end"', 'u"end"'),
    "del in parentheses": PLAIN.replace("del total", "del (total)"),
    "tabs": PLAIN.replace("    ", "\t"),
    "text as a statement": PLAIN.replace("    for item", '    "Adds up."\n    for item'),
    "text in a block": PLAIN.replace("        total +=", '        """Adds up.\n          """\n        total +='),
    "crlf": PLAIN.replace("\n", "\r\n"),
}
CHANGED = {
    "constant": PLAIN.replace("* 2", "* 3"),
    "type of a constant": PLAIN.replace("* 2", "* 2.0"),
    "true for one": PLAIN.replace("b=1", "b=True"),
    "operator": PLAIN.replace("a + b", "a - b"),
    "default": PLAIN.replace("b=1", "b=2"),
    "no default": PLAIN.replace("b=1", "b"),
    "decorator": "@cached" + PLAIN,
    "removed statement": PLAIN.replace("    total = a + b\n", ""),
    "swapped statements": PLAIN.replace("    del total\n", "").replace("    print", "    del total\n    print"),
    "dedented statement": PLAIN.replace("        total +=", "        pass\n    total +="),
    "renamed local": PLAIN.replace("total", "sum_"),
    "renamed argument": PLAIN.replace("d)", "e)").replace("**d}", "**e}"),
    "async": PLAIN.replace("def f", "async def f"),
    "annotation": PLAIN.replace("c: int", "c: str"),
    "return annotation": PLAIN.replace("list[int]", "list[str]"),
    "no return annotation": PLAIN.replace(" -> list[int]", ""),
    "text in an f-string": PLAIN.replace(" of ", " off "),
    "conversion": PLAIN.replace("!r", "!s"),
    "format width": PLAIN.replace(":>{b}", ":<{b}"),
    "text for a value": PLAIN.replace("{len(d)!r}", "{{len(d)!r}}"),
    "string constant": PLAIN.replace('"end"', '"End"'),
    "bytes": PLAIN.replace('"end"', 'b"end"'),
    "sign": PLAIN.replace("-1.5", "+1.5"),
    "negated condition": PLAIN.replace("if x", "if not x"),
    "keyword only": PLAIN.replace("*c: int,", "*c: int, k,"),
    "generator": PLAIN.replace("[x for x in c if x]", "(x for x in c if x)"),
}


@pytest.mark.parametrize("case", SAME)
def test_formatting_does_not_change_the_hash(case: str):
    assert SAME[case] != PLAIN
    assert hash_of(PLAIN) == hash_of(SAME[case])


@pytest.mark.parametrize("case", CHANGED)
def test_an_edit_of_the_logic_changes_the_hash(case: str):
    assert CHANGED[case] != PLAIN
    assert hash_of(PLAIN) != hash_of(CHANGED[case])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("global x", "nonlocal x"),
        ("return", "return None"),
        ("x = ()", "x = []"),
        ("x = 'a', 'b'", "x = 'ab'"),
        ("x = {**a}", "x = {None: a}"),
        ("f(*a)", "f(a)"),
        ("f(a=b)", "f(**{'a': b})"),
        ("assert a, b", "assert (a, b)"),
        ("del a, b", "del a; del b"),
        ("x = 'a\\0Constant\\0str value\\0str b'", "x = 'a' 'b'"),
        ("x = ['a\\0Constant\\0str value\\0str b', 'c']", "x = ['a', 'b\\0Constant\\0str value\\0str c']"),
        ("from . import a", "from .. import a"),
        ("from . import a", "import a"),
        ("import a as b", "import a, b"),
        ("x = f'{a}'", "x = f'{{a}}'"),
        ("x = f'str {a}'", "x = f'{a}str '"),
        ("x = 1j", "x = 1"),
        ("x = -0.0", "x = 0.0"),
        ("x = ...", "x = 'Ellipsis'"),
        ("x = None", "x = 'None'"),
        ("x: int", "x: int = None"),
        ("(x): int = 1", "x: int = 1"),
        ("try: pass\n  except E: pass", "try: pass\n  except* E: pass"),
        ("async def g(): pass", "def g(): pass"),
        ("match a:\n   case None: pass", "match a:\n   case _: pass"),
        ("match a:\n   case {'a': 1, **r}: pass", "match a:\n   case {'a': 1}: pass"),
        ("return lambda x, /: 1", "return lambda x: 1"),
        ("return [x async for x in y]", "return [x for x in y]"),
    ],
)  # fmt: skip
def test_different_statements_differ(one: str, other: str):
    template = "async def f():\n  0\n  {}"
    if "local" in one:
        template = "def o():\n x = 1\n def f():\n  {}"
        assert hash_of(template.format(one), "o.<locals>.f") != hash_of(template.format(other), "o.<locals>.f")
    else:
        assert hash_of(template.format(one)) != hash_of(template.format(other))


def test_a_nested_function_enters_its_owner_by_name_only():
    outer = "def f():\n  def g(a=1): return {}\n  return g"
    before, after = regions(outer.format(1)), regions(outer.format(2))

    assert before["f"].code_hash == after["f"].code_hash
    assert before["f.<locals>.g"].code_hash != after["f.<locals>.g"].code_hash
    assert hash_of(outer.format(1)) != hash_of(outer.format(1).replace(" g", " h"))
    assert hash_of(outer.format(1)) != hash_of("def f():\n  return g")


def test_the_module_is_hashed_without_its_functions_but_with_its_classes():
    source = '"""Doc."""\nX = 1\ndef f(): return 1\nclass A:\n  "Doc."\n  y = 2\n  def m(self): return 3\n'

    def module(text: str) -> str:
        return hash_of(text, MODULE)

    assert module(source) == module(source.replace("Doc", "Text").replace("return 1", "return 9").replace("3", "4"))
    assert module(source) != module(source.replace("y = 2", "y = 3"))
    assert module(source) != module(source.replace("X = 1", "X = 2"))


def test_definitions_of_one_name_share_a_hash_that_each_of_them_changes():
    source = "if a:\n  def f(): return 1\nelse:\n  def f(): return 2\n"

    assert len({hash_of(source), hash_of(source.replace("1", "3")), hash_of(source.replace("2", "3"))}) == 3


@pytest.mark.parametrize("tool", ["black", "ruff"])
def test_formatters_do_not_change_a_hash(tmp_path: Path, tool: str):
    """Both formatters re-write the standard library's own style in thousands of places."""
    paths = [p for p in library_files(largest=40, others=110) if p.stat().st_size < 40_000 and "test" not in str(p)]
    before = {}
    for number, path in enumerate(paths):
        copy = tmp_path / f"f{number}.py"
        copy.write_bytes(path.read_bytes())
        before[str(copy)] = _hashes.hashes(str(copy))
    extra = tmp_path / "extra.py"
    extra.write_text(PLAIN.replace("del total", "del (total, a)") + "x = [\n1,2 , 3]\nclass   A ( object ) : pass\n")
    before[str(extra)] = _hashes.hashes(str(extra))
    untouched = {path: Path(path).read_bytes() for path in before}

    command = {"black": ["black", "--quiet", "--fast"], "ruff": ["ruff", "format", "--quiet", "--isolated"]}[tool]
    binary = Path(sys.executable).with_name(command[0])
    subprocess.run([binary, *command[1:], tmp_path], check=False)

    assert sum(untouched[path] != Path(path).read_bytes() for path in before) > len(before) / 3
    assert before == {path: _hashes.hashes(path) for path in before}


def interpreters() -> Iterator[tuple[str, str]]:
    """Every other supported interpreter that is installed here."""
    seen = {f"{sys.version_info[0]}.{sys.version_info[1]}"}
    places = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep)]
    places = [*Path.home().glob(".pyenv/versions/*/bin"), *places]
    for version in ("3.11", "3.12", "3.13"):
        for place in places:
            python = place / f"python{version}"
            if version not in seen and python.is_file() and "shims" not in place.parts:
                seen.add(version)
                yield version, str(python)


def test_every_python_computes_the_same_hashes(tmp_path: Path):
    corpus = [str(p) for p in library_files(largest=4, others=60)]
    for number, text in enumerate(
        [PLAIN, *SAME.values(), *CHANGED.values(), *(source for source, _ in CASES.values())]
    ):
        path = tmp_path / f"{number}.py"
        path.write_text(text, newline="")
        corpus.append(str(path))
    tricky = tmp_path / "tricky.py"
    tricky.write_text(
        'def f(a, w):\n  print(f"{a!r:>{w}.{w}}x\\n{{}}" rf"\\d{a:\\n}" "\\N{DASH}",\n'
        '    f"{a=} { a = } {a:%Y-%m}", b"\\xff")\n'
        "  x = 10**400, 1e400, 1e-7, 0.1, 1_000j, " + "9" * 4000 + "\n"
        "  return x[1:, ..., ::2], (yield), await_, a @ w, not -1 ** 2\n"
    )
    corpus.append(str(tricky))
    ours = {path: _hashes.hashes(path) for path in corpus}
    seen = 0
    for version, python in interpreters():
        seen += 1
        answer = subprocess.run(
            [python, _hashes.__file__],
            input=json.dumps(corpus).encode(),
            env={"PYTHONPATH": SOURCE},
            check=True,
            capture_output=True,
        ).stdout
        theirs = json.loads(answer)
        both = [path for path in corpus if ours[path] and theirs[path]]

        assert (version, {p: ours[p] for p in both}) == (version, {p: theirs[p] for p in both})
        assert len(both) > len(corpus) * 0.95
    assert seen >= (1 if os.environ.get("CI") else 0)


@pytest.mark.parametrize(
    ("qualname", "is_function", "expected"),
    [
        ("f", True, "f"),
        (MODULE, False, MODULE),
        ("A", False, MODULE),
        ("f.<locals>.A", False, "f"),
        ("A.f.<locals>.<lambda>", True, "A.f"),
        ("A.<lambda>", True, MODULE),
        ("f.<locals>.A.<lambda>", True, "f"),
        ("<lambda>.<locals>.<listcomp>", True, MODULE),
        ("f.<locals>.<lambda>.<locals>.<genexpr>", True, "f"),
        ("f.<locals>.g.<locals>.<genexpr>", True, "f.<locals>.g"),
    ],
)
def test_owner(qualname: str, is_function, expected: str):
    assert expected == owner(qualname, is_function=is_function)


def test_region_bounds():
    region = Region("f", ((1, 2), (5, 9)), "")

    assert (1, 9) == (region.start, region.end)


def test_parsing_leaves_the_warning_filters_of_other_threads_alone():
    """The filters are global: putting back an older list would undo what another thread set in between."""
    noisy = "x = '\\d'\n" * 3000
    before = list(warnings.filters)

    def work():
        for _ in range(4):
            with contextlib.suppress(SyntaxError):
                parse(noisy)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    warnings.filterwarnings("ignore", message="set meanwhile")
    for thread in threads:
        thread.join()

    added = [entry for entry in warnings.filters if entry not in before]
    assert [re.compile("set meanwhile", re.IGNORECASE)] == [entry[1] for entry in added if entry[1]]
    assert {"<aiprov>"} == {entry[3].pattern for entry in added if entry[3]}


def test_parsing_repeats_no_warning_that_was_shown_once(recwarn: pytest.WarningsRecorder):
    warnings.simplefilter("default")
    seen: dict[str, object] = {}

    for _ in range(3):
        warnings.warn_explicit("shown once", UserWarning, "host.py", 1, registry=seen)
        parse("x = '\\d'")

    assert ["shown once"] == [str(warning.message) for warning in recwarn]
