"""Methods of the SDK's are replaced where they look as they are known to, and else never."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pytest

from aiprov_sentry._seams import Method, replace


class Base:
    __slots__ = ("data",)

    def add(self, span: str, *, twice: bool = False) -> list[str]:
        """Of the SDK."""
        return [span, span] if twice else [span]


class Recorder(Base):
    @classmethod
    def made(cls, span: str) -> list[str]:
        return [span]


def marking(original: Method) -> Method:
    def add(self: Any, span: str, *, twice: bool = False) -> list[str]:
        return ["ours", *original(self, span, twice=twice)]

    return add


def passing(original: Method) -> Method:
    def anything(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        return ["ours", *original(self, *args, **kwargs)]

    return anything


def taking_another(original: Method) -> Method:
    def add(self: Any, span: str, sampled: bool) -> list[str]:  # noqa: FBT001  # as an SDK might have it
        return original(self, span, sampled)

    return add


@pytest.fixture
def owner() -> type:
    return type("Owner", (Recorder,), {})


@pytest.mark.parametrize("make", [marking, passing])
def test_method_is_replaced_once_and_keeps_its_name(owner: type, make: Any):
    replace(owner, "add", make)
    replace(owner, "add", make)

    assert owner().add("span", twice=True) == ["ours", "span", "span"]
    assert owner.add.__name__ == "add"
    assert owner.add.__doc__ == "Of the SDK."
    assert Recorder().add("span") == ["span"]


def test_two_of_ours_and_one_of_another_tool_work_together(owner: type):
    def another(original: Method) -> Method:
        @wraps(original)
        def add(self: Any, *args: Any, **kwargs: Any) -> list[str]:
            return ["theirs", *original(self, *args, **kwargs)]

        return add

    replace(owner, "add", marking)
    owner.add = another(owner.add)
    replace(owner, "add", passing)
    replace(owner, "add", marking)

    assert owner().add("span") == ["ours", "theirs", "ours", "span"]


@pytest.mark.parametrize(
    ("name", "make", "slots"),
    [("gone", marking, ()), ("add", taking_another, ()), ("add", marking, ("gone",)), ("made", passing, ())],
)
def test_what_looks_different_stays(owner: type, name: str, make: Any, slots: tuple[str, ...]):
    before = dict(vars(owner))

    replace(owner, name, make, slots=slots)

    assert dict(vars(owner)) == before


def test_class_that_the_sdk_does_not_have_is_none():
    replace(None, "add", marking)
