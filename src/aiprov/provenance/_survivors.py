"""Recorded functions that somebody edited since: the lines that are still as recorded keep their record."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from aiprov.git import Repository
from aiprov.provenance._text import plain_bytes
from aiprov.provenance.lines._code import Code
from aiprov.provenance.lines._judge import AI_SHARE
from aiprov_runtime._manifest import Manifest, Record

MAX_VERSIONS = 50
MAX_LINES = 5000


def with_survivors(repository: Repository, manifest: Manifest, *, hashes: Mapping[str, Mapping[str, str]]) -> Manifest:
    """Stale records brought up to date, where an earlier version is the recorded one and at least half of it is left.

    Whoever wrote the other lines is not known, so they are nobody's.
    """
    files = dict(manifest.files)
    for path, functions in manifest.files.items():
        now = hashes.get(path, {})
        stale = {name: record for name, record in functions.items() if record.code_hash and name in now}
        stale = {name: record for name, record in stale.items() if record.code_hash != now[name]}
        if stale:
            files[path] = functions | _mended(repository, path, stale)
    return manifest._replace(files=files)


def _mended(repository: Repository, path: str, stale: Mapping[str, Record]) -> dict[str, Record]:
    today = _code(plain_bytes(repository.root, path))
    if today is None or repository.resolve("HEAD") is None:
        return {}
    waiting = dict(stale)
    mended: dict[str, Record] = {}
    for source, code in _versions(repository, path):
        for name, record in list(waiting.items()):
            if name in code.functions and code.code_hash(name) == record.code_hash:
                del waiting[name]
                if found := _left(record, _lines(source, code, name), _lines(*today, name)):
                    mended[name] = found._replace(code_hash=today[1].code_hash(name))
        if not waiting:
            break
    return mended


def _left(record: Record, before: list[bytes], now: list[bytes]) -> Record | None:
    if not now or max(len(before), len(now)) > MAX_LINES:
        return None
    blocks = difflib.SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
    left = sum(block.size for block in blocks)
    share = left / len(now)
    # The line that names the function is hardly ever touched, so it is left out of what must have stayed.
    if left - 1 < (len(before) - 1) / 2 or (record.contributor == "human" and share < AI_SHARE):
        return None
    ai_lines = None if record.ai_lines is None else round(record.ai_lines * share, 4)
    certain = share if record.contributor == "human" or ai_lines is None else ai_lines
    return record._replace(contributor=record.contributor if certain >= AI_SHARE else "mixed", ai_lines=ai_lines)


def _versions(repository: Repository, path: str) -> Iterator[tuple[bytes, Code]]:
    """The file's committed versions, the newest first."""
    commits = repository.run("log", "--format=%H", f"-{MAX_VERSIONS}", "--no-show-signature", "HEAD", "--", path)
    for commit in commits.decode().split():
        if code := _code(repository.read(commit, path)):
            yield code


def _code(source: bytes | None) -> tuple[bytes, Code] | None:
    try:
        return None if source is None else (source, Code(source))
    except SyntaxError:
        return None


def _lines(source: bytes, code: Code, name: str) -> list[bytes]:
    """The function's lines that hold logic, whatever their indentation."""
    text = source.split(b"\n")
    return [text[line - 1].strip() for line, owner in code.counted() if owner == name]
