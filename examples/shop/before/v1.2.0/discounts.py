from shop.cart import Cart
from shop.discounts import COUPONS
from shop.pricing import subtotal


def coupon_discount(cart: Cart, code: str) -> int:
    """The coupon's share of the whole cart."""
    coupon = COUPONS.get(code)
    return subtotal(cart.lines) * coupon.percent // 100 if coupon else 0
