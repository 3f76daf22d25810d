"""Records from a file into the manifest: one's own, as a manifest or exported, and Agent Trace by other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance._scan import scan
from aiprov.provenance._store import read_manifest
from aiprov.provenance.agent_trace._format import Own, parse
from aiprov.provenance.sources import CommitSource
from aiprov.provenance.sources._all import in_repository
from aiprov.provenance.sources.agent_trace import AgentTraces
from aiprov.text import safe
from aiprov_runtime._manifest import Generation, Manifest, Record, check_path, dumps, load, merge, merge_records

MAX_BYTES = 256 * 1024 * 1024
_JSON = (".json", ".jsonl")


@dataclass(frozen=True, slots=True)
class Imported:
    """A manifest that nobody has written yet, and what the file held."""

    manifest: Manifest
    functions: int
    """In records of aiprov's own."""
    generations: int
    ranges: int
    """In traces by other tools; they are looked for in the history."""
    ignored: tuple[str, ...]


def import_file(root: Path, file: Path) -> Imported:
    """The manifest with the file's records added; UsageError for a file that holds none, or one that clashes."""
    data = _read(file)
    name = safe(file.name)
    is_json = file.suffix in _JSON or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    if not is_json:
        own, ranges = load(data, name=name), 0
    else:
        parsed = parse(data)
        own, ranges = manifest_of(parsed.own, name=name), len(parsed.spans)
        if not parsed.own and not ranges:
            raise UsageError(f"{name}: neither a manifest nor a file of Agent Trace records with ranges")
    found = scan(Repository.discover(root), commit_sources=tuple(_sources(file))) if ranges else None
    held = found.manifest if found else read_manifest(root)
    manifest = _merged(held, own, name=name)
    return Imported(
        manifest, sum(map(len, own.files.values())), len(own.generations), ranges, found.ignored if found else ()
    )


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise UsageError(f"{safe(str(file))}: no such file")
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"{safe(file.name)}: larger than {MAX_BYTES >> 20} MiB")
    return data


def _sources(file: Path) -> Iterable[CommitSource]:
    """Those of every scan, so that it finds what it found before."""
    for source in in_repository():
        yield AgentTraces(files=(file,)) if isinstance(source, AgentTraces) else source


def _merged(held: Manifest, own: Manifest, *, name: str) -> Manifest:
    for key in held.generations.keys() & own.generations.keys():
        if held.generations[key] != own.generations[key]:
            raise UsageError(
                f"{name}: generation {safe(key)} is another one in this repository; one of them was edited"
            )
    manifest = merge(held, own)
    dumps(manifest)  # refuses what no reader would take back
    return manifest


def manifest_of(own: Iterable[Own], *, name: str) -> Manifest:
    """From an exported trace's metadata; UsageError for what no manifest holds."""
    generations: dict[str, Generation] = {}
    files: dict[str, dict[str, Record]] = {}
    try:
        for one in own:
            if one.id is not None:
                _check_same(generations, one.id, Generation.from_leaf(one.generation or {}))
            for path, functions in one.functions.items():
                check_path(path)
                _add(files.setdefault(path, {}), functions)
    except ValueError as error:
        raise UsageError(f"{name}: {safe(str(error))}; export it again") from None
    return Manifest(generations, files)


def _check_same(into: dict[str, Generation], key: str, generation: Generation) -> None:
    if into.setdefault(key, generation) != generation:
        raise ValueError(f"generation {key} stands twice with different content")


def _add(into: dict[str, Record], functions: Mapping[str, dict[str, object]]) -> None:
    for qualname, leaf in functions.items():
        record = Record.from_leaf(leaf)
        into[qualname] = merge_records(into[qualname], record) if qualname in into else record
