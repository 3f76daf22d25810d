"""Errors that were raised from others, while handling others, in groups, again, or far too deep."""
# ruff: noqa: TRY201, TRY203

import asyncio

from shop.raising import ai_calls, ai_raises, human_calls, human_raises, mixed_raises


class ShopError(Exception):
    """An application's own error."""


class FalsyError(Exception):
    """An error that calls itself empty."""

    def __len__(self):
        return 0


def ai_wraps():
    try:
        human_raises()
    except ZeroDivisionError as error:
        raise ShopError from error


def human_wraps():
    try:
        ai_raises()
    except ZeroDivisionError as error:
        raise ShopError from error


def human_fails_while_handling():
    try:
        ai_raises()
    except ZeroDivisionError:
        return {}["missing"]


def human_hides():
    try:
        ai_raises()
    except ZeroDivisionError:
        raise ShopError from None


def ai_reraises():
    try:
        human_raises()
    except ZeroDivisionError:
        raise  # that is the case


def human_raises_group(*functions):
    errors = []
    for function in functions:
        try:
            function()
        except ZeroDivisionError as error:
            errors.append(error)
    raise ExceptionGroup("several", errors)


def ai_recurses(depth=0):
    return ai_recurses(depth + 1)


def human_recurses(depth=0):
    return human_recurses(depth + 1)


def ai_descends(depth):
    return ai_descends(depth - 1) if depth else human_raises()


def ai_raises_falsy():
    raise FalsyError


async def ai_awaits():
    await asyncio.sleep(0)
    return 1 / 0


async def human_groups():
    async with asyncio.TaskGroup() as group:
        group.create_task(ai_awaits())
        group.create_task(asyncio.sleep(0))


def case_raise_from_by_human():
    human_wraps()


def case_raise_from_by_ai():
    ai_wraps()


def case_implicit_context():
    human_fails_while_handling()


def case_from_none():
    human_hides()


def case_reraised_by_ai():
    ai_reraises()


def case_raised_twice():
    try:
        human_calls(ai_raises)
    except ZeroDivisionError as error:
        raise error


def case_group():
    human_raises_group(human_raises, ai_raises)


def case_group_of_humans():
    human_raises_group(human_raises, human_raises)


def case_group_in_a_group():
    try:
        human_raises_group(human_raises, mixed_raises)
    except ExceptionGroup as error:
        raise ExceptionGroup("outer", [ShopError(), error]) from None


def case_task_group():
    asyncio.run(human_groups())


def case_recursion():
    ai_recurses()


def case_recursion_of_human_below_ai():
    ai_calls(human_recurses)


def case_deep_below_ai():
    ai_descends(200)


def case_falsy_error():
    ai_raises_falsy()


def case_cycle_of_causes():
    try:
        ai_raises()
    except ZeroDivisionError as error:
        other = ShopError()
        other.__cause__, error.__cause__ = error, other
        raise other from error
