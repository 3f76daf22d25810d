"""What the tools of coding agents put into files, from one call of theirs: shared by transcripts and hooks.

Nothing here imports more than the standard library has at hand, because a hook waits for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aiprov.provenance._edits import added_blocks, line_digest

_PATCH = re.compile(r"^\*\*\* Begin Patch[ \t]*\r?\n(.*?)^\*\*\* End Patch", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\*\*\* (Add File|Update File|Delete File|Move to): (.+)")
# A call that replaces all occurrences does not say how many there were.
_MANY = 20


class Put(NamedTuple):
    """Lines that a call added to one file, as runs of digests."""

    path: str
    """As the tool spelled it."""
    blocks: list[list[bytes]]


def text_of(value: object, *keys: str) -> str:
    """The first of these keys that holds a text, else an empty one."""
    if isinstance(value, Mapping):
        for key in keys:
            found = value.get(key)
            if isinstance(found, str):
                return found
    return ""


def calls_of(name: str, given: object, result: object = None) -> list[Put]:
    """What a call of any tool that is known by its name added; nothing for all others."""
    if name in ("apply_patch", "ApplyPatch", "git_apply_patch"):
        return in_patch(given if isinstance(given, str) else text_of(given, "patch", "input", "command"))
    if isinstance(given, str):
        return in_patch(given)  # some tools hand a patch to what is named after a plain edit
    path = text_of(given, "file_path", "filePath", "path", "notebook_path") or text_of(result, "filePath")
    if not path or not isinstance(given, Mapping):
        return []
    if name == "NotebookEdit":
        return [Put(path, _in_notebook(text_of(given, "new_source")))]
    final = _after(result)
    blocks = final if final is not None else list(_asked(name, given, result))
    if final is not None and isinstance(result, Mapping) and result.get("userModified") is True:
        proposed = {digest for block in _asked(name, given, None) for digest in block}
        blocks = [run for block in blocks for run in _runs_in(block, proposed)]
    return [Put(path, blocks)] if blocks else []


def _after(result: object) -> list[list[bytes]] | None:
    """What the tool says it did to the file: whole lines, and only those that changed."""
    if not isinstance(result, Mapping):
        return None
    hunks = result.get("structuredPatch")
    if isinstance(hunks, list) and hunks:
        return [block for hunk in hunks for block in _hunk(_texts(hunk, "lines"))]
    before, after = result.get("originalContent"), result.get("newContent")
    if isinstance(before, str | None) and isinstance(after, str):
        return added_blocks(before or "", after)
    return None


def _asked(name: str, given: Mapping[str, object], result: object) -> Iterator[list[bytes]]:
    """What the tool was asked to do."""
    content = next(
        (given[key] for key in ("content", "file_text", "contents") if isinstance(given.get(key), str)), None
    )
    if isinstance(content, str) and name not in ("replace", "Edit", "edit", "str_replace"):
        original = text_of(result, "originalFile", "originalContent")
        yield from added_blocks(original, content)
        return
    edits = given.get("edits")
    for edit in edits if isinstance(edits, list) else [given]:
        before = text_of(edit, "old_string", "old_str", "oldString")
        after = text_of(edit, "new_string", "new_str", "newString", "insert_text")
        all_of_them = isinstance(edit, Mapping) and edit.get("replace_all") is True
        yield from added_blocks(before, after) * (_MANY if all_of_them else 1)


def _texts(value: object, key: str) -> list[str]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _hunk(lines: Iterable[str]) -> list[list[bytes]]:
    """A hunk's new lines: what was taken away and put back as it was is not new."""
    old = "\n".join(line[1:] for line in lines if line[:1] in (" ", "-", ""))
    new = "\n".join(line[1:] for line in lines if line[:1] in (" ", "+", ""))
    return added_blocks(old, new)


def _runs_in(block: Sequence[bytes], known: set[bytes]) -> Iterator[list[bytes]]:
    run: list[bytes] = []
    for digest in block:
        if digest in known:
            run.append(digest)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _in_notebook(source: str) -> list[list[bytes]]:
    """As the lines of a notebook's file spell them."""
    lines = source.splitlines(keepends=True)
    ends = [","] * (len(lines) - 1) + [""]
    spelled = [json.dumps(line, ensure_ascii=False) + end for line, end in zip(lines, ends, strict=False)]
    return [[line_digest(line) for line in spelled]] if spelled else []


def patches_in(command: object) -> str:
    """The text of a shell command that holds a patch; empty for any other command."""
    words = command if isinstance(command, list) else [command]
    text = "\n".join(word for word in words if isinstance(word, str))
    return text if "*** Begin Patch" in text and "apply_patch" in text else ""


def in_patch(text: str) -> list[Put]:
    """Of a patch in the form that begins with `*** Begin Patch`."""
    found: list[Put] = []
    for patch in _PATCH.finditer(text):
        path, lines = "", list[str]()
        for line in (*patch[1].splitlines(), "*** Delete File: "):
            header = _FILE.match(line)
            if header is None and not line.startswith("*** Delete File"):
                lines.append(line)
            elif header and header[1] == "Move to":
                path = header[2].strip()
            else:
                if path and (blocks := _in_hunks(lines)):
                    found.append(Put(path, blocks))
                path, lines = header[2].strip() if header else "", []
    return found


def _in_hunks(lines: Sequence[str]) -> list[list[bytes]]:
    hunks: list[list[str]] = [[]]
    for line in lines:
        if line.startswith(("@@", "*** End of File")):
            hunks.append([])
        else:
            hunks[-1].append(line)
    return [block for hunk in hunks for block in _hunk(hunk)]
