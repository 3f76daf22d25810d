from __future__ import annotations

from dataclasses import replace

import pytest

from aiprov.triage._evidence import Rate
from aiprov.triage._score import Scored
from aiprov.triage._verdict import at_most, highest, judge, lowered

CLEAR = Scored(
    key="m.py::f",
    incident=25,
    baseline=1,
    share=0.8,
    through=1.0,
    rate=Rate(ratio=50, at_least=12, doubled=1.0, p=1e-9),
    q=1e-8,
    specificity=0.9,
    change=1.0,
    depth=0.5,
    inner=1.0,
    rival=None,
    led_by_change=1.0,
)


def verdict(*, actors=20, is_deployed=True, **changes):
    return judge(replace(CLEAR, **changes), actors=actors, is_deployed=is_deployed)[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "strong"),
        ({"actors": None}, "strong"),
        ({"actors": 2}, "likely"),
        ({"incident": 4}, "likely"),
        ({"q": 0.02}, "likely"),
        ({"share": 0.4}, "likely"),
        ({"rate": Rate(4, 2.9, 0.99, 1e-3)}, "likely"),
        ({"share": 0.2}, "possible"),
        ({"change": 0.5}, "possible"),
        ({"change": 0.1, "is_deployed": False}, "possible"),
        ({"change": 0.1}, "none"),
        ({"q": 0.06}, "none"),
        ({"rival": "m.py::human"}, "none"),
        ({"share": 0.04}, "none"),
        ({"inner": 0.3}, "none"),
        ({"through": 0.0}, "none"),
    ],
)
def test_the_words_follow_the_rule(changes, expected):
    assert verdict(**changes) == expected


def test_what_is_not_named_says_why():
    assert judge(replace(CLEAR, rival="m.py::human"), actors=3, is_deployed=True) == (
        "none",
        "m.py::human is on the same stacks and fits the rise better",
    )


def test_a_cap_never_raises_and_a_step_down_never_drops_a_name():
    assert at_most("strong", "possible") == "possible"
    assert at_most("none", "possible") == "none"
    assert [lowered(v) for v in ("strong", "likely", "possible", "none")] == ["likely", "possible", "possible", "none"]
    assert highest(["possible", "likely", "none"]) == "likely"
    assert highest([]) == "none"
