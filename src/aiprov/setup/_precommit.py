"""An entry in .pre-commit-config.yaml, put in as text so that comments and layout stay."""

from __future__ import annotations

import re

import yaml

from aiprov import __version__
from aiprov.errors import UsageError
from aiprov.setup import _blocks

FILE = ".pre-commit-config.yaml"
ENTRY = f"""\
- repo: local
  hooks:
    - id: aiprov-check
      name: aiprov check
      entry: aiprov check
      language: python
      additional_dependencies: ["aiprov[cli]=={__version__}"]
      pass_filenames: false
      always_run: true"""
_IS_THERE = re.compile(r"""^[^#\n]*\bid["']?\s*:\s*["']?aiprov-check\b""", re.MULTILINE)
_Event = tuple[str, object, object, object]


def with_entry(text: str | None) -> str:
    if not text or not text.strip():
        return f"{text or ''}repos:\n{_blocks.marked(ENTRY, indent='  ')}"
    if _IS_THERE.search(text):
        return text
    try:
        return _inserted(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or error
    raise UsageError(f"{FILE}: {problem}; add to repos yourself: {{repo: local, {_HINT}}}")


def _inserted(text: str) -> str:
    line, indent = _end_of_repos(text)
    lines = text.split("\n")
    while not lines[line - 1].strip() or lines[line - 1].lstrip().startswith("#"):
        line -= 1
    block = _blocks.marked(ENTRY, indent=" " * indent)
    found = "\n".join(lines[:line]) + f"\n{block}" + "\n".join(lines[line:])
    if not _is_inserted(_events(text), _events(found), _events(ENTRY)[3:-3]):
        raise ValueError("`repos` is not a plain list of items")
    return found


_HINT = "hooks: [{id: aiprov-check, name: aiprov check, entry: aiprov check, language: system, pass_filenames: false}]"


def without_entry(text: str) -> str | None:
    left = _blocks.without_marked(text)
    return None if left.strip() == "repos:" else left


def _end_of_repos(text: str) -> tuple[int, int]:
    """The line after the list's last item, and the column of its dashes."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = [value for key, value in root.value if key.value == "repos"] if isinstance(root, yaml.MappingNode) else []
    if len(found) != 1 or not isinstance(found[0], yaml.SequenceNode) or text[found[0].start_mark.index] != "-":
        raise ValueError("`repos` is not one list with an item a line")
    start, end = found[0].start_mark, found[0].end_mark
    return end.line + (end.column > 0), start.column


def _events(text: str) -> list[_Event]:
    """What the text says, with aliases left alone, so that no bomb goes off."""
    return [
        (
            type(event).__name__,
            getattr(event, "value", None),
            getattr(event, "anchor", None),
            getattr(event, "tag", None),
        )
        for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ]


def _is_inserted(before: list[_Event], after: list[_Event], entry: list[_Event]) -> bool:
    """Whether the text says the same with nothing but the entry in addition."""
    at = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    # Where the entry begins as what follows it does, it may have been put in a little further up.
    return any(
        after[start : start + len(entry)] == entry and before == after[:start] + after[start + len(entry) :]
        for start in range(max(0, at - len(entry)), at + 1)
    )
