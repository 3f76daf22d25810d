"""`aiprov run`; `aiprov.__main__` runs it without this module, which says what it does."""

from __future__ import annotations

from typing import Annotated

import typer

from aiprov import run as program

_FLAGS = {option.flag: option for option in program.OPTIONS}


def _option(flag: str) -> object:
    option = _FLAGS[flag]
    return typer.Option(flag, help=option.help, metavar=option.metavar, show_default=False)


def run(  # noqa: PLR0913  # one for each setting
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="python app.py, gunicorn app:app, …")],
    *,
    manifest: Annotated[str | None, _option("--manifest")] = None,
    sink: Annotated[str | None, _option("--sink")] = None,
    release: Annotated[str | None, _option("--release")] = None,
    environment: Annotated[str | None, _option("--environment")] = None,
    logs: Annotated[bool, _option("--logs")] = False,
    track: Annotated[bool, _option("--track")] = False,
) -> None:
    """Start a program with no code change: aiprov run -- python app.py."""
    given = (manifest, sink, release, environment, "1" if logs else None, "1" if track else None)
    settings = {option.variable: value for option, value in zip(program.OPTIONS, given, strict=True) if value}
    program.start(command, settings)
