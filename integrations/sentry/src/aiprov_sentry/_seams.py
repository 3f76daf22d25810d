"""The SDK tells nobody when a span starts or a log line is made, so a few of its methods are replaced."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static, signature
from types import FunctionType
from typing import Any

Method = Callable[..., Any]
_replaced: set[tuple[type, str]] = set()


def replace(owner: object, name: str, make: Callable[[Method], Method], *, slots: tuple[str, ...] = ()) -> bool:
    """Put `make(original)` in the place of a method, once; False, and nothing done, for an SDK that looks different.

    A plain function with the original's parameters: wrapt's wrapper would cost more than all that we do in it.
    """
    original = getattr_static(owner, name, None)
    if not isinstance(owner, type) or not all(hasattr(owner, slot) for slot in slots):
        return False
    if (owner, name) in _replaced:
        return True
    if not isinstance(original, FunctionType):
        return False
    ours = make(original)
    if list(signature(ours).parameters) != list(signature(original).parameters):
        return False
    setattr(owner, name, wraps(original)(ours))
    _replaced.add((owner, name))
    return True
