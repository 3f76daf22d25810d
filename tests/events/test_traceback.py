"""Tracebacks of real exceptions, printed by every Python that is here, come back as what was raised."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from events.reading import scan
from hypothesis import given, settings
from hypothesis import strategies as st

from aiprov.events._model import Frame, Raised, ends

RAISING = Path(__file__).with_name("raising.py")
PYTHONS = [sys.executable, *(map(str, sorted(Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python"))))]


HOSTILE = ("Traceback (most recent", "The above exception", "During handling")
messages = st.one_of(
    st.sampled_from(
        [
            "",
            "bad\nworse",
            "x: y",
            '  File "a.py", line 1, in f',
            "+---- 1 ----",
            "  | a\n    +---------------- 1 --------",
            "\nlate",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
).filter(lambda text: not any(phrase in text for phrase in HOSTILE))
simple = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["ValueError", "KeyError", "inner", "local", "interrupt", "syntax"]),
        "message": messages,
        "notes": st.lists(messages, max_size=2),
        "depth": st.sampled_from([0, 1, 3, 4, 5, 60, 150]),
        "raised": st.just(value=True),
        "colour": st.booleans(),
        "below": st.none(),
    }
)


def _compound(inner: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:
    below = st.none() | st.tuples(st.sampled_from(["cause", "context", "none"]), inner)
    never_raised = simple.map(lambda spec: spec | {"raised": spec["type"] in ("syntax", "interrupt"), "notes": []})
    member = (inner | never_raised).map(lambda s: s | {"type": "KeyError"} if s["type"] == "interrupt" else s)
    group = st.fixed_dictionaries(
        {"type": st.just("group"), "members": st.lists(member, min_size=1, max_size=3), "below": below}
    )
    chained = st.fixed_dictionaries({"below": below})
    return st.builds(lambda base, extra: base | extra, simple, group | chained)


specs = st.recursive(simple, _compound, max_leaves=5)


@pytest.fixture(scope="module", params=PYTHONS, ids=lambda path: Path(path).parents[1].name)
def python(request):
    with subprocess.Popen(
        [request.param, str(RAISING)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield process
        process.stdin.close()


def ask(process: subprocess.Popen[str], spec: dict) -> tuple[str, tuple[Raised, ...]]:
    process.stdin.write(json.dumps(spec) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    truth = tuple(
        Raised(r["type"], r["relation"], r["parent"], ends([Frame(**f) for f in r["frames"]])) for r in answer["truth"]
    )
    return answer["text"], truth


def bounded(stack: tuple[Raised, ...] | None) -> tuple[Raised, ...]:
    return tuple(Raised(r.type, r.relation, r.parent, ends(r.frames)) for r in stack or ())


@settings(max_examples=150, deadline=None)
@given(spec=specs)
def test_what_was_raised_comes_back_exactly(python, spec):
    text, truth = ask(python, spec)

    assert [bounded(found.stack) for found in scan(text)] == [truth]
