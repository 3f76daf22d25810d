"""A patch in git's own form, made byte for byte."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository

_CONTEXT = 3
_SPECIAL = re.compile(rb'[\x00-\x1f\x7f"\\]')
_ESCAPES = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def diff(path: str, before: bytes, after: bytes) -> bytes:
    """A unified diff that `git apply` takes; empty where nothing differs."""
    # Latin-1 keeps every byte, so difflib can be handed text.
    old, new = (_lines(data.decode("latin-1")) for data in (before, after))
    groups = _groups(old, new)
    if not groups:
        return b""
    left, right = (_quoted(f"{side}/{path}") for side in "ab")
    tab = b"\t" if b" " in left and not left.startswith(b'"') else b""
    head = b"diff --git %b %b\n--- %b%b\n+++ %b%b\n" % (left, right, left, tab, right, tab)
    return head + b"".join(_hunk(group, old, new) for group in groups)


def _lines(text: str) -> list[str]:
    """Lines as git counts them: only a line feed ends one."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [tail for tail in text.split("\n")[-1:] if tail]


def _groups(old: list[str], new: list[str]) -> list[list[tuple[str, int, int, int, int]]]:
    """Changed blocks with their context; the equal head and tail are cut off first, which is most of a file."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
    head, tail = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    return [
        [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in group]
        for group in matcher.get_grouped_opcodes(_CONTEXT)
    ]


def _hunk(group: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> bytes:
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
    """Have git itself say whether the patch applies to the work tree."""
    if not patch:
        return
    try:
        repository.run("apply", "--check", "--whitespace=nowarn", "-", data=patch)
    except GitError as error:
        raise UsageError(f"the patch does not apply ({error}); update the work tree and try again") from None
