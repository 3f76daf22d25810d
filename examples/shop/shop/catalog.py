"""What is for sale."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    sku: str
    name: str
    category: str
    cents: int
    grams: int
    stock: int


PRODUCTS = {
    product.sku: product
    for product in (
        Product("lamp-1", "Desk lamp", "light", 3900, 1400, 12),
        Product("lamp-2", "Reading lamp with arm", "light", 6900, 2300, 5),
        Product("bulb-1", "Warm bulb", "light", 700, 60, 240),
        Product("mug-1", "Stoneware mug", "kitchen", 1400, 380, 60),
        Product("pot-1", "Tea pot", "kitchen", 4200, 900, 9),
        Product("pan-1", "Iron pan", "kitchen", 5600, 2600, 14),
        Product("book-1", "Field guide to moss", "books", 2400, 640, 31),
        Product("book-2", "Short stories", "books", 1100, 280, 80),
        Product("map-1", "Map of the old town", "books", 900, 90, 0),
        Product("rug-1", "Wool rug", "home", 18900, 6100, 3),
        Product("box-1", "Cedar box", "home", 2900, 820, 22),
        Product("card-1", "Gift card", "gifts", 2500, 0, 1000),
    )
}


def product(sku: str) -> Product | None:
    return PRODUCTS.get(sku)


def in_category(category: str) -> list[Product]:
    """Cheapest first; all categories where none is given."""
    chosen = [p for p in PRODUCTS.values() if category in ("", p.category)]
    return sorted(chosen, key=lambda p: (p.cents, p.sku))


def related(to: Product, *, limit: int = 3) -> list[Product]:
    """Others of the category, nearest in price first."""
    others = [p for p in PRODUCTS.values() if p.category == to.category and p.sku != to.sku]
    return sorted(others, key=lambda p: (abs(p.cents - to.cents), p.sku))[:limit]


def available(item: Product, quantity: int) -> bool:
    return item.stock >= quantity
