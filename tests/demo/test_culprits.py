"""Nothing is canned: another bug gives another answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo._example import copy_with_bug

from aiprov.demo import Outcome, Quiet, conclude, load_example, play

REQUESTS = 600

SHIPPING = '''
from shop.cart import Cart
from shop.shipping import base_cost, weight, zone


def cost(cart: Cart, *, region: str, total: int) -> int:
    """What weighs nothing has no cost by the kilogram."""
    grams = weight(cart)
    per_kilogram = base_cost(grams) * 1000 // grams
    return min(base_cost(grams), per_kilogram) * zone(region)
'''

SEARCH = '''
from shop.catalog import Product
from shop.search import words


def score(product: Product, wanted: list[str]) -> float:
    """A lone word has no other to be weighed against."""
    name = set(words(product.name))
    return sum(word in name for word in wanted) / (len(wanted) - 1)
'''

TAX = '''
from shop.tax import DEFAULT, RATES, REDUCED


def rate(region: str, category: str) -> int:
    """Not every region has a reduced rate."""
    return REDUCED[region] if category == "books" else RATES.get(region, DEFAULT)
'''

NUMBER = '''
from shop.accounts import Account


def order_number(account: Account, count: int) -> str:
    """The table of check digits is too short."""
    return f"{account.id.upper()}-{count:05}-{'01234'[count % 10]}"
'''


def played(tmp_path: Path, bug: dict[str, str]) -> Outcome:
    example = load_example(copy_with_bug(tmp_path / "example", bug))
    stage = tmp_path / "stage"
    stage.mkdir()
    return play(example, stage, tell=Quiet(), requests=REQUESTS)


@pytest.mark.parametrize(
    ("bug", "function", "model"),
    [
        ({"shipping.py": SHIPPING}, "shop/shipping.py::cost", "openai/gpt-5.2"),
        ({"search.py": SEARCH}, "shop/search.py::score", "google/gemini-2.5-pro"),
        ({"tax.py": TAX}, "shop/tax.py::rate", "mistral/devstral-medium"),
    ],
    ids=["shipping", "search", "tax"],
)
def test_the_function_with_the_bug_is_named_and_reverted(tmp_path, bug, function, model):
    outcome = played(tmp_path, bug)

    assert outcome.suspect is not None
    assert (outcome.suspect.function, outcome.suspect.model) == (function, model)
    assert outcome.reverted == {function}
    assert outcome.after is not None
    assert outcome.after.errors == outcome.before.errors < outcome.during.errors
    assert conclude(outcome, tell=Quiet()) == 0


def test_a_function_that_a_person_wrote_is_never_named(tmp_path):
    outcome = played(tmp_path, {"orders.py": NUMBER})

    assert outcome.rose
    assert (outcome.spike.verdict, outcome.suspect, outcome.after) == ("none", None, None)
    assert conclude(outcome, tell=Quiet()) == 3


def test_without_a_bug_nothing_is_named(tmp_path):
    outcome = played(tmp_path, {})

    assert outcome.during.errors == outcome.before.errors > 0
    assert (outcome.spike.suspects, outcome.after) == ((), None)
    assert conclude(outcome, tell=Quiet()) == 0
