"""Every kind of function that Python has, each raising."""
# ruff: noqa: FBT002, PLC3002

import contextlib
import dataclasses
import functools

import wrapt


def plainly_wrapped(function):
    @functools.wraps(function)
    def human_wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return human_wrapper


@wrapt.decorator
def human_wrapt(wrapped, _instance, args, kwargs):
    return wrapped(*args, **kwargs)


class Cart:
    def __init__(self, fail=False):
        self.value = 1 / 0 if fail else 0

    def method(self):
        return 1 / self.value

    @classmethod
    def of_class(cls):
        return 1 / 0

    @staticmethod
    def of_nobody():
        return 1 / 0

    @property
    def total(self):
        return 1 / self.value

    @total.setter
    def total(self, value):
        self.value = 1 / value

    @functools.cached_property
    def cached(self):
        return 1 / self.value

    def __getitem__(self, key):
        return 1 / key

    class Inner:
        def method(self):
            return 1 / 0


class Basket(Cart):
    """Inherits everything."""


@dataclasses.dataclass
class Line:
    count: int

    def __post_init__(self):
        self.share = 1 / self.count


@dataclasses.dataclass
class Row:
    count: int

    def share(self):
        return 1 / self.count


def with_nested():
    def nested():
        return 1 / 0

    nested()


def with_closure(value):
    def closure():
        return 1 / value

    return closure


def with_lambda():
    return (lambda: 1 / 0)()


def with_comprehension():
    return [1 / n for n in range(2)]


def with_dict_comprehension():
    return {n: 1 / n for n in range(2)}


def with_generator_expression():
    return sum(1 / n for n in range(2))


def generator():
    yield 1
    yield 1 / 0


def delegating():
    yield from generator()


@plainly_wrapped
def decorated():
    return 1 / 0


@human_wrapt
def decorated_by_wrapt():
    return 1 / 0


@functools.lru_cache
def cached():
    return 1 / 0


@contextlib.contextmanager
def managed():
    yield
    raise ZeroDivisionError


@contextlib.contextmanager
def ai_transparent():
    yield


class Manager:
    def __enter__(self):
        raise ZeroDivisionError

    def __exit__(self, *_):
        return None


def with_class_body():
    class Local:
        value = 1 / 0

    return Local


def with_default_of_nested():
    def nested(value=1 / 0):
        return value

    return nested


def with_local_class():
    class Local:
        def method(self):
            return 1 / 0

    Local().method()


def overridden():
    raise AssertionError


def overridden():  # noqa: F811
    return 1 / 0


def case_init():
    Cart(fail=True)


def case_method():
    Cart().method()


def case_inherited_method():
    Basket().method()


def case_classmethod():
    Basket.of_class()


def case_staticmethod():
    Cart.of_nobody()


def case_property():
    _ = Cart().total


def case_setter():
    Cart().total = 0


def case_cached_property():
    _ = Cart().cached


def case_dunder():
    _ = Cart()[0]


def case_inner_class():
    Cart.Inner().method()


def case_post_init():
    Line(0)


def case_dataclass_method():
    Row(0).share()


def case_nested():
    with_nested()


def case_closure():
    with_closure(0)()


def case_lambda():
    with_lambda()


def case_comprehension():
    with_comprehension()


def case_dict_comprehension():
    with_dict_comprehension()


def case_generator_expression():
    with_generator_expression()


def case_generator():
    list(generator())


def case_yield_from():
    list(delegating())


def case_decorated():
    decorated()


def case_decorated_by_wrapt():
    decorated_by_wrapt()


def case_lru_cache():
    cached()


def case_contextmanager():
    with managed():
        pass


def case_raised_inside_a_contextmanager():
    with ai_transparent():
        raise ZeroDivisionError


def case_enter():
    with Manager():
        pass


def case_partial():
    functools.partial(with_lambda)()


def case_class_body():
    with_class_body()


def case_default_of_nested():
    with_default_of_nested()


def case_local_class():
    with_local_class()


def case_redefined():
    overridden()


def case_exec():
    exec("1 / 0", {})
