"""The SDK tells nobody when a span starts or a log line is made, so a few of its methods are replaced."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static, signature
from types import FunctionType
from typing import Any

Method = Callable[..., Any]
_replaced: set[tuple[object, str, object]] = set()


def replace(owner: object, name: str, make: Callable[[Method], Method], *, slots: tuple[str, ...] = ()) -> None:
    """Put `make(original)` in the place of a method, once; nothing is done to an SDK that looks different.

    A plain function with the original's parameters: wrapt's wrapper would cost more than all that we do in it.
    """
    original = getattr_static(owner, name, None)
    if (
        isinstance(original, FunctionType)
        and all(hasattr(owner, slot) for slot in slots)
        and (owner, name, make) not in _replaced
    ):
        ours = make(original)
        if _takes(ours) in (_takes(original), ["self", "args", "kwargs"]):
            setattr(owner, name, wraps(original)(ours))
            _replaced.add((owner, name, make))


def _takes(method: Method) -> list[str]:
    return list(signature(method).parameters)
