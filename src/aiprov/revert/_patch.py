"""A patch in git's own form, made byte for byte."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository

_CONTEXT = 3
Opcode = tuple[str, int, int, int, int]
"""`difflib`'s: what to do, then the lines of old and new that it covers."""

_SPECIAL = re.compile(rb'[\x00-\x1f\x7f"\\]')
_ESCAPES = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def diff(path: str, before: bytes, after: bytes) -> bytes:
    """A unified diff that `git apply` takes; empty where nothing differs."""
    # Latin-1 keeps every byte, so difflib can be handed text.
    old, new = (_lines(data.decode("latin-1")) for data in (before, after))
    if old == new:
        return b""
    groups = _groups(_opcodes(old, new))
    left, right = (_quoted(f"{side}/{path}") for side in "ab")
    tab = b"\t" if b" " in left and not left.startswith(b'"') else b""
    head = b"diff --git %b %b\n--- %b%b\n+++ %b%b\n" % (left, right, left, tab, right, tab)
    return head + b"".join(_hunk(group, old, new) for group in groups)


def _lines(text: str) -> list[str]:
    """Lines as git counts them: only a line feed ends one."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [tail for tail in text.split("\n")[-1:] if tail]


def _opcodes(old: list[str], new: list[str]) -> list[Opcode]:
    """What differs, the equal head and tail of the file cut off first: that is most of it."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    middle = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes()]
    ends = ("equal", len(old) - tail, len(old), len(new) - tail, len(new))
    merged: list[Opcode] = []
    for opcode in [("equal", 0, head, 0, head), *middle, ends]:
        if merged and merged[-1][0] == opcode[0]:
            merged[-1] = (opcode[0], merged[-1][1], opcode[2], merged[-1][3], opcode[4])
        else:
            merged.append(opcode)
    return merged


def _groups(opcodes: Sequence[Opcode]) -> list[list[Opcode]]:
    """Hunks: changes with up to three equal lines around them, joined where those would touch."""
    groups: list[list[Opcode]] = []
    current: list[Opcode] = []
    before: Opcode | None = None
    for opcode in opcodes:
        tag, a, b, c, d = opcode
        if tag != "equal":
            current += [before] if before else []
            current.append(opcode)
            before = None
            continue
        start = b - _CONTEXT if b - a > _CONTEXT else a
        if current and b - a > 2 * _CONTEXT:
            groups.append([*current, (tag, a, a + _CONTEXT, c, c + _CONTEXT)])
            current = []
        before = opcode if current else (tag, start, b, d - (b - start), d)
    if current and before:
        tag, a, b, c, _ = before
        kept = min(b - a, _CONTEXT)
        current.append((tag, a, a + kept, c, c + kept))
    return [*groups, current] if current else groups


def _hunk(group: Sequence[Opcode], old: list[str], new: list[str]) -> bytes:
    first, last = group[0], group[-1]
    ranges = _range(first[1], last[2]), _range(first[3], last[4])
    parts = [b"@@ -%b +%b @@\n" % ranges]
    for tag, a, b, c, d in group:
        if tag == "equal":
            parts += [_marked(b" ", line) for line in old[a:b]]
        else:
            parts += [_marked(b"-", line) for line in old[a:b]]
            parts += [_marked(b"+", line) for line in new[c:d]]
    return b"".join(parts)


def _range(start: int, stop: int) -> bytes:
    count = stop - start
    return b"%d,%d" % (start + 1 if count else start, count)


def _marked(sign: bytes, line: str) -> bytes:
    data = sign + line.encode("latin-1")
    return data if data.endswith(b"\n") else data + b"\n\\ No newline at end of file\n"


def _quoted(path: str) -> bytes:
    raw = os.fsencode(path)
    if not _SPECIAL.search(raw):
        return raw
    return b'"' + _SPECIAL.sub(lambda found: _ESCAPES.get(found[0][0], b"\\%03o" % found[0][0]), raw) + b'"'


def check(repository: Repository, patch: bytes) -> None:
    """Have git itself say whether the patch applies; against the index, which is as clean and runs no filter."""
    if not patch:
        return
    try:
        repository.run("apply", "--check", "--cached", "--whitespace=nowarn", "-", data=patch)
    except GitError as error:
        raise UsageError(f"the patch does not apply ({error}); update the work tree and try again") from None
