"""The example as it is written down: who wrote what and when, and what customers do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from aiprov.errors import UsageError

T = TypeVar("T")


class Commit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One commit; `trailer` or `model` says that a model wrote it."""

    subject: str
    by: str
    date: dt.datetime
    writes: tuple[str, ...]
    """A file for all that is not said to come later, or `path::qualname`."""
    trailer: str | None = None
    model: str | None = None
    tool: str | None = None
    prompt: str | None = None


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tag: str
    date: dt.datetime
    commit: tuple[Commit, ...]


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    people: dict[str, str]
    release: tuple[Release, ...]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    weight: Annotated[int, msgspec.Meta(ge=1)]
    get: str | None = None
    post: str | None = None
    json: dict[str, object] | None = None

    def method(self) -> str:
        return "POST" if self.post is not None else "GET"

    def path(self) -> str:
        return self.post or self.get or "/"

    def body(self) -> str | None:
        return None if self.json is None else json.dumps(self.json)


class Traffic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requests: Annotated[tuple[Request, ...], msgspec.Meta(min_length=1)]


class Example(msgspec.Struct, frozen=True):
    root: Path
    people: dict[str, str]
    releases: tuple[Release, Release, Release]
    requests: tuple[Request, ...]

    def sources(self, folder: str) -> Iterator[tuple[str, str]]:
        """Path in the repository and text of each Python file in a folder of the example."""
        below = self.root / folder
        for path in sorted(below.rglob("*.py")):
            if "__pycache__" not in path.parts:
                yield f"shop/{path.relative_to(below).as_posix()}", path.read_text("utf-8")


def find_example() -> Path:
    """In a wheel the example lies beside this module, in a clone at the root."""
    here = Path(__file__).resolve()
    packaged = here.parent / "shop"
    return packaged if packaged.is_dir() else here.parents[3] / "examples" / "shop"


def load_example(root: Path) -> Example:
    """UsageError, naming the file, for what a person who changed it can mend."""
    history = _read(root / "history.toml", History)
    traffic = _read(root / "traffic.toml", Traffic)
    if len(history.release) != 3:  # noqa: PLR2004  # the story has three: the start, the baseline, the incident
        raise UsageError(f"{root / 'history.toml'}: the story needs three releases, there are {len(history.release)}")
    strangers = {c.by for r in history.release for c in r.commit} - set(history.people)
    if strangers:
        raise UsageError(f"{root / 'history.toml'}: [people] does not have {', '.join(sorted(strangers))}")
    first, second, third = history.release
    return Example(root, history.people, (first, second, third), traffic.requests)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; start from a copy of examples/shop") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
