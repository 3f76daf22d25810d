"""Written by a model, as the manifest beside it says; each fails for some input."""


def shortest(legs: list[int]) -> int:
    """The shortest leg of a journey."""
    return min(legs)


async def speed(distance: int, hours: int) -> float:
    """Kilometres an hour."""
    return distance / hours
