"""Entries that no `aiprov` has written: a manifest that can be read, and still cannot be true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from aiprov.check._findings import Finding
from aiprov.check._lines import ManifestLines
from aiprov.provenance._scan import AI_SHARE
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record

_CODE_HASH = re.compile(r"[0-9a-f]{16}")
_PROMPT_HASH = re.compile(r"(?:hmac-)?sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOCALS = "<locals>"


def invalid_entries(manifest: Manifest, lines: ManifestLines) -> Iterator[Finding]:
    for key, generation in manifest.generations.items():
        for problem in _of_generation(key, generation):
            message = f"generation {key}: {problem}"
            yield Finding(kind="invalid", message=message, path=MANIFEST_PATH, line=lines.generation(key))
    for path, functions in manifest.files.items():
        for qualname, record in functions.items():
            for problem in _of_record(path, qualname, record, manifest):
                yield Finding(
                    kind="invalid",
                    message=problem,
                    function=f"{path}::{qualname}",
                    path=MANIFEST_PATH,
                    line=lines.record(path, qualname),
                )


def _of_generation(key: str, generation: Generation) -> Iterator[str]:
    if key != generation.id:
        yield f"not as it was written: its content makes {generation.id}; restore it from git"
    if generation.prompt_hash and not _PROMPT_HASH.fullmatch(generation.prompt_hash):
        yield "prompt_hash is no hash, and a prompt must not stand here; run `aiprov record` again"
    if generation.commit and not _COMMIT.fullmatch(generation.commit):
        yield "commit is no full commit id; restore it from git"


def _of_record(path: str, qualname: str, record: Record, manifest: Manifest) -> Iterator[str]:
    if not path.endswith(".py"):
        yield "not a Python file, and only functions in .py files are recorded; delete the line"
    if not is_qualname(qualname):
        yield "no function can have this name; delete the line"
    if record.code_hash is not None and not _CODE_HASH.fullmatch(record.code_hash):
        yield "code_hash is not 16 hex digits; run `aiprov scan`"
    named = [id_ for id_ in (record.generation, *record.other_generations) if id_]
    for id_ in named:
        if id_ not in manifest.generations:
            yield f"names generation {id_}, which is not in the manifest; restore it from git"
    if problem := _contributor_problem(record, has_generation=bool(named)):
        yield f"{problem}; run `aiprov scan`, or `aiprov record` to say who wrote it"


def _contributor_problem(record: Record, *, has_generation: bool) -> str | None:
    share = record.ai_lines
    who = record.contributor
    if who in ("ai", "mixed") and not has_generation:
        return f"contributor {who} without a generation"
    if who in ("human", "unknown"):
        if has_generation:
            return f"contributor {who} with a generation"
        return f"contributor {who} with ai_lines {share}" if share else None
    if share is None or (who == "mixed" and (share > 0 or record.generation is None)):
        return None  # lines that are a model's in part make much of little; two branches' records share the lower share
    return None if who == "ai" and share >= AI_SHARE else f"contributor {who} with ai_lines {share}"


def is_qualname(name: str) -> bool:
    """Whether CPython gives such a name to a function or a module, as `co_qualname` has it."""
    if name == MODULE:
        return True
    parts = name.split(".")
    if not (parts[0].isidentifier() and parts[-1].isidentifier()):
        return False
    return all(part.isidentifier() or part == _LOCALS for part in parts) and (_LOCALS, _LOCALS) not in pairwise(parts)
