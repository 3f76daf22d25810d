"""Sales tax by region."""

RATES = {"DE": 190, "FR": 200, "NL": 210, "SE": 250, "US-CA": 73, "US-NY": 40}
REDUCED = {"DE": 70, "FR": 55, "NL": 90, "SE": 60}
DEFAULT = 190


def rate(region: str, category: str) -> int:
    """In thousandths; books have a reduced rate in some regions."""
    full = RATES.get(region, DEFAULT)
    return REDUCED.get(region, full) if category == "books" else full


def tax_on(cents: int, *, per_mille: int) -> int:
    """Rounded half up."""
    return (cents * per_mille + 500) // 1000


def is_domestic(region: str) -> bool:
    return region in REDUCED
