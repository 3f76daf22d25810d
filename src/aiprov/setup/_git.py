"""What git itself is told: the driver for the manifest, and where its hooks are."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.setup import _blocks
from aiprov.text import safe
from aiprov_runtime._manifest import MANIFEST_PATH

ATTRIBUTES = f"{MANIFEST_PATH} merge=aiprov"
_SECTION = re.compile(r'^\[merge "aiprov"\][ \t]*\n(?:(?!\[)[^\n]*(?:\n|\Z))*', re.MULTILINE)
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_MANAGERS = {
    "husky": "add `aiprov check` to .husky/pre-push yourself",
    "pre-commit": "use `aiprov init --pre-commit`",
    "lefthook": "add `aiprov check` to lefthook.yml yourself",
}
_FOLDER = Path(sys.executable).parent
"""Where `aiprov` is beside this Python: in a virtual environment it may not be on git's PATH."""


def driver(folder: Path) -> str:
    """The shell command. Where the program fails or is gone, git's own merge by lines leaves its usual conflict.

    A Python that cannot start ends with 1 too, so that alone does not say that there are conflict markers.
    """
    path = shlex.quote(str(folder)).replace("%", "%%")
    ours = f'PATH={path}:"$PATH" aiprov merge-driver --marker-size %L %O %A %B && exit; s=$?'
    by_lines = "grep -q '^<<<<<<<' %A && exit 1; git merge-file -q --marker-size=%L %A %O %B || exit 1"
    return f"{ours}; {by_lines}; test $s -gt 1"


def with_driver(text: str, *, folder: Path = _FOLDER) -> str:
    """A git configuration with the driver; one of an earlier `init` is replaced where it stands."""
    value = driver(folder).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    section = f'[merge "aiprov"]\n\tname = aiprov manifest\n\tdriver = "{value}"\n'
    if _SECTION.search(text):
        return _SECTION.sub(lambda _: section, text, count=1)
    return _blocks.appended(text, section)


def without_driver(text: str) -> str:
    return _SECTION.sub("", text)


def git_folder(repository: Repository) -> Path:
    """Shared by all work trees of a repository."""
    found = repository.run("rev-parse", "--git-common-dir").rstrip(b"\n")
    return (repository.root / os.fsdecode(found)).resolve()


def hooks_folder(repository: Repository) -> Path:
    """Where git looks for hooks; UsageError where that is no place of this repository alone, or another tool's."""
    found = repository.run("config", "--null", "--show-scope", "--type=path", "--get-all", "core.hooksPath", ok=(0, 1))
    fields = found.decode("utf-8", "surrogateescape").split("\0")
    # The command line's own value is how we keep hooks from running while we ask.
    paths = [path for scope, path in zip(fields[::2], fields[1::2], strict=False) if scope != "command"]
    if not paths:
        return git_folder(repository) / "hooks"
    folder = Path(os.path.normpath(repository.root / paths[-1]))
    if "husky" in folder.parts[-2:] or ".husky" in folder.parts:
        raise UsageError(f"husky manages this repository's hooks: {_MANAGERS['husky']}")
    if not folder.is_relative_to(repository.root):
        raise UsageError(
            f"core.hooksPath is {safe(str(folder))}, outside of this repository; add the hook there yourself"
        )
    return folder


def hook(folder: Path) -> str:
    return f"""\
# Finds code that was edited since it was recorded; `git push --no-verify` goes without.
(
  PATH={shlex.quote(str(folder))}:"$PATH"
  command -v aiprov >/dev/null || {{ echo "aiprov is not installed: manifest not checked" >&2; exit 0; }}
  aiprov check </dev/null
) || exit $?"""


def with_hook(text: str | None, *, name: str, folder: Path = _FOLDER) -> str:
    """Our block goes first: an old script may end in `exit` or `exec`."""
    block = _blocks.marked(hook(folder))
    if not text:
        return f"#!/bin/sh\n{block}"
    if _blocks.is_marked(text):
        return text
    for manager, instead in _MANAGERS.items():
        if re.search(rf"^#.*\b{manager}\b|\b{manager} (?:run|install)\b|\b{manager}\.sh\b", text, re.MULTILINE):
            raise UsageError(f"{name} is managed by {manager}: {instead}")
    first, _, rest = text.partition("\n")
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not {Path(word).name for word in words[:2]} & _SHELLS:
        raise UsageError(f"{name} is no shell script; let it run `aiprov check` itself")
    return f"{first}\n{block}{rest}"


def without_hook(text: str) -> str | None:
    left = _blocks.without_marked(text)
    return None if left.strip() == "#!/bin/sh" else left
