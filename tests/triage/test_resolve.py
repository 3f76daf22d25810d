from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.world import Function, World

from aiprov.events import Frame
from aiprov.triage._resolve import Place, Resolver, Scope, match
from aiprov_runtime._functions import regions

SOURCE = """\
import os


class Cart:
    limit = int("3")

    def total(self):
        def add(a, b):
            return a + b

        return [add(item, 0) for item in self]


class Order:
    def total(self):
        return 1


def send():
    return 2
"""
FUNCTIONS = regions(SOURCE)


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        (11, "Cart.total", Place("p::Cart.total", "line")),
        (11, "total", Place("p::Cart.total", "line")),
        (9, "Cart.total.<locals>.add", Place("p::Cart.total.<locals>.add", "line")),
        (11, "Cart.total.<locals>.<listcomp>", Place("p::Cart.total", "line")),
        (11, "<listcomp>", Place("p::Cart.total", "line")),
        (1, "<module>", Place("p::<module>", "line")),
        (5, "Cart", Place("p::<module>", "line")),
        (16, None, Place("p::Order.total", "line")),
        (11, "Order.total", Place("p::Order.total", "qualname")),
        (900, "Cart.total", Place("p::Cart.total", "qualname")),
        (2, "send", Place("p::send", "qualname")),
        (2, "add", Place("p::Cart.total.<locals>.add", "name")),
        (2, "gone", None),
        (2, "total", None),
        (900, None, None),
        (None, "send", Place("p::send", "qualname")),
    ],
)
def test_line_and_name_together_find_the_function(line, name, expected):
    found = match(FUNCTIONS, line=line, name=name or "", path="p")

    assert found == expected


@given(st.integers(-5, 10**9), st.text(max_size=20))
def test_whatever_a_frame_says_at_most_one_function_answers(line, name):
    found = match(FUNCTIONS, line=line, name=name, path="p")

    assert found is None or found.qualname in FUNCTIONS


def resolver(*paths, scope=Scope()):  # noqa: B008
    world = World({f"{p}::f": Function(p, "f", 10) for p in paths}, set(), set())
    world.release("v1", changed=set())
    return Resolver(world, scope), world.releases["v1"]


def key(file, *paths, function="f", line=12, app=None, scope=Scope()):  # noqa: B008
    found, revision = resolver(*paths, scope=scope)
    place = found.place(Frame(file=file, line=line, function=function, app=app), revision)
    return None if place is None else (place.key, place.how)


@pytest.mark.parametrize(
    ("deployed", "paths", "expected"),
    [
        ("/srv/app/src/shop/a.py", ["src/shop/a.py", "src/other/a.py"], ("src/shop/a.py::f", "line")),
        ("/srv/shop/a.py", ["src/shop/a.py"], ("src/shop/a.py::f", "line")),
        ("shop/a.py", ["src/shop/a.py"], ("src/shop/a.py::f", "line")),
        ("C:\\app\\shop\\a.py", ["src/shop/a.py"], ("src/shop/a.py::f", "line")),
        ("/srv/shop/a.py", ["one/shop/a.py", "two/shop/a.py"], ("shop/a.py::f", "none")),
        ("/srv/app.py", ["app.py", "examples/app.py"], ("app.py::f", "line")),
        ("/elsewhere/a.py", ["src/shop/a.py"], ("src/shop/a.py::f", "name")),
        ("/srv/shop/b.py", ["src/shop/a.py"], ("shop/b.py::f", "none")),
    ],
)
def test_a_deployed_path_is_the_one_file_that_shares_its_longest_tail(deployed, paths, expected):
    assert key(deployed, *paths) == expected


@pytest.mark.parametrize(
    "file",
    [
        "/venv/lib/python3.12/site-packages/shop/a.py",
        "/usr/lib/python3/dist-packages/shop/a.py",
        "/usr/lib/python3.12/shop/a.py",
        "<frozen importlib._bootstrap>",
        "<string>",
    ],
)
def test_library_code_is_no_suspect(file):
    assert key(file, "src/shop/a.py") is None


def test_a_file_name_alone_does_not_find_a_function_whose_line_disagrees():
    assert key("/elsewhere/a.py", "src/shop/a.py", line=500) == ("elsewhere/a.py::f", "none")


def test_a_pattern_brings_a_package_in_or_throws_it_out():
    installed = "/venv/lib/python3.12/site-packages/shop/a.py"

    assert key(installed, "src/shop/a.py", scope=Scope(app=("shop",))) == ("src/shop/a.py::f", "line")
    assert key("/srv/shop/a.py", "src/shop/a.py", scope=Scope(not_app=("*/shop/*",))) is None


def test_the_runtimes_own_flag_brings_an_installed_package_in():
    installed = "/venv/lib/python3.12/site-packages/shop/a.py"

    assert key(installed, "src/shop/a.py", app=True) == ("src/shop/a.py::f", "line")


def test_a_flag_against_code_that_the_repository_holds_is_ignored():
    assert key("/srv/shop/a.py", "src/shop/a.py", app=False) == ("src/shop/a.py::f", "line")
    assert key("/opt/tool/b.py", "src/shop/a.py", app=False) is None


def test_what_lies_hidden_under_site_packages_is_remembered():
    found, revision = resolver("src/shop/a.py")
    file = "/venv/lib/python3.12/site-packages/shop/a.py"
    found.place(Frame(file=file, line=12, function="f"), revision)

    assert found.hidden == {file}
