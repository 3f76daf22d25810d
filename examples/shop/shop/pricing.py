"""Prices, in cents until they are shown."""

from collections.abc import Iterable

from shop.cart import Line
from shop.catalog import Product

BULK_FROM, BULK_PERCENT = 10, 5


def unit_price(product: Product, *, quantity: int) -> int:
    """From ten pieces on, each is five percent cheaper."""
    return product.cents - product.cents * BULK_PERCENT // 100 if quantity >= BULK_FROM else product.cents


def line_total(line: Line) -> int:
    return unit_price(line.product, quantity=line.quantity) * line.quantity


def subtotal(lines: Iterable[Line]) -> int:
    return sum(line_total(line) for line in lines)


def money(cents: int) -> str:
    """Like `1,234.50`."""
    return f"{cents // 100:,}.{cents % 100:02}"
