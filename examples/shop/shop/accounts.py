"""Who is buying."""

from dataclasses import dataclass

from flask import has_request_context, request

GIVEN = ("Ada", "Bela", "Chidi", "Dana", "Emre", "Fatou", "Goran", "Hana", "Ines", "Jonas")
FAMILY = ("Alvarez", "Brandt", "Costa", "Diallo", "Eriksen", "Farouk", "Greco")
REGIONS = ("DE", "FR", "NL", "SE", "US-CA", "US-NY")


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str
    region: str
    orders: int


def find(account_id: str) -> Account:
    """The account with this id; a guest where there is none."""
    return ACCOUNTS.get(account_id, GUEST)


def current_id() -> str | None:
    return request.headers.get("X-User") if has_request_context() else None


def current() -> Account:
    return find(current_id() or "")


def tier(account: Account) -> str:
    """How good a customer this is: `new`, `regular` or `gold`."""
    if account.orders >= 20:  # noqa: PLR2004  # the shop's own rule
        return "gold"
    return "regular" if account.orders else "new"


def greeting(account: Account) -> str:
    given, _family = account.name.split()
    return f"Hello {given}"


def _made_up(number: int) -> Account:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
    # Some people go by one name, which `greeting` has never heard of.
    name = given if number % 40 == 7 else f"{given} {family}"  # noqa: PLR2004
    return Account(f"u{number:03}", name, REGIONS[number % len(REGIONS)], number * 7 % 30)


GUEST = Account("guest", "A Guest", "DE", 0)
ACCOUNTS = {account.id: account for account in map(_made_up, range(400))}
