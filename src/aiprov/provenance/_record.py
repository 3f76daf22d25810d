"""Log who wrote the functions that a person or a script names: one act of a model, or a person."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.provenance import _prompts, _times
from aiprov.provenance._models import normalise
from aiprov.provenance._store import (
    find_root,
    locked,
    parse_target,
    pruned,
    read_manifest,
    read_regions,
    read_source,
    resolve_commit,
    select,
    write_atomically,
    write_manifest,
)
from aiprov.provenance.sources.sidecar import SUFFIX
from aiprov.text import safe
from aiprov_runtime._functions import Region
from aiprov_runtime._manifest import Generation, Manifest, Record

EVIDENCE = "record"
_MAX_TEXT = 250


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one `record` did."""

    manifest: Manifest
    generation: Generation
    functions: tuple[str, ...]
    """As `path::qualname`."""
    sidecars: tuple[str, ...]


def record(  # noqa: PLR0913  # one parameter for each fact of the record
    targets: str | Iterable[str],
    *,
    model: str | None = None,
    tool: str | None = None,
    prompt: str | None = None,
    prompt_key: bytes | None = None,
    generated_at: str | None = None,
    commit: str | None = None,
    contributor: str = "ai",
    repo: Path | str | None = None,
    dry_run: bool = False,
) -> Manifest:
    """Record that a model wrote these files or functions, or a person; the prompt is hashed and forgotten.

    A target is `path`, `path::qualname` or `path::Class` for all its methods. Returns the manifest as it is now.
    """
    generation = describe(model=model, tool=tool, prompt=prompt, prompt_key=prompt_key, generated_at=generated_at)
    names = [targets] if isinstance(targets, str) else list(targets)
    base = Path(repo or ".")
    return record_generation(
        names, generation, commit=commit, contributor=contributor, base=base, dry_run=dry_run
    ).manifest


def describe(
    *,
    model: str | None,
    tool: str | None = None,
    prompt: str | None = None,
    prompt_key: bytes | None = None,
    generated_at: str | None = None,
) -> Generation:
    """The generation that these words describe; UsageError for words that no manifest can hold."""
    name, raw = normalise(model) if model is not None else (None, None)
    if model is not None and not (0 < len(model.strip()) <= _MAX_TEXT and model.strip().isprintable()):
        raise UsageError(f"--model must be printable text of 1 to {_MAX_TEXT} characters")
    if tool is not None and not (0 < len(tool.strip()) <= _MAX_TEXT and tool.strip().isprintable()):
        raise UsageError(f"--tool must be printable text of 1 to {_MAX_TEXT} characters")
    when = None
    if generated_at is not None:
        when = _times.from_iso(generated_at)
        if when is None or not when.endswith("Z"):
            raise UsageError("--generated-at must be a time with its zone, like 2026-11-02T10:11:12Z")
    return Generation(
        model=name,
        raw_model=raw,
        tool=tool.strip() if tool is not None else None,
        prompt_hash=None if prompt is None else _prompts.prompt_hash(prompt, key=prompt_key),
        generated_at=when,
        evidence=EVIDENCE,
    )


def record_generation(  # noqa: PLR0913  # what, where, and how it is written
    targets: list[str],
    generation: Generation,
    *,
    commit: str | None = None,
    contributor: str = "ai",
    base: Path,
    root: Path | None = None,
    dry_run: bool = False,
    sidecar: bool = False,
) -> Recorded:
    """Every target is checked before anything is written."""
    if not targets:
        raise UsageError("name at least one file or path::function")
    if contributor not in ("ai", "mixed", "human"):
        raise UsageError("--contributor must be ai, mixed or human")
    is_known = any((generation.model, generation.raw_model, generation.tool, generation.prompt_hash))
    if is_known and contributor == "human":
        raise UsageError("--contributor human takes no --model, --tool or prompt")
    root = root or find_root(base)
    if commit is not None:
        generation = _at(generation, resolve_commit(root, commit))
    sources, chosen = _choose(targets, root=root, base=base.resolve())
    if dry_run:
        manifest = _updated(read_manifest(root), chosen, generation=generation, contributor=contributor)
    else:
        with locked(root):
            manifest = _updated(read_manifest(root), chosen, generation=generation, contributor=contributor)
            write_manifest(root, manifest)
    written = [f"{path}{SUFFIX}" for path in sorted(sources)] if sidecar else []
    if sidecar and not dry_run:
        for path, source in sources.items():
            target = root / f"{path}{SUFFIX}"
            if target.is_symlink():
                raise UsageError(f"{safe(path + SUFFIX)} is a symbolic link; remove it")
            write_atomically(target, _sidecar(path, source, generation))
    functions = tuple(f"{path}::{qualname}" for path in sorted(chosen) for qualname in sorted(chosen[path]))
    return Recorded(manifest, generation, functions, tuple(written))


def _at(generation: Generation, commit: str) -> Generation:
    known = {key: value for key, value in generation.as_leaf().items() if value is not None}
    return Generation.from_leaf({**known, "commit": commit})


def _choose(targets: list[str], *, root: Path, base: Path) -> tuple[dict[str, bytes], dict[str, dict[str, Region]]]:
    sources: dict[str, bytes] = {}
    known: dict[str, dict[str, Region]] = {}
    chosen: dict[str, dict[str, Region]] = {}
    for text in targets:
        target = parse_target(text, root=root, base=base)
        if target.line is not None:
            raise UsageError(f"{safe(text)}: name a function as path::qualname, not a line")
        if target.path not in known:
            sources[target.path] = read_source(root, target.path)
            known[target.path] = read_regions(sources[target.path], target.path)
        chosen.setdefault(target.path, {}).update(select(known[target.path], target))
    return sources, chosen


def _updated(
    manifest: Manifest, chosen: dict[str, dict[str, Region]], *, generation: Generation, contributor: str
) -> Manifest:
    files = {path: dict(functions) for path, functions in manifest.files.items()}
    share = {"ai": 1.0, "human": 0.0}.get(contributor)
    by = None if contributor == "human" else generation.id
    for path, functions in chosen.items():
        into = files.setdefault(path, {})
        for qualname, region in functions.items():
            into[qualname] = Record(contributor, by, share, region.code_hash)
    return pruned(Manifest({**manifest.generations, generation.id: generation}, files))


def _sidecar(path: str, source: bytes, generation: Generation) -> bytes:
    facts = {
        "code_hash": hashlib.sha256(source).hexdigest(),
        "file": path.rpartition("/")[2],
        "generated_at": generation.generated_at,
        "model": generation.model or generation.raw_model,
        "prompt_hash": generation.prompt_hash,
    }
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
