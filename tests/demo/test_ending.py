"""The end of the story is told as it is, and the exit code says the same."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from aiprov.demo import Aloud, Outcome, conclude, payload
from aiprov.demo._repository import Built
from aiprov.demo._story import Spike, Suspect
from aiprov.demo._traffic import Phase
from aiprov_runtime._manifest import Manifest

FUNCTION = "shop/discounts.py::coupon_discount"
SUSPECT = Suspect(function=FUNCTION, verdict="strong", revert=f"aiprov revert '{FUNCTION}' --to v1.1.0")
GOOD = Outcome(
    built=Built(commits=2, people=1, manifest=Manifest({}, {}), functions=3),
    before=Phase("v1.1.0", 1500, 18, 1.0),
    during=Phase("v1.2.0", 1500, 118, 1.0),
    spike=Spike("strong", (SUSPECT,)),
    event=None,
    changed=frozenset({FUNCTION, "shop/tax.py::rate", "shop/search.py::score"}),
    reverted=frozenset({FUNCTION}),
    after=Phase("v1.2.1", 1500, 18, 1.0),
)
UNDONE = replace(GOOD, after=None, reverted=frozenset())


@pytest.mark.parametrize(
    ("outcome", "says", "code"),
    [
        (GOOD, "The error rate is back at its baseline.", 0),
        (GOOD, "v1.2.0 changed 3 functions: 1 is reverted, 2 are still there.", 0),
        (replace(GOOD, after=Phase("v1.2.1", 1500, 23, 1.0)), "The error rate is back at its baseline.", 0),
        (replace(GOOD, after=Phase("v1.2.1", 1500, 24, 1.0)), "6 of the 100 errors that v1.2.0 added are left.", 3),
        (replace(GOOD, reverted=frozenset({FUNCTION, "shop/tax.py::rate"})), "changes more than", 3),
        (UNDONE, "cannot be put back by itself", 3),
        (replace(UNDONE, spike=Spike("none")), "(verdict: none)", 3),
        (replace(UNDONE, spike=Spike("possible", (SUSPECT,))), "(verdict: possible)", 3),
        (replace(UNDONE, during=GOOD.before, spike=Spike("none")), "there is nothing to revert", 0),
    ],
)
def test_the_end(outcome, says, code):
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False)

    assert conclude(outcome, tell=Aloud(console)) == code
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert says in printed
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert payload(outcome)["recovered"] is (code == 0)


def test_a_program_is_told_the_same():
    assert payload(GOOD) == {
        "before": {"release": "v1.1.0", "requests": 1500, "errors": 18, "seconds": 1.0},
        "during": {"release": "v1.2.0", "requests": 1500, "errors": 118, "seconds": 1.0},
        "after": {"release": "v1.2.1", "requests": 1500, "errors": 18, "seconds": 1.0},
        "event": None,
        "verdict": "strong",
        "suspect": {"function": FUNCTION, "model": None, "prompt_hash": None, "revert": SUSPECT.revert},
        "changed": sorted(GOOD.changed),
        "reverted": [FUNCTION],
        "recovered": True,
        "says": "The error rate is back at its baseline. v1.2.0 changed 3 functions: 1 is reverted, 2 are still there.",
    }
