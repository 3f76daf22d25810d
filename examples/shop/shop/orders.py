"""From a cart to what it costs, and to an order."""

import itertools
import threading
from dataclasses import dataclass

from shop import discounts, pricing, shipping, tax
from shop.accounts import Account
from shop.cart import Cart

_ORDERS: dict[str, list["Order"]] = {}
_LOCK = threading.Lock()
_COUNT = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Quote:
    subtotal: int
    discount: int
    shipping: int
    tax: int

    def total(self) -> int:
        return self.subtotal - self.discount + self.shipping + self.tax


@dataclass(frozen=True, slots=True)
class Order:
    number: str
    quote: Quote


def tax_of(cart: Cart, region: str) -> int:
    """Line by line, since categories are taxed differently."""
    return sum(
        tax.tax_on(pricing.line_total(line), per_mille=tax.rate(region, line.product.category)) for line in cart.lines
    )


def quote(cart: Cart, account: Account, *, code: str = "", region: str = "") -> Quote:
    region = region or account.region
    subtotal = pricing.subtotal(cart.lines)
    discount = discounts.best_discount(cart, account, code=code)
    postage = shipping.cost(cart, region=region, total=subtotal - discount)
    return Quote(subtotal, discount, postage, tax_of(cart, region))


def order_number(account: Account, count: int) -> str:
    """The customer, a running number and a digit to catch slips: `U012-00034-7`."""
    digits = f"{int(account.id[1:] or 0) if account.id[1:].isdigit() else 0}{count}"
    return f"{account.id.upper()}-{count:05}-{sum(map(int, digits)) % 10}"


def place(cart: Cart, account: Account, *, code: str = "") -> Order:
    order = Order(order_number(account, next(_COUNT)), quote(cart, account, code=code))
    with _LOCK:
        _ORDERS.setdefault(account.id, []).append(order)
    return order


def of_account(account: Account) -> list[Order]:
    with _LOCK:
        return list(_ORDERS.get(account.id, ()))
