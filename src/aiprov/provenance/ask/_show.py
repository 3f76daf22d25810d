"""What the manifest says of a file's functions, held against the file as it is."""

from __future__ import annotations

from pathlib import Path

from aiprov.errors import UsageError
from aiprov.provenance._collector import without_collector
from aiprov.provenance._store import Target, parse_target, read_manifest, read_source, select
from aiprov.provenance._text import link_in
from aiprov.provenance.ask._today import Provenance, Source, provenance_of
from aiprov.text import safe
from aiprov_runtime._functions import Region, region_at, regions
from aiprov_runtime._manifest import Manifest, Record


def show(target: str, *, root: Path, base: Path, prompt_url: str | None = None) -> tuple[Provenance, ...]:
    """Every function of a file, those without a record too, and of a directory those with one.

    UsageError where the target names none.
    """
    manifest = read_manifest(root)
    wanted = parse_target(target, root=root, base=base.resolve())
    chosen: dict[str, list[str]]
    if wanted.name is None and wanted.line is None and _is_directory(root, wanted.path, manifest):
        below = "" if wanted.path == "." else f"{wanted.path}/"
        chosen = {path: sorted(manifest.files[path]) for path in sorted(manifest.files) if path.startswith(below)}
    else:
        chosen = {wanted.path: _choose(wanted, root, manifest.files.get(wanted.path, {}), target)}
    found: list[Provenance] = []
    with without_collector():
        for path, names in chosen.items():
            source = Source(root, path)
            found += (provenance_of(path, n, manifest=manifest, source=source, prompt_url=prompt_url) for n in names)
    return tuple(found)


def _is_directory(root: Path, path: str, manifest: Manifest) -> bool:
    if path == ".":
        return True
    if (root / path).is_dir():
        if link := link_in(root, path):
            raise UsageError(f"{safe(link)} is a symbolic link; name what it points to")
        return True
    return not (root / path).exists() and any(known.startswith(f"{path}/") for known in manifest.files)


def _choose(wanted: Target, root: Path, records: dict[str, Record], target: str) -> list[str]:
    source = Source(root, wanted.path).data
    if source is None and not records:
        read_source(root, wanted.path)  # says what it is instead
    functions: dict[str, Region] = {}
    if source is not None and wanted.path.endswith(".py"):
        functions = _regions(source)
    if not functions and not records:
        raise UsageError(f"{safe(wanted.path)}: no functions can be read from it; name a valid Python file")
    if wanted.line is not None:
        return _at_line(functions, wanted.line, source or b"", where=safe(target))
    places = {name: region.start for name, region in functions.items()}
    names = sorted(functions.keys() | records.keys(), key=lambda name: (places.get(name, 1 << 60), name))
    if wanted.name is None:
        return names
    if wanted.name in names:
        return [wanted.name]
    inside = [name for name in names if name.startswith(f"{wanted.name}.")]  # of a class, be it gone
    if not inside and not functions:
        raise UsageError(f"{safe(wanted.path)}: no record of {safe(wanted.name)}, and no functions can be read from it")
    return inside or list(select(functions, wanted))


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
