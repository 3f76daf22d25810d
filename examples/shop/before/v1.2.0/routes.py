from flask import abort, request
from flask.typing import ResponseReturnValue
from shop import accounts, catalog, orders
from shop.routes import cart_of, shop, shown, shown_quote


@shop.get("/products/<sku>")
def product(sku: str) -> ResponseReturnValue:
    found = catalog.product(sku)
    if found is None:
        abort(404)
    return shown(found)


@shop.post("/quote")
def quote() -> ResponseReturnValue:
    body = request.get_json()
    priced = orders.quote(cart_of(body), accounts.current(), code=body.get("coupon", ""), region=body.get("region", ""))
    return shown_quote(priced)
