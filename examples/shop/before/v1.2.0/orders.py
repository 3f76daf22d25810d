from shop.accounts import Account


def order_number(account: Account, count: int) -> str:
    """The customer and a running number: `U012-00034`."""
    return f"{account.id.upper()}-{count:05}"
