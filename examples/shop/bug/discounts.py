"""What v1.2.0 shipped: nobody thought of a coupon in a cart that holds nothing it is meant for."""

from shop.cart import Cart
from shop.discounts import COUPONS
from shop.pricing import subtotal


def coupon_discount(cart: Cart, code: str) -> int:
    """The coupon's share of what it is meant for, in whole cents per piece."""
    coupon = COUPONS.get(code)
    if coupon is None:
        return 0
    covered = cart.of_categories(coupon.categories)
    pieces = sum(line.quantity for line in covered)
    per_piece = subtotal(covered) * coupon.percent // 100 // pieces
    return per_piece * pieces
