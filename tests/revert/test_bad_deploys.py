"""Real files broken at random: what comes back is the old function, and not one other byte moves."""

from __future__ import annotations

import ast
import random
import sysconfig
from pathlib import Path

from revert.bad_deploys import Deploy, deploy

from aiprov.revert import REVERTED, plan
from aiprov.revert._names import unresolved
from aiprov.revert._source import Source
from aiprov.revert._splice import Module

WANTED = 20
_MODULES = (
    "textwrap",
    "shlex",
    "csv",
    "calendar",
    "bisect",
    "gettext",
    "cmd",
    "fractions",
    "string",
    "quopri",
    "sched",
)


def module(data: bytes) -> Module:
    return Module.read(Source.decode(data), what="a test's file")


def without(found: Module, qualname: str) -> list[str]:
    lines = list(found.lines)
    for node in reversed(found.nodes(qualname)):
        start, end = found.span(node)
        del lines[start:end]
    return lines


def unbound(found: Module) -> set[str]:
    return {name.name for name in unresolved(found)[0]}


def contained(lines: list[str], within: list[str]) -> bool:
    rest = iter(within)
    return all(any(line == other for other in rest) for line in lines)


def test_bad_deploys_of_the_standard_library_are_undone(project):
    rng = random.Random(7)
    library = Path(sysconfig.get_path("stdlib"))
    deploys: dict[str, Deploy] = {}
    for name in _MODULES:
        made = deploy((library / f"{name}.py").read_bytes(), rng)
        if made is not None:
            deploys[name] = made
    project.commit("v1", **{name: made.good for name, made in deploys.items()})
    project.commit("v2", **{name: made.bad for name, made in deploys.items()})
    cases = [(name, made, qualname) for name, made in deploys.items() for qualname, _ in made.functions]

    assert len(cases) >= WANTED
    for name, made, qualname in cases:
        found = plan(project.repository, [f"{name}.py::{qualname}"], to="v1")
        assert [REVERTED] == [o.status for o in found.outcomes], found.outcomes

        good, bad, result = (module(data) for data in (made.good, made.bad, found.edits[0].after))
        assert [ast.dump(n) for n in good.nodes(qualname)] == [ast.dump(n) for n in result.nodes(qualname)]
        if found.outcomes[0].added:
            assert contained(without(bad, qualname), without(result, qualname))
        else:
            assert without(bad, qualname) == without(result, qualname)
        assert set() == unbound(result) - unbound(good) - unbound(bad)
