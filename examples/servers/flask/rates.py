"""Written by a model, as the manifest beside it says; it fails for some input."""

RATES = {"EUR": 100, "USD": 108, "XXX": 0}


def convert(amount: int, currency: str) -> float:
    """An amount of some currency in euros."""
    return round(amount * 100 / RATES[currency], 2)
