"""What a team asks of AI-written code: the `[tool.aiprov.policy]` table of pyproject.toml, taken apart."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from aiprov.errors import UsageError
from aiprov.text import safe

REVIEWED_BY = "Reviewed-by"
_TABLE = "[tool.aiprov.policy]"
_MAX = 250
_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}")


@dataclass(frozen=True, slots=True)
class Policy:
    """Nothing is asked by default."""

    since: str | None = None
    """A revision: commits up to it, and functions that only they wrote, are left alone."""
    exclude: tuple[str, ...] = ()
    """Patterns of paths, or of `path::qualname`, that no rule on functions looks at."""
    allowed_models: tuple[str, ...] = ()
    """Patterns such as `anthropic/*`; without a slash the provider may be any."""
    allow_unknown_models: bool = True
    """Whether a function whose model nobody recorded passes `allowed_models`."""
    forbidden_models: tuple[str, ...] = ()
    require_reviewer: tuple[str, ...] = ()
    """Trailers of which an AI commit must have one; `true` stands for `Reviewed-by`."""
    require_tests: bool = False
    """Each AI function's name must stand in the code of some test file."""
    forbid_same_model_tests: bool = False
    """Not all tests that name a function may be by the models that wrote it, where the records show it."""
    max_unreviewed_ai_share: float | None = None
    """Of all functions, the part that a model wrote and no reviewer's trailer covers."""

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The trailers that count as a review."""
        return self.require_reviewer or (REVIEWED_BY,)

    @property
    def needs_tests(self) -> bool:
        return self.require_tests or self.forbid_same_model_tests


def read_policy(table: Mapping[str, object]) -> Policy:
    """The policy that a table spells out; UsageError for a key or value that is none."""
    for key in table:
        if key not in _READERS:
            close = difflib.get_close_matches(str(key), _READERS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; it may hold {', '.join(_READERS)}"
            raise UsageError(f"{_TABLE} has no key {safe(str(key), limit=60)}{hint}")
    values = {name: _READERS[name](name, value) for name, value in table.items()}
    return Policy(**values)  # type: ignore[arg-type]


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{_TABLE} {name} must be true or false")
    return value


def _text(name: str, value: object) -> str:
    if not (isinstance(value, str) and 0 < len(value) <= _MAX and value.isprintable()):
        raise UsageError(f"{_TABLE} {name} must be a text of 1 to {_MAX} characters")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(_text(name, one) for one in values)


def _trailers(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (REVIEWED_BY,) if value else ()
    trailers = _texts(name, value)
    if not all(_TRAILER.fullmatch(trailer) for trailer in trailers):
        raise UsageError(f"{_TABLE} {name} must be true, or the names of trailers such as {REVIEWED_BY}")
    return trailers


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(f"{_TABLE} {name} must be a number from 0 to 1, such as 0.3")
    return float(value)


_READERS: dict[str, Callable[[str, object], object]] = {
    "since": _text,
    "exclude": _texts,
    "allowed_models": _texts,
    "allow_unknown_models": _flag,
    "forbidden_models": _texts,
    "require_reviewer": _trailers,
    "require_tests": _flag,
    "forbid_same_model_tests": _flag,
    "max_unreviewed_ai_share": _share,
}
assert [field.name for field in fields(Policy)] == list(_READERS)
