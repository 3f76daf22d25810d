"""What somebody wants to buy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.catalog import Product, product

MAX_QUANTITY = 99


class CartError(ValueError):
    """The request's fault, in words for the customer."""


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int


@dataclass(frozen=True, slots=True)
class Cart:
    lines: tuple[Line, ...]

    @classmethod
    def parse(cls, items: Mapping[str, int]) -> "Cart":
        """From `{"mug-1": 2}`."""
        if not items:
            raise CartError("the cart is empty")
        return cls(tuple(parse_line(sku, quantity) for sku, quantity in sorted(items.items())))

    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    def of_categories(self, categories: Iterable[str]) -> tuple[Line, ...]:
        wanted = set(categories)
        return tuple(line for line in self.lines if line.product.category in wanted)


def parse_line(sku: str, quantity: int) -> Line:
    found = product(sku)
    if found is None:
        raise CartError(f"there is no {sku}")
    if not 0 < quantity <= MAX_QUANTITY:
        raise CartError(f"{quantity} is no quantity of {sku}")
    return Line(found, quantity)
