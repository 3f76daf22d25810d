"""What the manifest says of a file's functions, held against the file as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.provenance._store import parse_target, read_manifest, select
from aiprov.provenance._text import plain_bytes
from aiprov.text import safe
from aiprov_runtime._functions import Region, region_at, regions
from aiprov_runtime._manifest import Generation, Manifest, Record

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Provenance:
    """One function: what is known of it, and whether that is still so."""

    function: str
    """As `path::qualname`."""
    contributor: str
    model: str | None = None
    models: tuple[str, ...] = ()
    """Of every generation that wrote part of it."""
    tool: str | None = None
    prompt_hash: str | None = None
    generated_at: str | None = None
    evidence: str | None = None
    ai_lines: float | None = None
    state: str | None = None
    """`verified`, `stale` or `unverified`; None without a record."""
    commit: str | None = None


def show(target: str, *, root: Path, base: Path) -> tuple[Provenance, ...]:
    """Every function that a target names, those without a record too; UsageError where it names none."""
    manifest = read_manifest(root)
    wanted = parse_target(target, root=root, base=base.resolve())
    records = manifest.files.get(wanted.path, {})
    source = plain_bytes(root, wanted.path)
    if source is None and not records:
        raise UsageError(f"{safe(wanted.path)}: no such Python file, and no record of it")
    functions: dict[str, Region] = {}
    if source is not None and wanted.path.endswith(".py"):
        functions = _regions(source)
    if not functions and not records:
        raise UsageError(f"{safe(wanted.path)}: no functions can be read from it; name a valid Python file")
    names: list[str]
    if wanted.line is not None:
        names = _at_line(functions, wanted.line, source or b"", where=safe(target))
    elif wanted.name is not None and wanted.name not in records:
        names = list(select(functions, wanted))
    elif wanted.name is not None:
        names = [wanted.name]
    else:
        places = {name: region.start for name, region in functions.items()}
        names = sorted(functions.keys() | records.keys(), key=lambda name: (places.get(name, 1 << 60), name))
    return tuple(_describe(wanted.path, name, manifest, functions) for name in names)


def _regions(source: bytes) -> dict[str, Region]:
    try:
        return regions(source)
    except SyntaxError:
        return {}


def _at_line(functions: dict[str, Region], line: int, source: bytes, *, where: str) -> list[str]:
    found = region_at(functions, line)
    if found is None or not 0 < line <= len(source.splitlines()):
        raise UsageError(f"{where}: the file has no such line, or is not valid Python")
    return [found.qualname]


def _describe(path: str, qualname: str, manifest: Manifest, functions: dict[str, Region]) -> Provenance:
    name = f"{path}::{qualname}"
    record = manifest.files.get(path, {}).get(qualname)
    if record is None:
        return Provenance(name, UNKNOWN)
    main = manifest.generations.get(record.generation or "") or Generation()
    others = [manifest.generations[g] for g in record.other_generations if g in manifest.generations]
    models = {model for g in (main, *others) for model in (g.model, *g.models) if model}
    return Provenance(
        function=name,
        contributor=record.contributor,
        model=main.model,
        models=tuple(sorted(models)),
        tool=main.tool,
        prompt_hash=main.prompt_hash,
        generated_at=main.generated_at,
        evidence=main.evidence,
        ai_lines=record.ai_lines,
        state=_state(record, functions.get(qualname), parsed=bool(functions)),
        commit=main.commit,
    )


def _state(record: Record, region: Region | None, *, parsed: bool) -> str:
    if record.code_hash is None or not parsed:
        return "unverified"
    return "verified" if region is not None and region.code_hash == record.code_hash else "stale"
