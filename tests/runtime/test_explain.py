from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from runtime._app import GENERATION, OTHER, ai, human, index, raised, run, write

from aiprov_runtime import _explain
from aiprov_runtime._explain import Explanation, exceptions, explain_exception, explain_frame, nearest_first
from aiprov_runtime._index import Index
from aiprov_runtime._manifest import Record

FILE = "src/shop.py"


class App:
    """One file of an application, loaded, with the functions that are recorded."""

    def __init__(self, root: Path, source: str, records: dict[str, Record], **names: object) -> None:
        self.code = run(write(root / FILE, source), **names)
        self.index = index({FILE: records}, OTHER, root=root)

    def explain(self, call: str, *arguments: object) -> Explanation:
        return explain_exception(self.index, raised(getattr(self.code, call), *arguments))


def path_of(explanation: Explanation) -> list[tuple[str, str]]:
    return [(step.attribution.function.partition("::")[2], step.relation) for step in explanation.steps]


SOURCE = """
import asyncio, threading, functools, contextlib

def good(value=0):
    return 1 / value

def bad(value=0):
    return 1 / value

def calls_bad():
    return bad()

def wraps():
    try:
        bad()
    except ZeroDivisionError as error:
        raise KeyError("wrapped") from error

def handles():
    try:
        bad()
    except ZeroDivisionError:
        good()

def hides():
    try:
        bad()
    except ZeroDivisionError:
        raise KeyError("hidden") from None

def generator():
    yield bad()

def consumes():
    return list(generator())

def lambdas():
    return (lambda: bad_lambda())()

def bad_lambda():
    return [[1 / x for x in (0,)] for _ in range(1)]

def genexpr():
    return sum(1 / x for x in (0,))

class Cart:
    @property
    def total(self):
        return 1 / 0
    @classmethod
    def make(cls):
        return cls().total
    @staticmethod
    def static():
        return 1 / 0
    def __getattr__(self, name):
        return 1 / 0
    class Inner:
        def run(self):
            def local():
                return 1 / 0
            return local()

def reads_property():
    return Cart().total

def makes():
    return Cart.make()

def static():
    return Cart.static()

def attribute():
    return Cart().missing

def inner():
    return Cart.Inner().run()

def decorate(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@decorate
def decorated():
    return 1 / 0

@decorate
def decorated_human():
    return good()

def defines_class():
    class Broken:
        x = 1 / 0

async def deep(n):
    await asyncio.sleep(0)
    return await deep(n - 1) if n else bad()

def awaits():
    asyncio.run(deep(3))

async def group():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deep(1))

def task_group():
    asyncio.run(group())

def recursion(n):
    return recursion(n - 1) if n else 1 / 0

def groups():
    def fail(call):
        try:
            call()
        except Exception as error:
            return error
    raise ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [fail(wraps)])])

def reports():
    return report()

@contextlib.contextmanager
def manages():
    yield
    bad()

def uses_manager():
    with manages():
        pass

def executes():
    exec("1 / 0")

def calls_back():
    return sorted([2, 1], key=bad_key)

def bad_key(value):
    return 1 / (value - 1)

def third(call):
    return call()
"""


@pytest.mark.parametrize(
    ("call", "recorded", "origin", "steps"),
    [
        ("bad", ["bad"], "ai", [("bad", "raised")]),
        ("bad", [], "unknown", []),
        ("good", ["bad"], "unknown", []),
        ("calls_bad", ["bad", "calls_bad"], "ai", [("bad", "raised"), ("calls_bad", "on_stack")]),
        ("calls_bad", ["calls_bad"], "ai", [("calls_bad", "on_stack")]),
        ("wraps", ["bad", "wraps"], "ai", [("bad", "raised"), ("wraps", "on_stack")]),
        ("wraps", ["wraps"], "ai", [("wraps", "on_stack")]),
        ("handles", ["bad"], "ai", [("bad", "raised")]),
        ("handles", ["handles"], "ai", [("handles", "on_stack")]),
        ("hides", ["bad"], "unknown", []),
        ("hides", ["hides"], "ai", [("hides", "raised")]),
        ("consumes", ["generator"], "ai", [("generator", "on_stack")]),
        ("lambdas", ["lambdas"], "ai", [("lambdas", "on_stack")]),
        ("lambdas", ["bad_lambda"], "ai", [("bad_lambda", "raised")]),
        ("genexpr", ["genexpr"], "ai", [("genexpr", "raised")]),
        ("reads_property", ["Cart.total"], "ai", [("Cart.total", "raised")]),
        ("makes", ["Cart.make"], "ai", [("Cart.make", "on_stack")]),
        ("static", ["Cart.static", "static"], "ai", [("Cart.static", "raised"), ("static", "on_stack")]),
        ("static", ["static"], "ai", [("static", "on_stack")]),
        ("attribute", ["Cart.__getattr__"], "ai", [("Cart.__getattr__", "raised")]),
        ("inner", ["Cart.Inner.run"], "ai", [("Cart.Inner.run", "on_stack")]),
        ("inner", ["Cart.Inner.run.<locals>.local"], "ai", [("Cart.Inner.run.<locals>.local", "raised")]),
        ("decorated", ["decorated"], "ai", [("decorated", "raised")]),
        ("decorated", ["decorate"], "unknown", []),
        ("decorated", ["decorate.<locals>.wrapper"], "ai", [("decorate.<locals>.wrapper", "on_stack")]),
        ("decorated_human", ["bad", "decorated"], "unknown", []),
        ("defines_class", ["defines_class"], "ai", [("defines_class", "raised")]),
        ("defines_class", ["Broken", "defines_class.<locals>.Broken"], "unknown", []),
        ("awaits", ["deep"], "ai", [("deep", "on_stack")]),
        ("awaits", ["bad", "deep", "awaits"], "ai", [("bad", "raised"), ("deep", "on_stack"), ("awaits", "on_stack")]),
        ("task_group", ["bad"], "ai", [("bad", "raised")]),
        ("groups", ["bad"], "ai", [("bad", "raised")]),
        ("groups", ["wraps"], "ai", [("wraps", "on_stack")]),
        ("groups", ["groups"], "ai", [("groups", "raised")]),
        ("uses_manager", ["manages"], "ai", [("manages", "on_stack")]),
        ("executes", ["executes"], "ai", [("executes", "raised")]),
        ("executes", ["<module>"], "unknown", []),
        ("calls_back", ["bad_key"], "ai", [("bad_key", "raised")]),
        ("good", ["<module>"], "unknown", []),
    ],
)
def test_every_kind_of_frame(tmp_path: Path, call: str, recorded: list[str], origin: str, steps: list[tuple[str, str]]):
    app = App(tmp_path, SOURCE, {name: ai() for name in recorded})

    found = app.explain(call)

    assert (origin, steps) == (found.origin, path_of(found))
    assert (found.suspect is not None) == (origin == "ai")


def test_a_thread_is_judged_by_its_own_stack(tmp_path: Path):
    app = App(tmp_path, SOURCE, {"bad": ai()})
    seen: list[BaseException] = []
    thread = threading.Thread(target=lambda: seen.append(raised(app.code.calls_bad)))
    thread.start()
    thread.join()

    assert [("bad", "raised")] == path_of(explain_exception(app.index, seen[0]))


def test_module_code_and_class_bodies_belong_to_the_module(tmp_path: Path):
    for source in ("x = 1 / 0\n", "class A:\n    class B:\n        y = 1 / 0\n", "f = [1 / x for x in (0,)]\n"):
        path = write(tmp_path / FILE, source)
        found = explain_exception(index({FILE: {"<module>": ai()}}, root=tmp_path), raised(run, path))

        assert [("<module>", "raised")] == path_of(found)


def test_third_party_frames_are_not_judged(tmp_path: Path):
    library = run(write(tmp_path / "site-packages" / "lib.py", "def call(f=None): return f() if f else 1 / 0\n"))
    app = App(
        tmp_path,
        "def f(): return call()\ndef g(): return call(h)\ndef h(): return 1 / 0\n",
        {"f": ai()},
        call=library.call,
    )

    assert [("f", "raised")] == path_of(app.explain("f"))
    assert [] == path_of(app.explain("g"))


def test_an_installed_package_with_a_record_is_application_code(tmp_path: Path):
    """`views` has no record, is called by nobody but the package, and keeps `run` from being where it raised."""
    site = tmp_path / "site-packages"
    views = run(write(site / "shop" / "views.py", "def view(): return 1 / 0\n"))
    cart = run(write(site / "shop" / "cart.py", "def run(): return view()\n"), view=views.view)
    other = run(write(site / "blog" / "cart.py", "def run(): return view()\n"), view=views.view)
    found = index({"src/shop/cart.py": {"run": ai()}}, search=[str(site)])

    assert [("run", "on_stack")] == path_of(explain_exception(found, raised(cart.run)))
    assert [] == path_of(explain_exception(found, raised(other.run)))


def test_a_human_record_innermost_is_the_origin_only_without_ai(tmp_path: Path):
    records = {"bad": human()}
    found = App(tmp_path, SOURCE, records).explain("calls_bad")

    assert ("human", None, "false") == (found.origin, found.suspect, found.tags()["aiprov.generated"])
    found = App(tmp_path, SOURCE, {**records, "calls_bad": ai()}).explain("calls_bad")
    assert "ai" == found.origin
    assert [("bad", "raised"), ("calls_bad", "on_stack")] == path_of(found)
    assert found.suspect
    assert found.suspect.attribution.function == f"{FILE}::calls_bad"


def test_mixed_is_a_suspect_and_unknown_is_none(tmp_path: Path):
    found = App(tmp_path, SOURCE, {"bad": Record("unknown"), "calls_bad": Record("mixed", GENERATION.id)}).explain(
        "calls_bad"
    )

    assert "mixed" == found.origin
    assert "true" == found.tags()["aiprov.generated"]


def test_tags(tmp_path: Path):
    app = App(tmp_path, SOURCE, {"bad": ai()})
    found = app.explain("calls_bad")

    assert {
        "aiprov.origin": "ai",
        "aiprov.generated": "true",
        "aiprov.manifest": app.index.manifest,
        "aiprov.function": "src/shop.py::bad",
        "aiprov.model": "anthropic/claude-opus-4-6",
        "aiprov.tool": "claude-code",
        "aiprov.prompt_hash": "sha256:" + "a" * 64,
        "aiprov.relation": "raised",
        "aiprov.state": "unverified",
    } == found.tags()
    assert found.suspect
    assert ("shop.bad", SOURCE.splitlines().index("def bad(value=0):") + 2) == (found.suspect.name, found.suspect.line)


def test_several_models_name_no_single_one(tmp_path: Path):
    both = Record("ai", OTHER.id, other_generations=(GENERATION.id, "gone"))
    found = App(tmp_path, SOURCE, {"bad": both}).explain("bad")

    assert found.suspect
    assert ("openai/gpt-5", "google/gemini-3", "anthropic/claude-opus-4-6") == found.suspect.attribution.models
    assert ("cursor", None) == (found.tags()["aiprov.tool"], found.tags().get("aiprov.model"))


def test_a_conflicting_record_names_all_models_and_picks_none(tmp_path: Path):
    found = App(tmp_path, SOURCE, {"bad": Record("mixed", None, other_generations=(GENERATION.id, OTHER.id))}).explain(
        "bad"
    )

    assert found.suspect
    assert 3 == len(found.suspect.attribution.models)
    assert {"aiprov.model", "aiprov.tool", "aiprov.prompt_hash"}.isdisjoint(found.tags())


def test_a_generation_that_is_not_in_the_manifest(tmp_path: Path):
    found = App(tmp_path, SOURCE, {"bad": Record("ai", "gone")}).explain("bad")

    assert ("ai", None) == (found.origin, found.tags().get("aiprov.model"))


def test_long_values_keep_their_end(tmp_path: Path):
    name = "f" * 300
    found = App(tmp_path, f"def {name}(): return 1 / 0\n", {name: ai()}).explain(name)

    assert "…" + "f" * 199 == found.tags()["aiprov.function"]


def test_cycles_end():
    a, b, c = ValueError("a"), ValueError("b"), ValueError("c")
    a.__cause__, b.__context__, c.__cause__ = b, c, a
    group = ExceptionGroup("g", [a, b])
    a.__context__ = group

    assert [("top", None), ("cause", 0), ("context", 1)] == [(r.relation, r.parent) for r in exceptions(a)]
    assert [group, a, b, c] == [r.error for r in exceptions(group)]
    assert 4 == len(nearest_first(exceptions(group)))


def test_a_chain_of_a_thousand_links_is_bounded():
    top = ValueError(0)
    for number in range(1000):
        link = ValueError(number)
        link.__cause__ = top
        top = link

    assert _explain.MAX_EXCEPTIONS == len(exceptions(top))
    assert 64 == len(exceptions(ExceptionGroup("g", [ValueError(i) for i in range(100_000)])))


def test_the_root_cause_comes_first_and_members_last():
    def chained(name: str, cause: str | None = None, context: str | None = None) -> Exception:
        error = ValueError(name)
        if context:
            error.__context__ = ValueError(context)
        if cause:
            error.__cause__ = ValueError(cause)
        return error

    group = ExceptionGroup(
        "group", [chained("m1", "m1 cause"), ExceptionGroup("inner", [chained("m2", context="m2 context")])]
    )
    group.__cause__ = chained("wrapped", context="root")

    assert ["root", "wrapped", "group", "m1 cause", "m1", "inner", "m2 context", "m2"] == [
        r.error.args[0] for r in nearest_first(exceptions(group))
    ]
    assert ["m1", "m1 cause"] == [r.error.args[0] for r in exceptions(chained("m1", "m1 cause", "never seen"))]


def test_the_innermost_frames_of_an_endless_recursion_count(tmp_path: Path):
    app = App(tmp_path, SOURCE.replace("if n else 1 / 0", "if n else bad()"), {"bad": ai()})
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(130_000)
    try:
        found = app.explain("recursion", 120_000)
    finally:
        sys.setrecursionlimit(limit)

    assert [("bad", "raised")] == path_of(found)


def test_a_list_of_functions_is_bounded(tmp_path: Path):
    source = "def f0(): return 1 / 0\n" + "".join(f"def f{i}(): return f{i - 1}()\n" for i in range(1, 40))
    found = App(tmp_path, source, {f"f{i}": ai() for i in range(40)}).explain("f39")

    assert [f"f{i}" for i in range(16)] == [name for name, _ in path_of(found)]


def test_a_suspect_behind_many_human_functions_is_found(tmp_path: Path):
    source = "def f0(): return 1 / 0\n" + "".join(f"def f{i}(): return f{i - 1}()\n" for i in range(1, 40))
    found = App(tmp_path, source, {f"f{i}": human() for i in range(39)} | {"f39": ai()}).explain("f39")

    assert found.suspect
    assert f"{FILE}::f39" == found.suspect.attribution.function
    assert [f"{FILE}::f39"] == found.context()["functions"]


def test_a_live_stack_skips_the_reporter(tmp_path: Path):
    seen: list[Explanation] = []
    app: App

    def report() -> None:
        seen.append(explain_frame(app.index, sys._getframe(), skip=lambda name: name == __name__))

    app = App(tmp_path, SOURCE, {"reports": ai(), "bad": ai()}, report=report)
    app.code.reports()

    assert [("reports", "raised")] == path_of(seen[0])
    assert [] == path_of(explain_frame(app.index, None))


def test_an_error_that_was_never_raised_has_no_path(tmp_path: Path):
    found = explain_exception(index({FILE: {"bad": ai()}}, root=tmp_path), ValueError())

    assert ("unknown", (), None) == (found.origin, found.steps, found.suspect)


def test_falsy_and_odd_exceptions(tmp_path: Path):
    class OddError(Exception):
        def __bool__(self) -> bool:
            return False

        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None

    app = App(
        tmp_path, "def f(error):\n    raise error\ndef g(error, cause):\n    raise error from cause\n", {"f": ai()}
    )
    cause = raised(app.code.f, OddError())

    assert [("f", "raised")] == path_of(explain_exception(app.index, cause))
    assert [("f", "raised")] == path_of(app.explain("g", OddError(), cause))


def test_a_function_raised_and_called_on_one_path_is_told_once(tmp_path: Path):
    found = App(tmp_path, SOURCE, {"recursion": ai()}).explain("recursion", 50)

    assert [("recursion", "raised")] == path_of(found)


def test_cancelled_tasks_and_interrupts_can_be_explained(tmp_path: Path):
    app = App(tmp_path, "def f(error):\n    raise error\n", {"f": ai()})

    for error in (
        KeyboardInterrupt(),
        SystemExit(1),
        asyncio.CancelledError(),
        BaseExceptionGroup("g", [KeyboardInterrupt()]),
    ):
        assert [("f", "raised")] == path_of(app.explain("f", error))


def test_an_index_may_be_asked_by_many_threads(tmp_path: Path):
    app = App(tmp_path, SOURCE, {"bad": ai(), "calls_bad": ai()})
    seen: list[list[tuple[str, str]]] = []

    def work(fresh: Index) -> None:
        seen.extend(path_of(explain_exception(fresh, raised(app.code.calls_bad))) for _ in range(50))

    threads = [threading.Thread(target=work, args=(app.index,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [[("bad", "raised"), ("calls_bad", "on_stack")]] * 400 == seen
