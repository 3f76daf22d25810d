"""The example's service, endpoint by endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from aiprov.demo import find_example
from aiprov_runtime import _runtime

HEADERS = {"X-User": "u003"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The service as it should be, with its instrumentation switched off: that is global to a process."""
    monkeypatch.setenv("AIPROV_DISABLED", "1")
    monkeypatch.setattr(_runtime, "_active", None)
    monkeypatch.syspath_prepend(str(find_example()))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "shop"}
    from shop.app import create_app

    app = create_app()
    app.testing = True
    yield app.test_client()
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    sys.modules.update(before)


def quote(client: FlaskClient, items: dict[str, int], **more: object) -> dict[str, str]:
    answer = client.post("/quote", json={"items": items, **more}, headers=HEADERS)

    assert answer.status_code == 200
    return answer.json


def test_health(client):
    assert client.get("/health").json == {"ok": True}


def test_products_are_listed_cheapest_first(client):
    names = [product["name"] for product in client.get("/products?category=kitchen").json]

    assert names == ["Stoneware mug", "Tea pot", "Iron pan"]


def test_a_product_names_related_ones(client):
    product = client.get("/products/mug-1").json

    assert (product["price"], product["related"]) == ("14.00", ["pot-1", "pan-1"])


def test_an_unknown_product_is_not_found(client):
    assert client.get("/products/none").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=reading+lamp", ["lamp-2", "lamp-1"]),
        ("q=teapot", ["pot-1"]),
        ("q=lamp&price=under+40", ["lamp-1"]),
        ("q=wool&price=100-200", ["rug-1"]),
        ("q=zebra", []),
    ],
)
def test_search(client, query, found):
    assert [product["sku"] for product in client.get(f"/search?{query}").json] == found


def test_a_quote_adds_up(client):
    assert quote(client, {"mug-1": 2}, region="DE") == {
        "subtotal": "28.00",
        "discount": "1.40",
        "shipping": "4.90",
        "tax": "5.32",
        "total": "36.82",
        "days": 3,
    }


@pytest.mark.parametrize(
    ("items", "coupon", "discount"),
    [
        ({"rug-1": 1}, "SPRING", "37.80"),
        ({"book-1": 1}, "SPRING", "1.20"),
        ({"book-1": 1, "book-2": 2}, "READER", "6.90"),
        ({"mug-1": 1, "book-1": 1, "bulb-1": 1}, "", "5.00"),
        ({"mug-1": 1}, "NONSENSE", "0.70"),
    ],
)
def test_the_best_discount_wins(client, items, coupon, discount):
    assert quote(client, items, coupon=coupon)["discount"] == discount


@pytest.mark.parametrize(
    ("items", "region", "shipping"),
    [({"card-1": 1}, "US-NY", "0.00"), ({"rug-1": 1}, "FR", "0.00"), ({"rug-1": 1}, "US-NY", "63.60")],
)
def test_shipping(client, items, region, shipping):
    assert quote(client, items, region=region)["shipping"] == shipping


def test_express_halves_the_days(client):
    assert [quote(client, {"mug-1": 1}, region="SE", express=express)["days"] for express in (False, True)] == [5, 3]


def test_a_reduced_tax_on_books(client):
    assert [quote(client, {"book-1": 1}, region=region)["tax"] for region in ("FR", "US-CA")] == ["1.32", "1.75"]


def test_ten_of_a_kind_are_cheaper(client):
    assert quote(client, {"bulb-1": 10})["subtotal"] == "66.50"


def test_an_order_is_kept_for_its_customer(client):
    placed = client.post("/orders", json={"items": {"mug-1": 1}}, headers={"X-User": "u011"})
    mine = client.get("/orders", headers={"X-User": "u011"}).json
    theirs = client.get("/orders", headers={"X-User": "u012"}).json

    assert placed.status_code == 201
    assert mine == [{"number": placed.json["number"], "total": placed.json["total"]}]
    assert theirs == []


@pytest.mark.parametrize("items", [{}, {"none": 1}, {"mug-1": 0}, {"mug-1": 100}])
def test_a_cart_that_cannot_be_is_refused(client, items):
    assert client.post("/quote", json={"items": items}).status_code == 400


def test_a_guest_is_greeted(client):
    assert client.get("/account").json == {"greeting": "Hello A", "tier": "new"}


def test_people_of_one_name_meet_the_old_mistake(client):
    with pytest.raises(ValueError, match="not enough values"):
        client.get("/account", headers={"X-User": "u007"})


def test_every_request_is_timed(client):
    client.get("/health")

    assert client.application.calls["shop.health"] == 1
    assert list(client.application.mean_milliseconds()) == ["shop.health"]
