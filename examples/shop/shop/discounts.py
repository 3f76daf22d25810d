"""What is taken off a cart."""

from dataclasses import dataclass

from shop.accounts import Account, tier
from shop.cart import Cart
from shop.pricing import line_total, subtotal


@dataclass(frozen=True, slots=True)
class Coupon:
    percent: int
    categories: tuple[str, ...]
    """What it is meant for."""


COUPONS = {
    "SPRING": Coupon(20, ("home", "kitchen")),
    "READER": Coupon(15, ("books",)),
    "BRIGHT": Coupon(10, ("light",)),
}
LOYALTY_PERCENT = {"new": 0, "regular": 2, "gold": 5}
BUNDLE_FROM, BUNDLE_CENTS = 3, 500


def coupon_discount(cart: Cart, code: str) -> int:
    """The coupon's share of what it is meant for, in whole cents per piece."""
    coupon = COUPONS.get(code)
    covered = cart.of_categories(coupon.categories) if coupon else ()
    if coupon is None or not covered:
        return 0
    pieces = sum(line.quantity for line in covered)
    per_piece = subtotal(covered) * coupon.percent // 100 // pieces
    return per_piece * pieces


def loyalty_discount(cart: Cart, account: Account) -> int:
    return subtotal(cart.lines) * LOYALTY_PERCENT[tier(account)] // 100


def bundle_discount(cart: Cart) -> int:
    """Five off for three different things, once a cart; never more than the dearest of them."""
    if len(cart.lines) < BUNDLE_FROM:
        return 0
    return min(BUNDLE_CENTS, max(line_total(line) for line in cart.lines))


def best_discount(cart: Cart, account: Account, *, code: str) -> int:
    """A coupon, the bundle or the customer's loyalty: whichever takes off most."""
    return max(coupon_discount(cart, code), bundle_discount(cart), loyalty_discount(cart, account))
