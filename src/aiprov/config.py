"""`[tool.aiprov]` of pyproject.toml: every key is one field below, with its type, its default and its help."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec

from aiprov.errors import UsageError
from aiprov.text import safe

FILE = "pyproject.toml"
TABLE = "tool.aiprov"
MAX_BYTES = 1024 * 1024
PLACEHOLDERS = ("{prompt_hash}", "{generation}")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_URL = re.compile(r"[!-~]{1,2000}")

REVIEWED_BY = "Reviewed-by"
_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}")

Help = msgspec.Meta
Table = TypeVar("Table", bound=msgspec.Struct)
Patterns = tuple[str, ...]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a team asks of AI-written code. Nothing is asked by default."""

    since: Annotated[
        str | None, Help(description="Where the policy begins: a revision; what was written up to it is left alone.")
    ] = None
    exclude: Annotated[
        Patterns, Help(description="Functions left alone: patterns of paths, or of `path::qualname`.")
    ] = ()
    allowed_models: Annotated[
        Patterns, Help(description="Patterns such as `anthropic/*`; without a slash the provider may be any.")
    ] = ()
    forbidden_models: Annotated[Patterns, Help(description="Patterns likewise; they go before the allowed ones.")] = ()
    allow_unknown_model: Annotated[
        bool, Help(description="Whether `allowed_models` lets a function pass whose model is not known.")
    ] = True
    require_reviewer: Annotated[
        bool | str,
        Help(description="Commits by a model need this trailer, naming somebody else; `true` means `Reviewed-by`."),
    ] = False
    require_tests: Annotated[
        bool, Help(description="The name of each function by a model must stand in the code of some test file.")
    ] = False
    forbid_same_model_tests: Annotated[
        bool, Help(description="Of the tests that name a function, not all may be by the model that wrote it.")
    ] = False
    max_unreviewed_ai_share: Annotated[
        float | None, Help(description="How much of all functions may be by a model and not reviewed, from 0 to 1.")
    ] = None

    def __post_init__(self) -> None:
        if isinstance(self.require_reviewer, str) and not _TRAILER.fullmatch(self.require_reviewer):
            raise ValueError(f"require_reviewer must be true, or the name of a trailer such as {REVIEWED_BY}")
        if self.max_unreviewed_ai_share is not None and not 0 <= self.max_unreviewed_ai_share <= 1:
            raise ValueError("max_unreviewed_ai_share must be a number from 0 to 1, such as 0.3")

    @property
    def trailer(self) -> str:
        """The one that counts as a review."""
        return self.require_reviewer if isinstance(self.require_reviewer, str) else REVIEWED_BY

    @property
    def asks_for_reviews(self) -> bool:
        return bool(self.require_reviewer) or self.max_unreviewed_ai_share is not None

    @property
    def asks_for_tests(self) -> bool:
        return self.require_tests or self.forbid_same_model_tests


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prompt_url: Annotated[
        str | None,
        Help(description="Where a prompt can be read: a link with `{prompt_hash}` or `{generation}` in it."),
    ] = None
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        if self.prompt_url is not None:
            _check_template(self.prompt_url)


@dataclass(frozen=True, slots=True)
class Row:
    """One key as the README shows it."""

    name: str
    type: str
    default: str
    help: str


def load_config(root: Path) -> Config:
    """The defaults where the root has no pyproject.toml; UsageError names the file and the key that is wrong."""
    path = root / FILE
    if not path.exists():
        return Config()
    if not path.is_file():  # a pipe would be waited for
        raise UsageError(f"{FILE} is not a file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"{FILE} is larger than {MAX_BYTES >> 20} MiB")
    return parse_config(data)


def parse_config(data: bytes) -> Config:
    try:
        table: object = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{FILE}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{FILE}: not valid TOML: {safe(str(error))}") from None
    except (RecursionError, ValueError):
        raise UsageError(f"{FILE}: not valid TOML: nested too deeply, or a number too large") from None
    for key in TABLE.split("."):
        table = table.get(key, {}) if isinstance(table, dict) else table
    if not isinstance(table, dict):
        raise UsageError(f"{FILE}: [{TABLE}] must be a table")
    return parse_table(table, Config)


def parse_table(table: Mapping[str, object], kind: type[Table]) -> Table:
    """The table as its struct; UsageError for an unknown key, a wrong type or what the struct itself refuses."""
    try:
        return msgspec.convert(table, kind, strict=True)
    except msgspec.ValidationError as error:
        text = str(error)
    at = _AT.search(text)
    problem = text[: at.start()] if at else text
    inner = at[1] if at else ""
    key = f"{TABLE}.{inner}" if inner else TABLE
    if unknown := _UNKNOWN.fullmatch(problem):
        known = ", ".join(_fields(kind, inner))
        raise UsageError(f"{FILE}: {safe(key)}.{safe(unknown[1], limit=60)}: no such key; known: {safe(known)}")
    problem = problem.replace(" | null", "")
    raise UsageError(f"{FILE}: {safe(key)}: {safe(problem[:1].lower() + problem[1:])}")


def rows(kind: type[msgspec.Struct] = Config, *, name: str = "") -> Iterator[Row]:
    """Every key of a table and of the tables in it."""
    for field, text, kind_of in _described(kind):
        key = f"{name}{field.name}"
        if isinstance(kind_of, msgspec.inspect.StructType):
            yield from rows(kind_of.cls, name=f"{key}.")
        else:
            yield Row(key, _type_name(kind_of), _written(field.default), text)


def _fields(kind: type[msgspec.Struct], inner: str) -> list[str]:
    """The keys of a table, or of the table at `inner` in it."""
    for name in filter(None, inner.split(".")):
        (found,) = (of for field, _, of in _described(kind) if field.encode_name == name)
        assert isinstance(found, msgspec.inspect.StructType)
        kind = found.cls
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _described(
    kind: type[msgspec.Struct],
) -> Iterator[tuple[msgspec.inspect.Field, str, msgspec.inspect.Type]]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        kind_of, text = field.type, ""
        if isinstance(kind_of, msgspec.inspect.Metadata):
            text = str((kind_of.extra_json_schema or {}).get("description", ""))
            kind_of = kind_of.type
        kind_of = _without_none(kind_of)
        yield field, text, kind_of


def _without_none(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    if not isinstance(kind, msgspec.inspect.UnionType):
        return kind
    left = tuple(one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType))
    return left[0] if len(left) == 1 else msgspec.inspect.UnionType(left)


_TYPES: dict[type[msgspec.inspect.Type], str] = {
    msgspec.inspect.BoolType: "true/false",
    msgspec.inspect.IntType: "number",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.StrType: "text",
    msgspec.inspect.ListType: "list",
    msgspec.inspect.VarTupleType: "list",
    msgspec.inspect.DictType: "table",
}


def _type_name(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.LiteralType):
        return " or ".join(f'"{value}"' for value in kind.values)
    if isinstance(kind, msgspec.inspect.UnionType):
        return " or ".join(sorted(map(_type_name, kind.types)))
    return _TYPES.get(type(kind), "value")


def _written(default: object) -> str:
    """As TOML writes it; empty for nothing."""
    if default in (None, (), msgspec.NODEFAULT):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _check_template(template: str) -> None:
    """ValueError, which msgspec reports with the table it stands in."""
    if not _URL.fullmatch(template):
        raise ValueError("prompt_url must be a link of at most 2000 printable ASCII characters, without spaces")
    bare = template
    for placeholder in PLACEHOLDERS:
        bare = bare.replace(placeholder, "")
    if bare == template or "{" in bare or "}" in bare:
        raise ValueError(f"prompt_url must have {' or '.join(PLACEHOLDERS)} in it, and no other braces")
    try:
        parts = urlsplit(template)
        whole = parts.scheme in {"https", "http"} and bool(parts.hostname) and "{" not in parts.netloc
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("prompt_url must start with https:// or http:// and a fixed host")
