"""The manifest as Agent Trace records: line ranges for everybody, and our own words so that nothing is lost.

One record for each generation, and one for functions that no generation is known of. Ranges count lines at HEAD, and
only where the function there is still the one that was recorded.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance._store import read_manifest
from aiprov.provenance._text import MAX_SOURCE
from aiprov.provenance.agent_trace._format import METADATA
from aiprov_runtime._functions import Region, regions
from aiprov_runtime._manifest import VERSION, Generation, Manifest, Record

SPECIFICATION = "0.1.0"
_NAMES = uuid.uuid5(uuid.NAMESPACE_DNS, "agent-trace.aiprov.dev")
_Functions = dict[str, dict[str, Record]]


@dataclass(frozen=True, slots=True)
class Range:
    start: int
    end: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the records refer to."""

    commit: str
    times: Mapping[str, str]
    """By commit, that of HEAD among them."""
    ranges: Mapping[tuple[str, str], Sequence[Range]]
    """By path and qualname; absent where HEAD's code is not the recorded one."""


@dataclass(frozen=True, slots=True)
class Exported:
    revision: str
    lines: tuple[str, ...]
    """One record of JSON each."""
    functions: int
    without_range: tuple[str, ...]
    """Functions, as `path::qualname`, that stand in the records' metadata only."""


def export(root: Path) -> Exported:
    """Nothing is written."""
    manifest = read_manifest(root)
    repository = Repository.discover(root)
    commit = repository.resolve("HEAD")
    if commit is None:
        raise UsageError("there is no commit yet, and the ranges of a trace count lines of a commit; commit first")
    head = Head(commit, _read_times(repository), dict(_read_ranges(repository, commit, manifest)))
    places = [(path, name) for path, functions in sorted(manifest.files.items()) for name in sorted(functions)]
    return Exported(
        revision=commit,
        lines=tuple(json.dumps(record, ensure_ascii=True) for record in records_of(manifest, head)),
        functions=len(places),
        without_range=tuple(f"{path}::{name}" for path, name in places if (path, name) not in head.ranges),
    )


def _read_times(repository: Repository) -> dict[str, str]:
    listed = repository.run("log", "--no-show-signature", "--format=%H %at", "HEAD").decode("ascii", "replace")
    pairs = (line.partition(" ") for line in listed.splitlines())
    return {commit: time for commit, _, at in pairs if (time := _times.from_epoch(at))}


def _read_ranges(
    repository: Repository, commit: str, manifest: Manifest
) -> Iterator[tuple[tuple[str, str], tuple[Range, ...]]]:
    for path, records in manifest.files.items():
        source = repository.read(commit, path)
        try:
            found = regions(source) if source is not None and len(source) <= MAX_SOURCE else {}
        except SyntaxError:
            continue
        lines = (source or b"").split(b"\n")
        own = _own_lines(found, lines)
        for qualname, record in records.items():
            if qualname in own and record.code_hash in (None, found[qualname].code_hash):
                yield (path, qualname), tuple(_ranges(own[qualname], lines))


def _own_lines(found: Mapping[str, Region], lines: Sequence[bytes]) -> dict[str, list[int]]:
    """Each line belongs to the innermost function around it; blank ones to nobody."""
    owners: dict[int, str] = {}
    spans = [(start, end, name) for name, region in found.items() for start, end in region.spans]
    for start, end, name in sorted(spans, key=lambda span: span[0] - span[1]):
        owners |= dict.fromkeys(range(start, min(end, len(lines)) + 1), name)
    own: dict[str, list[int]] = defaultdict(list)
    for number in sorted(owners):
        if lines[number - 1].strip():
            own[owners[number]].append(number)
    return own


def _ranges(numbers: Sequence[int], lines: Sequence[bytes]) -> Iterator[Range]:
    """Runs of lines, over the blank ones among them."""
    start = end = numbers[0]
    for number in (*numbers[1:], None):
        if number is not None and not any(line.strip() for line in lines[end : number - 1]):
            end = number
            continue
        text = b"\n".join(lines[start - 1 : end])
        yield Range(start, end, f"sha256:{hashlib.sha256(text).hexdigest()}")
        start = end = number or 0


def records_of(manifest: Manifest, head: Head) -> Iterator[dict[str, object]]:
    """In the order of their generations; what no generation is known of comes last."""
    functions: dict[str | None, _Functions] = defaultdict(lambda: defaultdict(dict))
    for path, found in sorted(manifest.files.items()):
        for qualname, record in sorted(found.items()):
            known = record.generation if record.generation in manifest.generations else None
            functions[known][path][qualname] = record
    for key, generation in sorted(manifest.generations.items()):
        yield _record(key, generation, functions.get(key, {}), head)
    if None in functions:
        yield _record(None, Generation(), functions[None], head)


def _record(key: str | None, generation: Generation, functions: _Functions, head: Head) -> dict[str, object]:
    ours: dict[str, object] = {"manifest": VERSION}
    if key is not None:
        ours |= {"id": key, "generation": generation.as_leaf()}
    ours["functions"] = {path: {name: r.as_leaf() for name, r in found.items()} for path, found in functions.items()}
    record: dict[str, object] = {
        "version": SPECIFICATION,
        "timestamp": _time(generation, head),
        "vcs": {"type": "git", "revision": head.commit},
        **({"tool": {"name": generation.tool, "version": "unknown"}} if generation.tool else {}),
        "files": [
            {"path": path, "conversations": conversations}
            for path, found in functions.items()
            if (conversations := list(_conversations(path, found, generation, head)))
        ],
        "metadata": {METADATA: ours},
    }
    content = json.dumps(record, sort_keys=True, ensure_ascii=True)
    return {"version": record.pop("version"), "id": str(uuid.uuid5(_NAMES, content)), **record}


def _conversations(
    path: str, functions: Mapping[str, Record], generation: Generation, head: Head
) -> Iterator[dict[str, object]]:
    """One for each kind of contributor, since a record has one generation."""
    for kind in sorted({record.contributor for record in functions.values()}):
        names = [name for name, record in functions.items() if record.contributor == kind]
        found = sorted((r for name in names for r in head.ranges.get((path, name), ())), key=lambda r: r.start)
        contributor = {"type": kind} | ({"model_id": generation.model} if generation.model else {})
        ranges = [{"start_line": r.start, "end_line": r.end, "content_hash": r.content_hash} for r in found]
        if ranges:
            yield {"contributor": contributor, "ranges": ranges}


def _time(generation: Generation, head: Head) -> str:
    """When it was written, else when it was committed, else when HEAD was."""
    written = _times.from_iso(generation.generated_at or "")
    if written and written.endswith("Z"):
        return written
    return head.times.get(generation.commit or "") or head.times.get(head.commit, "1970-01-01T00:00:00Z")
