from __future__ import annotations

import ctypes
import importlib.util
import sys
import threading
from pathlib import Path
from types import CodeType

import pytest
from runtime._app import ai, hash_of, human, index, run, write

from aiprov_runtime._index import Attribution, Index
from aiprov_runtime._manifest import Document
from aiprov_runtime._paths import Paths

FILE = "src/shop.py"
SOURCE = "import functools\n\n\ndef total(items):\n    return sum(x for x in items)\n\n\ndef other():\n    return 2\n"


def state_of(found: Attribution | None) -> str | None:
    return found.state if found else None


def test_verified_stale_and_unverified(tmp_path: Path):
    path = write(tmp_path / FILE, SOURCE)
    code = run(path).total.__code__
    right, wrong = hash_of(SOURCE, "total"), "0" * 16

    def state(code_hash: str | None) -> str | None:
        return state_of(index({FILE: {"total": ai(code_hash)}}, root=tmp_path).lookup_verified(code))

    assert ["verified", "stale", "unverified"] == [state(right), state(wrong), state(None)]
    path.write_text(SOURCE.replace("    return", "  return").replace("(items)", "( items )"))
    assert "verified" == state(right)
    path.write_text("# another file by now\n" + SOURCE)
    assert "unverified" == state(right)
    path.write_text("def total(items):\n    return 0\n")
    assert "unverified" == state(right)
    path.write_text("x = 1\n")
    assert "unverified" == state(right)
    path.write_text("def broken(:\n")
    assert "unverified" == state(right)
    path.write_bytes(SOURCE.encode() + b"#" * 1_000_000)
    assert "unverified" == state(right)
    path.unlink()
    assert "unverified" == state(right)


def test_a_large_source_holds_no_request_up(tmp_path: Path):
    source = SOURCE + "x = 1\n" * 100_000
    path = write(tmp_path / FILE, source)
    code = run(path).total.__code__
    known = index({FILE: {"total": ai(hash_of(source, "total"))}}, root=tmp_path)

    seen = [state_of(known.lookup_verified(code))]
    for thread in threading.enumerate():
        if thread.name == "aiprov-verify":
            thread.join()
    seen.append(state_of(known.lookup_verified(code)))

    assert ["unverified", "verified"] == seen


def test_the_hot_path_reads_no_source(tmp_path: Path):
    path = write(tmp_path / FILE, SOURCE)
    code = run(path).total.__code__
    path.unlink()
    path.mkdir()  # reading it would fail
    found = index({FILE: {"total": ai("0" * 16)}}, root=tmp_path).lookup(code)

    assert "unverified" == state_of(found)


def test_the_same_name_in_another_file_is_another_function(tmp_path: Path):
    write(tmp_path / FILE, SOURCE)
    other = run(write(tmp_path / "src" / "blog.py", SOURCE))

    assert index({FILE: {"total": ai()}}, root=tmp_path).lookup(other.total.__code__) is None


def test_equal_code_in_two_files_is_told_apart(tmp_path: Path):
    """Code objects compare by content, so they can be no key."""
    one, other = (run(write(tmp_path / name / "shop.py", SOURCE)) for name in ("a", "b"))
    found = index({"a/shop.py": {"total": ai()}, "b/shop.py": {"total": human()}}, root=tmp_path)

    assert ["ai", "human"] == [getattr(found.lookup(m.total.__code__), "contributor", None) for m in (one, other)]


def made_up(filename: str, name: str) -> CodeType:
    """The code object that Cython and mypyc put into a traceback."""
    new = ctypes.pythonapi.PyCode_NewEmpty
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
    code: CodeType = new(filename.encode(), name.encode(), 5)
    return code


def test_made_up_code_objects_belong_to_nobody(tmp_path: Path):
    """A compiled method carries the name of a function that somebody else may have written."""
    path = write(tmp_path / FILE, SOURCE)
    found = index({FILE: {"total": ai(), "<module>": ai()}}, root=tmp_path)

    assert [None, None] == [found.lookup(made_up(str(path), name)) for name in ("total", "shop.Cart.total")]


def test_class_bodies_are_not_functions_of_the_same_name(tmp_path: Path):
    source = "def f():\n    class total:\n        x = codes(1)\n    return total\nclass other:\n    y = codes(2)\n"
    codes: dict[int, CodeType] = {}
    module = run(write(tmp_path / FILE, source), codes=lambda n: codes.__setitem__(n, sys._getframe(1).f_code))
    module.f()
    records = {"f": ai(), "<module>": human(), "other": ai(), "f.<locals>.total": human()}
    found = index({FILE: records}, root=tmp_path)
    function = module.f.__code__.replace(co_qualname="other")
    assert f"{FILE}::other" == getattr(found.lookup(function), "function", None)

    for _ in range(2):
        names = {n: getattr(found.lookup(code), "function", None) for n, code in codes.items()}
        assert {1: f"{FILE}::f", 2: f"{FILE}::<module>"} == names


def test_code_from_a_string_has_no_record(tmp_path: Path):
    code = compile("def total(): pass", "<string>", "exec").co_consts[0]

    assert index({FILE: {"total": ai()}}, root=tmp_path).lookup(code) is None


def test_a_compiled_file_without_its_source(tmp_path: Path):
    """The names in a `.pyc` are those of the machine that compiled it."""
    source = write(tmp_path / "build" / FILE, SOURCE)
    code = compile(source.read_bytes(), "C:\\build\\src\\shop.py", "exec")
    pyc = tmp_path / "shop.pyc"
    pyc.write_bytes(importlib.util.MAGIC_NUMBER + b"\0" * 12 + __import__("marshal").dumps(code))
    spec = importlib.util.spec_from_file_location("shop", pyc)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert index({FILE: {"total": ai()}}, root=tmp_path).lookup(module.total.__code__) is None


def test_an_unfit_record_costs_its_own_function_only(tmp_path: Path, swallowed: list[tuple[str, Exception]]):
    path = write(tmp_path / FILE, SOURCE)
    document = Document("0" * 64, 1, {}, {FILE: {"total": {"contributor": "AI"}, "other": {"contributor": "ai"}}})
    found = Index(document, Paths(document.files, root=str(tmp_path)))
    module = run(path)

    assert [None, None] == [found.lookup(module.total.__code__) for _ in range(2)]
    assert "ai" == getattr(found.lookup(module.other.__code__), "contributor", None)
    assert [("manifest", ValueError)] == [(place, type(error)) for place, error in swallowed]
    swallowed.clear()


@pytest.mark.parametrize("count", [100_000])
def test_made_up_names_fill_no_memory(tmp_path: Path, count: int):
    found = index({FILE: {"total": ai()}}, root=tmp_path)
    code = run(write(tmp_path / FILE, SOURCE)).total.__code__
    for number in range(count):
        found.file(f"<generated {number}>")
        found.is_application(code.replace(co_filename=f"<generated {number}>")) if number < 100 else None

    assert len(found._files) <= 65_536
    assert "ai" == getattr(found.lookup(code), "contributor", None)
