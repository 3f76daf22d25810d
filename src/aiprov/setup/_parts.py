"""What `aiprov init` can set up: one row a part, one file or more a row."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiprov import __version__
from aiprov.config import FILE, TABLE, parse_config, rows
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.setup import _blocks, _git, _json, _precommit

Add = Callable[[str | None], str | None]
"""The text with our part in it; the same text where it is there already, or where nothing is to be done."""
Remove = Callable[[str], str | None]
"""The text without it; None where nothing is left that anybody needs."""


@dataclass(frozen=True, slots=True)
class Target:
    path: str | Callable[[Repository], Path]
    """Below the root, or wherever git keeps it."""
    add: Add
    remove: Remove
    mode: int | None = None
    """Of a new file."""


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    """As the option is called."""
    help: str
    targets: tuple[Target, ...]
    is_default: bool = False
    needs_path: bool = False
    """Another program starts `aiprov` by its name alone."""


def _without_line(text: str) -> str | None:
    return _blocks.without_line(text, _git.ATTRIBUTES) or None


def _with_line(text: str | None) -> str:
    text = text or ""
    return text if _git.ATTRIBUTES in text.splitlines() else _blocks.appended(text, f"{_git.ATTRIBUTES}\n")


def _with_table(text: str | None) -> str | None:
    """A file that says which folder is a Python project is not made for this alone."""
    if text is None:
        return None
    parse_config(text.encode())
    if "aiprov" in tomllib.loads(text).get("tool", {}):
        return text
    keys = [f"# {row.name}: {row.help}" for row in rows()]
    made = _blocks.appended(text, ("\n" if text.strip() else "") + _blocks.marked("\n".join([f"[{TABLE}]", *keys])))
    try:
        parse_config(made.encode())
    except UsageError:
        raise UsageError(f"{FILE}: [{TABLE}] cannot be added at its end; add it by hand") from None
    return made


def _without_table(text: str) -> str | None:
    left = _blocks.without_marked(text)
    return left.removesuffix("\n") if left != text and left.endswith("\n\n") else left


_WORKFLOW_MARK = "# Written by `aiprov init --ci github`."
WORKFLOW = f"""\
{_WORKFLOW_MARK}
name: aiprov
on:
  pull_request:
  push:
    branches: [main, master]
permissions:
  contents: read
  security-events: write
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # who wrote a line is in the history
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install 'aiprov[cli]=={__version__}'
      - run: aiprov check --format sarif > aiprov.sarif
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with:
          sarif_file: aiprov.sarif
"""


def _with_workflow(text: str | None) -> str:
    if text is not None and not text.startswith(_WORKFLOW_MARK):
        raise UsageError(".github/workflows/aiprov.yml is there and not written by aiprov; move it first")
    return text or WORKFLOW


def _without_workflow(text: str) -> str | None:
    return None if text == WORKFLOW else text


def _tool(name: str, *, path: str, event: str, element: object, start: str = "{}\n") -> Part:
    """A coding tool whose hook tells of each edit as it is made."""
    command = f"aiprov hook {name}"

    def is_ours(found: object) -> bool:
        return isinstance(found, dict) and command in (found.get("command"), found.get("bash"))

    def add(text: str | None) -> str:
        text = text if text and text.strip() else start
        left = _json.without_elements(text, is_ours, name=path) if command in text else text
        return text if left != text else _json.with_element(text, ("hooks", event), element, name=path)

    def remove(text: str) -> str | None:
        if command not in text:
            return text
        return None if text == add(None) else _json.without_elements(text, is_ours, name=path)

    text = f"Record each edit as it is made: {path}."
    return Part(name, text, (Target(path, add, remove),), needs_path=True)


def _in_group(name: str, matcher: str, *, timeout: int) -> object:
    """As Claude Code began it; Codex and Gemini CLI took it over."""
    return {"matcher": matcher, "hooks": [{"type": "command", "command": f"aiprov hook {name}", "timeout": timeout}]}


_VERSIONED = '{\n  "version": 1\n}\n'
TOOLS = (
    _tool(
        "claude-code",
        path=".claude/settings.json",
        event="PostToolUse",
        element=_in_group("claude-code", "Edit|MultiEdit|Write", timeout=10),
    ),
    _tool(
        "codex",
        path=".codex/hooks.json",
        event="PostToolUse",
        element=_in_group("codex", "apply_patch", timeout=10),
    ),
    _tool(
        "copilot-cli",
        path=".github/hooks/aiprov.json",
        event="postToolUse",
        element={"type": "command", "bash": "aiprov hook copilot-cli", "timeoutSec": 10},
        start=_VERSIONED,
    ),
    _tool(
        "cursor",
        path=".cursor/hooks.json",
        event="afterFileEdit",
        element={"command": "aiprov hook cursor"},
        start=_VERSIONED,
    ),
    _tool(
        "gemini-cli",
        path=".gemini/settings.json",
        event="AfterTool",
        element=_in_group("gemini-cli", "write_file|replace", timeout=10_000),  # milliseconds here
    ),
    _tool(
        "windsurf",
        path=".windsurf/hooks.json",
        event="post_write_code",
        element={"command": "aiprov hook windsurf", "show_output": False},
    ),
)

PARTS = (
    Part(
        "config",
        f"[{TABLE}] in {FILE}, where there is one.",
        (Target(FILE, _with_table, _without_table),),
        is_default=True,
    ),
    Part(
        "merge-driver",
        "Merge manifests by meaning: .gitattributes, config.",
        (
            Target(".gitattributes", _with_line, _without_line),
            Target(
                lambda repository: _git.git_folder(repository) / "config",
                lambda text: _git.with_driver(text or ""),
                _git.without_driver,
            ),
        ),
        is_default=True,
    ),
    Part(
        "git-hooks",
        "Run `aiprov check` before each push from this clone.",
        (
            Target(
                lambda repository: _git.hooks_folder(repository) / "pre-push",
                partial(_git.with_hook, name="pre-push"),
                _git.without_hook,
                mode=0o755,
            ),
        ),
    ),
    Part(
        "pre-commit",
        f"Run `aiprov check`: {_precommit.FILE}.",
        (Target(_precommit.FILE, _precommit.with_entry, _precommit.without_entry),),
    ),
    *TOOLS,
    Part(
        "ci",
        "Run `aiprov check`: .github/workflows/aiprov.yml.",
        (Target(".github/workflows/aiprov.yml", _with_workflow, _without_workflow),),
    ),
)
