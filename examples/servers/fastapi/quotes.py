"""Written by a model, as the manifest beside it says; each fails for some input."""


async def per_head(total: int, people: int) -> float:
    """What each of them pays."""
    return round(total / people, 2)


def cheapest(prices: list[int]) -> int:
    """The lowest price."""
    return min(prices)


class Receipts:
    """Numbers that receipts got."""

    def __init__(self) -> None:
        self._numbers = {"1": 1001}

    def number(self, order: str) -> int:
        """The number of an order's receipt."""
        return self._numbers[order]
