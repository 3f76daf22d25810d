"""Git and `aiprov` as child processes that know nothing of the user's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_AIPROV = (sys.executable, "-m", "aiprov")
# The shop must not report to the user's own vendors, nor git sign with the user's key.
_FOREIGN = ("AIPROV_", "DD_", "FLASK_", "GIT_", "OTEL_", "PYTHONSAFEPATH", "PYTHONWARNINGS", "SENTRY_", "WERKZEUG_")


class CommandError(Exception):
    """A step of the story failed; the text holds what failed and what it said."""


def clean_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended as it may."""

    text: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs in one directory."""

    directory: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str, extra: Mapping[str, str] | None = None) -> str:
        """What the command wrote to stdout."""
        done = self._run(["git", *arguments], environment={**self.environment, **(extra or {})})
        return self._checked(done, "git", ok=(0,)).text

    def aiprov(self, *arguments: str, text: str = "", ok: Sequence[int] = (0,)) -> Done:
        done = self._run([*_AIPROV, *arguments], environment=self.environment, data=text.encode())
        return self._checked(done, "aiprov", ok=ok)

    def aiprov_shown(self, *arguments: str, ok: Sequence[int] = (0,)) -> int:
        """The exit code of a command whose output goes straight to our own stdout, as a user would see it."""
        sys.stdout.flush()
        done = subprocess.run(
            [*_AIPROV, *arguments],
            cwd=self.directory,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode not in ok:
            raise CommandError(f"aiprov {arguments[0]} ended with exit code {done.returncode}")
        return done.returncode

    def _run(
        self, command: Sequence[str], *, environment: Mapping[str, str], data: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                command, cwd=self.directory, env=environment, input=data, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]} is not installed; the demo needs it") from None

    def _checked(self, done: subprocess.CompletedProcess[bytes], name: str, *, ok: Sequence[int]) -> Done:
        if done.returncode not in ok:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.returncode}"]
            verb = done.args[1] if name == "git" else done.args[len(_AIPROV)]
            raise CommandError(f"{name} {verb}: {said[-1]}")
        return Done(done.stdout.decode("utf-8", "replace"), done.returncode)
