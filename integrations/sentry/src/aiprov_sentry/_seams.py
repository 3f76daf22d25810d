"""The SDK tells nobody when a span starts or a log is made, so a few of its methods are replaced, where it has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static
from types import FunctionType
from typing import Any

Method = Callable[..., Any]
_replaced: set[tuple[type, str]] = set()


def replace(owner: object, name: str, make: Callable[[Method], Method], *, slots: tuple[str, ...] = ()) -> bool:
    """Put `make(original)` in the place of a method, once; False, and nothing done, for an SDK that looks different.

    A plain function: wrapt's wrapper would cost more than all that we do in it.
    """
    if not isinstance(owner, type) or not all(hasattr(owner, slot) for slot in slots):
        return False
    if (owner, name) not in _replaced:
        original = getattr_static(owner, name, None)
        if not isinstance(original, FunctionType):
            return False
        setattr(owner, name, wraps(original)(make(original)))
        _replaced.add((owner, name))
    return True
