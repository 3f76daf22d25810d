from shop.accounts import Account
from shop.cart import Cart
from shop.discounts import coupon_discount, loyalty_discount


def best_discount(cart: Cart, account: Account, *, code: str) -> int:
    """A coupon or the customer's loyalty: whichever takes off more."""
    return max(coupon_discount(cart, code), loyalty_discount(cart, account))
