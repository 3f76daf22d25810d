from shop.catalog import PRODUCTS, Product
from shop.search import score, words


def search(text: str, *, price: str = "") -> list[Product]:  # noqa: ARG001  # routes hand it in already
    """Best match first, then cheapest."""
    wanted = words(text)
    ranked = sorted(PRODUCTS.values(), key=lambda p: (-score(p, wanted), p.cents, p.sku))
    return [p for p in ranked if score(p, wanted) > 0]
