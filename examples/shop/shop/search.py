"""Finding products by words and by price."""

import re

from shop.catalog import PRODUCTS, Product

SYNONYMS = {"teapot": ("tea", "pot"), "cup": ("mug",), "novel": ("stories",)}


def words(text: str) -> list[str]:
    """Lower-case words, each with the words that we use for it."""
    found = re.findall(r"[a-z]+", text.lower())
    return [word for each in found for word in SYNONYMS.get(each, (each,))]


def score(product: Product, wanted: list[str]) -> float:
    """The share of the wanted words in the product's name, from 0 to 1."""
    if not wanted:
        return 1.0
    name = set(words(product.name))
    return sum(word in name for word in wanted) / len(wanted)


def price_range(text: str) -> tuple[int, int]:
    """Cents from and to, out of `10-40` or `under 40`; an open end like `10-` is not understood."""
    if text.startswith("under "):
        return 0, 100 * int(text.removeprefix("under "))
    low, high = text.split("-")
    return 100 * int(low), 100 * int(high)


def search(text: str, *, price: str = "") -> list[Product]:
    """Best match first, then cheapest."""
    wanted = words(text)
    low, high = price_range(price) if price else (0, 10**9)
    inside = [p for p in PRODUCTS.values() if low <= p.cents <= high]
    ranked = sorted(inside, key=lambda p: (-score(p, wanted), p.cents, p.sku))
    return [p for p in ranked if score(p, wanted) > 0]
