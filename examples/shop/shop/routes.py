"""The shop over HTTP; prices leave it as text."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from shop import accounts, catalog, orders, pricing, search, shipping
from shop.cart import Cart, CartError

shop = Blueprint("shop", __name__)


@shop.get("/health")
def health() -> ResponseReturnValue:
    return {"ok": True}


@shop.get("/products")
def products() -> ResponseReturnValue:
    return [shown(p) for p in catalog.in_category(request.args.get("category", ""))]


@shop.get("/products/<sku>")
def product(sku: str) -> ResponseReturnValue:
    found = catalog.product(sku)
    if found is None:
        abort(404)
    return shown(found) | {"related": [other.sku for other in catalog.related(found)]}


@shop.get("/search")
def find() -> ResponseReturnValue:
    return [shown(p) for p in search.search(request.args.get("q", ""), price=request.args.get("price", ""))]


@shop.post("/quote")
def quote() -> ResponseReturnValue:
    body = request.get_json()
    region = body.get("region", "")
    priced = orders.quote(cart_of(body), accounts.current(), code=body.get("coupon", ""), region=region)
    return shown_quote(priced) | {"days": shipping.arrival_days(region, express=body.get("express", False))}


@shop.post("/orders")
def order() -> ResponseReturnValue:
    body = request.get_json()
    placed = orders.place(cart_of(body), accounts.current(), code=body.get("coupon", ""))
    return {"number": placed.number} | shown_quote(placed.quote), 201


@shop.get("/orders")
def past_orders() -> ResponseReturnValue:
    return [
        {"number": o.number, "total": pricing.money(o.quote.total())} for o in orders.of_account(accounts.current())
    ]


@shop.get("/account")
def account() -> ResponseReturnValue:
    found = accounts.current()
    return {"greeting": accounts.greeting(found), "tier": accounts.tier(found)}


@shop.errorhandler(CartError)
def refused(error: CartError) -> ResponseReturnValue:
    return {"error": str(error)}, 400


def cart_of(body: dict[str, Any]) -> Cart:
    return Cart.parse(body.get("items", {}))


def shown(product: catalog.Product) -> dict[str, Any]:
    return asdict(product) | {"price": pricing.money(product.cents), "available": catalog.available(product, 1)}


def shown_quote(priced: orders.Quote) -> dict[str, Any]:
    return {name: pricing.money(cents) for name, cents in asdict(priced).items()} | {
        "total": pricing.money(priced.total())
    }
