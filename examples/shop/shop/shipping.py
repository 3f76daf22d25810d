"""What it costs to send a cart, and how long it takes."""

from shop.cart import Cart

ZONES = {"DE": 1, "NL": 1, "FR": 2, "SE": 2, "US-CA": 4, "US-NY": 4}
FARTHEST = 4
FREE_FROM = 15000
STEPS = ((1000, 490), (5000, 790), (20000, 1590))
HEAVY = 3900


def weight(cart: Cart) -> int:
    """In grams."""
    return sum(line.product.grams * line.quantity for line in cart.lines)


def zone(region: str) -> int:
    return ZONES.get(region, FARTHEST)


def base_cost(grams: int) -> int:
    """By weight, within the first zone."""
    return next((cents for limit, cents in STEPS if grams <= limit), HEAVY)


def cost(cart: Cart, *, region: str, total: int) -> int:
    """Nothing for what weighs nothing; free from 150.00 on in the first two zones."""
    grams = weight(cart)
    if grams == 0 or (total >= FREE_FROM and zone(region) <= 2):  # noqa: PLR2004  # as the terms say
        return 0
    return base_cost(grams) * zone(region)


def arrival_days(region: str, *, express: bool) -> int:
    days = 1 + 2 * zone(region)
    return (days + 1) // 2 if express else days
