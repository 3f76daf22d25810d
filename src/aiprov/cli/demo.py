"""`aiprov demo`: a full incident on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli._output import console, emit, note
from aiprov.errors import UsageError

if TYPE_CHECKING:
    from aiprov.demo import Example, Tell

INTERNAL = 3


def demo(
    *,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Play in this new or empty directory and leave it there.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Play this copy of the example, with a bug of yours.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Ship a bad release of a small service, watch its errors, find the function and revert it."""
    if importlib.util.find_spec("flask") is None:
        raise UsageError("the demo's service needs Flask: pip install 'aiprov[cli,demo]'")
    from aiprov.demo import CommandError, find_example, load_example

    example = load_example(source.resolve() if source else find_example())
    if keep and keep.resolve().is_relative_to(example.root):
        raise UsageError(f"--keep {keep}: is inside of the example; name a directory elsewhere")
    try:
        return _play(example, keep, as_json=as_json)
    except CommandError as error:
        note(f"aiprov: {error}")
        return INTERNAL


def _play(example: Example, keep: Path | None, *, as_json: bool) -> int:
    from aiprov.demo import Aloud, Quiet, conclude, payload, play

    tell = Quiet(note) if as_json else Aloud(console())
    with _stopped_cleanly(), _directory(keep) as directory:
        if keep:
            _copy(example, directory / "example")
        outcome = play(example, directory, tell=tell)
        code = conclude(outcome, tell=tell)
        if as_json:
            emit({**payload(outcome), "kept": str(directory) if keep else None}, verb="demo")
        else:
            _farewell(tell, directory if keep else None)
    return code


def _farewell(tell: Tell, kept: Path | None) -> None:
    if kept is None:
        tell.title("", "Nothing is left of it. To look around in it, and to try a bug of your own:")
        tell.quote("aiprov demo --keep DIR")
        return
    tell.step(f"Kept in {kept}")
    tell.facts(
        [
            ("shop/", "the repository; try: git log, aiprov show shop/discounts.py"),
            ("errors.jsonl", "what the service wrote; try the spike command in shop/"),
            ("example/", "what it was made from; example/bug/ holds the bug"),
        ]
    )
    tell.title("", "Give it another bug (example/README.md), then:")
    tell.quote(shlex.join(["aiprov", "demo", "--from", str(kept / "example")]))


@contextlib.contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="aiprov-demo-") as temporary:
            yield Path(temporary).resolve()
        return
    if keep.exists() and not keep.is_dir():
        raise UsageError(f"--keep {keep}: is a file; name a new or empty directory")
    if keep.is_dir() and any(keep.iterdir()):
        raise UsageError(f"--keep {keep}: not empty; name a new or empty directory")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


def _copy(example: Example, target: Path) -> None:
    shutil.copytree(example.root, target, ignore=shutil.ignore_patterns("__pycache__"))


@contextlib.contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """A hang-up or SIGTERM ends the children and removes the directory, as Ctrl-C does."""
    caught = [signal.SIGTERM, signal.SIGHUP]
    before = [signal.signal(number, signal.default_int_handler) for number in caught]
    try:
        yield
    finally:
        for number, handler in zip(caught, before, strict=True):
            signal.signal(number, handler)
