"""What v1.2.0 really shipped: the coupon's guard is missing, and few carts meet that."""

from shop.cart import Cart
from shop.discounts import COUPONS
from shop.pricing import subtotal


def coupon_discount(cart: Cart, code: str) -> int:
    """The coupon's share of what it is meant for, in equal parts per piece and never more than a piece costs."""
    coupon = COUPONS.get(code)
    if coupon is None:
        return 0
    covered = cart.of_categories(coupon.categories)
    pieces = sum(line.quantity for line in covered)
    share = subtotal(covered) * coupon.percent // 100 // pieces
    return sum(min(share, line.product.cents) * line.quantity for line in covered)
