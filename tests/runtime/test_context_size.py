"""The context that vendors get stays below their limit, whatever the manifest holds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aiprov_runtime import Attribution, Explanation, Step

texts = st.text(max_size=250) | st.sampled_from(["x" * 2000, "\u20ac" * 2000, "\U0001f600" * 250])
attributions = st.builds(
    Attribution,
    function=texts.map(lambda text: f"src/{text}.py::{text}"),
    contributor=st.just("ai"),
    model=texts,
    models=st.lists(texts, max_size=20).map(tuple),
    tool=texts,
    prompt_hash=texts,
    generated_at=texts,
)
steps = st.builds(Step, attributions, st.just("on_stack"), texts, texts, st.integers(1, 10**6))


@given(st.lists(steps, max_size=16), st.lists(texts, max_size=64).map(tuple))
def test_context_fits_in_8_kb(found: list[Step], executed: tuple[str, ...]):
    context = Explanation("0" * 12, "ai", found[0] if found else None, tuple(found), executed).context()

    assert len(json.dumps(context, ensure_ascii=False).encode("utf-8", "surrogatepass")) < 8192


def test_ordinary_functions_are_all_listed():
    names = [f"src/services/checkout/pricing.py::Cart.total_with_discount_{number}" for number in range(16)]
    found = [
        Step(Attribution(name, "ai", model="anthropic/claude-opus-4-6"), "on_stack", "f", "/f", 1) for name in names
    ]

    context = Explanation("0" * 12, "ai", None, tuple(found)).context()

    assert context == {"manifest": "0" * 12, "functions": names, "models": ["anthropic/claude-opus-4-6"]}


def test_executed_functions_have_the_room_that_the_path_leaves():
    names = tuple(f"src/services/checkout/pricing.py::Cart.total_with_discount_{number}" for number in range(64))
    path = tuple(Step(Attribution(name, "ai"), "on_stack", "f", "/f", 1) for name in names[:16])

    alone = Explanation("0" * 12, "unknown", None, (), names).context()["executed"]
    beside = Explanation("0" * 12, "ai", path[0], path, names[16:]).context()["executed"]

    assert (len(alone), len(beside)) == (47, 31)
    assert (alone, beside) == (list(names[:47]), list(names[16:47]))


def test_functions_of_people_are_not_listed():
    steps = (Step(Attribution("a.py::f", "human"), "raised", "f", "/f", 1),)

    context = Explanation("0" * 12, "human", None, steps).context()

    assert context == {"manifest": "0" * 12, "functions": [], "models": []}
