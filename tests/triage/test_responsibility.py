from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.events import Frame, Raised
from aiprov.triage._resolve import Place
from aiprov.triage._responsibility import THIRD_PARTY, shape_of, shares


def place(frame):
    """Files of `lib` are a library's; `?` cannot be named."""
    if frame.file == "lib":
        return None
    return Place(f"{frame.file}::{frame.function}", "none" if frame.function == "?" else "line")


def frames(text):
    """`a b lib:c`, outermost first."""
    parts = [word.rpartition(":") for word in text.split()]
    return tuple(Frame(file=file or "m.py", line=1, function=name) for file, _, name in parts)


def weights(*stack):
    return {key.removeprefix("m.py::"): weight for key, weight in shape_of(stack, place).weights}


def test_responsibility_falls_off_from_the_raise_outward():
    found = weights(Raised("E", frames=frames("a b lib:x c lib:y")))

    assert found == pytest.approx({"c": 1 / 2.19, "b": 0.7 / 2.19, "a": 0.49 / 2.19})


def test_a_recursive_function_stands_where_it_is_innermost():
    assert list(weights(Raised("E", frames=frames("a b a b")))) == ["b", "a"]


def test_a_cause_counts_in_full_and_each_wrapping_by_half():
    stack = (
        Raised("Top", frames=frames("a")),
        Raised("Middle", "cause", 0, frames("b")),
        Raised("Root", "cause", 1, frames("c")),
    )

    assert weights(*stack) == pytest.approx({"c": 1 / 1.75, "b": 0.5 / 1.75, "a": 0.25 / 1.75})
    assert shape_of(stack, place).fingerprint == ("Root", "m.py::c")


def test_an_error_inside_a_handler_hides_the_one_that_was_handled():
    stack = (Raised("New", frames=frames("a cleanup")), Raised("Old", "context", 0, frames("a parse")))

    assert list(weights(*stack)) == ["cleanup", "a"]
    assert shape_of(stack, place).fingerprint[0] == "New"


def test_a_handled_error_counts_where_the_newer_one_has_no_frame_of_ours():
    stack = (Raised("New", frames=frames("lib:x")), Raised("Old", "context", 0, frames("a")))

    assert weights(*stack) == {"a": 1.0}


def test_raising_anew_in_the_handler_is_wrapping_without_from():
    stack = (Raised("New", frames=frames("a handler")), Raised("Old", "context", 0, frames("handler parse")))

    found = weights(*stack)

    assert list(found) == ["parse", "handler", "a"]
    assert shape_of(stack, place).fingerprint[0] == "Old"


def test_each_leaf_of_a_group_has_its_part():
    stack = (
        Raised("Group", frames=frames("main")),
        Raised("A", "member", 0, frames("a")),
        Raised("Inner", "member", 0, ()),
        Raised("B", "member", 2, frames("b")),
        Raised("C", "member", 2, frames("c")),
    )

    assert shares(stack, has_app=[True] * 5) == pytest.approx({0: 0.5, 1: 1 / 3, 2: 1 / 3, 3: 1 / 3, 4: 1 / 3})


def test_third_party_code_alone_carries_what_no_function_of_ours_does():
    assert weights(Raised("E", frames=frames("lib:x"))) == {THIRD_PARTY: 1.0}


def test_code_that_cannot_be_named_takes_its_part():
    assert list(weights(Raised("E", frames=frames("a ?")))) == ["?m.py::?", "a"]


relations = st.sampled_from(["cause", "context", "member"])
chains = st.lists(st.tuples(relations, st.integers(0, 5), st.lists(st.sampled_from("abc?"), max_size=4)), max_size=8)


@given(chains)
def test_responsibility_sums_to_one_for_every_shape_of_error(links):
    stack = [Raised("E", frames=frames("a lib:x"))]
    for relation, parent, names in links:
        stack.append(Raised("E", relation, min(parent, len(stack) - 1), frames(" ".join(names))))

    assert sum(weight for _, weight in shape_of(stack, place).weights) == pytest.approx(1.0)
