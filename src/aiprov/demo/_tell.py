"""How the story is told: to a person, step by step, or hardly at all."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from aiprov.demo._commands import Commands
from aiprov.text import safe

if TYPE_CHECKING:
    from rich.console import Console

INDENT = "   "
BAR = 40
_DIFF = {"+": "green", "-": "red", "@": "dim"}


class Tell(Protocol):
    def title(self, *lines: str) -> None: ...

    def step(self, title: str) -> None: ...

    def busy(self, text: str) -> contextlib.AbstractContextManager[None]:
        """Something that takes a while."""
        ...

    def say(self, *lines: str) -> None: ...

    def end(self, *lines: str, well: bool) -> None: ...

    def facts(self, rows: Sequence[tuple[str, str]]) -> None: ...

    def bars(self, rows: Sequence[tuple[str, str, float]]) -> None:
        """Name, figures and a share of 1, which is drawn against the largest."""
        ...

    def show(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> None:
        """An `aiprov` command that changes nothing, and what it prints."""
        ...

    def perform(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> int:
        """An `aiprov` command that the story needs, whether somebody looks or not; its exit code."""
        ...

    def quote(self, command: str, text: str = "") -> None:
        """A command that the story has run, and what it printed."""
        ...


class Quiet:
    """For `--json`: one note a step, and no command is run for its looks."""

    def __init__(self, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note

    def title(self, *lines: str) -> None: ...

    def step(self, title: str) -> None:
        self._note(title)

    @contextlib.contextmanager
    def busy(self, _: str) -> Iterator[None]:
        yield

    def say(self, *lines: str) -> None: ...

    def end(self, *lines: str, well: bool) -> None: ...

    def facts(self, rows: Sequence[tuple[str, str]]) -> None: ...

    def bars(self, rows: Sequence[tuple[str, str, float]]) -> None: ...

    def show(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> None: ...

    def perform(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> int:
        return commands.aiprov(*arguments, ok=ok).exit_code

    def quote(self, command: str, text: str = "") -> None: ...


class Aloud:
    """For a terminal or a pipe, 80 columns and up."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0

    def title(self, *lines: str) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def step(self, title: str) -> None:
        self._steps += 1
        self._console.print(f"\n{self._steps}  {title}", style="bold", soft_wrap=True)

    @contextlib.contextmanager
    def busy(self, text: str) -> Iterator[None]:
        with self._console.status(f"{text} …") if self._console.is_terminal else contextlib.nullcontext():
            yield

    def say(self, *lines: str) -> None:
        for line in lines:
            self._console.print(f"{INDENT}{safe(line)}" if line else "", soft_wrap=True)

    def end(self, *lines: str, well: bool) -> None:
        self._console.print()
        for line in lines:
            self._console.print(f"{INDENT}{safe(line)}", style="bold green" if well else "bold red", soft_wrap=True)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        wide = max(len(name) for name, _ in rows)
        room = self._console.width - len(INDENT) - wide - 2
        for name, value in rows:
            self._console.print(f"{INDENT}{name:{wide}}  {safe(value, limit=room)}", soft_wrap=True)

    def bars(self, rows: Sequence[tuple[str, str, float]]) -> None:
        largest = max(share for _, _, share in rows) or 1.0
        room = min(BAR, self._console.width - max(len(name) + len(text) for name, text, _ in rows) - len(INDENT) - 4)
        block = "█" if self._console.encoding.startswith("utf") else "#"
        for name, text, share in rows:
            bar = block * max(share > 0, round(room * share / largest))
            self._console.print(f"{INDENT}{name}  {text}  {bar}".rstrip(), soft_wrap=True)

    def show(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> None:
        self.perform(commands, *arguments, ok=ok)

    def perform(self, commands: Commands, *arguments: str, ok: Sequence[int] = (0,)) -> int:
        self.quote(shlex.join(["aiprov", *arguments]))
        return commands.aiprov_shown(*arguments, ok=ok)

    def quote(self, command: str, text: str = "") -> None:
        self._console.print()
        for line in folded(command, width=self._console.width):
            self._console.print(line, style="cyan", soft_wrap=True)
        for line in text.splitlines():
            self._console.print(safe(line), style=_DIFF.get(line[:1], ""), soft_wrap=True)


def folded(command: str, *, width: int) -> list[str]:
    """`$ command` in lines that a shell takes as one, broken before an option."""
    lines = ["$"]
    for word in command.replace(" --", "\n--").split("\n"):
        if len(lines[-1]) + len(word) + 3 > width and lines[-1] != "$":
            lines[-1] += " \\"
            lines.append("    " + word)
        else:
            lines[-1] += f" {word}"
    return lines
