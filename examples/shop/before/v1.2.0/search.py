from shop.catalog import Product
from shop.search import words


def score(product: Product, wanted: list[str]) -> float:
    """1 where every wanted word is in the product's name, else 0."""
    name = words(product.name)
    return float(all(word in name for word in wanted))


def price_range(text: str) -> tuple[int, int]:
    """Cents from and to, out of `10-40`."""
    low, high = text.split("-")
    return 100 * int(low), 100 * int(high)
