"""What the tools of coding agents put into files, from one call of theirs: shared by transcripts and hooks.

Nothing here imports more than the standard library has at hand, because a hook waits for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aiprov.provenance.edits._edits import added_blocks, line_digest

_PATCH = re.compile(r"^\*\*\* Begin Patch[ \t]*\r?\n(.*?)^\*\*\* End Patch", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"^\*\*\* (Add File|Update File|Delete File|Move to): (.+)", re.MULTILINE)
# A call that replaces all occurrences does not say how many there were.
_MANY = 20
_REPLACING = frozenset({"replace", "Edit", "edit", "str_replace"})


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


def calls_of(name: str, given: object, result: object = None, *, now: str = "") -> list[Put]:
    """What a call of an editing tool added; `now` is the file's text after it, where that is known."""
    if name in ("apply_patch", "ApplyPatch", "git_apply_patch"):
        return in_patch(_patch_of(given))
    if isinstance(given, str):
        return in_patch(given)  # some tools hand a patch to what is named after a plain edit
    path = text_of(given, "file_path", "filePath", "path", "notebook_path") or text_of(result, "filePath")
    if not isinstance(given, Mapping):
        return []
    if not path:  # several files at once, each replacement with its own
        parts = [part for part in edits_in(given) if part is not given and text_of(part, "filePath")]
        return [put for part in parts for put in calls_of(name, part, now=now)]
    if name == "NotebookEdit":
        return [Put(path, _in_notebook(text_of(given, "new_source")))]
    final = _after(result)
    blocks = final if final is not None else list(_asked(name, given, result, now))
    if final is not None and isinstance(result, Mapping) and result.get("userModified") is True:
        proposed = {digest for block in _asked(name, given, None, now) for digest in block}
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


def _asked(name: str, given: Mapping[str, object], result: object, now: str) -> Iterator[list[bytes]]:
    """What the tool was asked to do."""
    if content := whole_file(name, given):
        yield from added_blocks(text_of(result, "originalFile", "originalContent"), content)
        return
    for edit in edits_in(given):
        everywhere = isinstance(edit, Mapping) and (edit.get("replace_all") or edit.get("replaceAll")) is True
        before, after = replaced(edit)
        found = list(_whole_lines(before, after, now)) if now and after else []
        if not found or (len(found) > 1 and not everywhere):
            found = [(before, after)] * (_MANY if everywhere else 1)
        for old, new in found:
            yield from added_blocks(old, new)


def whole_file(name: str, given: object) -> str:
    """The text of a call that gives all of a file; empty for one that replaces parts of it."""
    return "" if name in _REPLACING else text_of(given, "content", "file_text", "contents")


def edits_in(given: object) -> list[object]:
    """Where a call holds several replacements, these."""
    for key in ("edits", "replacements"):
        found = given.get(key) if isinstance(given, Mapping) else None
        if isinstance(found, list):
            return found
    return [given]


def replaced(edit: object) -> tuple[str, str]:
    """Text before and after; a completion names its whole lines too."""
    before = text_of(edit, "old_line", "old_string", "old_str", "oldString")
    return before, text_of(edit, "new_line", "new_string", "new_str", "newString", "insert_text")


def _whole_lines(before: str, after: str, now: str) -> Iterator[tuple[str, str]]:
    """Both with the rest of the lines that they begin and end in, for each place where the text is now."""
    at = now.find(after)
    while at >= 0:
        start, end = now.rfind("\n", 0, at) + 1, now.find("\n", at + len(after))
        head, tail = now[start:at], now[at + len(after) : end if end >= 0 else len(now)]
        yield head + before + tail, head + after + tail
        at = now.find(after, at + len(after))


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


def paths_in_patch(given: object) -> list[str]:
    """The files that a patch leaves behind it."""
    return list(
        dict.fromkeys(header[2].strip() for header in _FILE.finditer(_patch_of(given)) if header[1] != "Delete File")
    )


def _patch_of(given: object) -> str:
    return given if isinstance(given, str) else text_of(given, "patch", "input", "command")


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
