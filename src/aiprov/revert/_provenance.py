"""The manifest after a revert: the reverted functions' records are those of the code that came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiprov_runtime._manifest import Generation, Manifest, Record


@dataclass(frozen=True, slots=True)
class Returned:
    """One function whose code came back: its name today, and its name and record in the manifest of then."""

    path: str
    qualname: str
    record: Record | None
    generations: tuple[tuple[str, Generation], ...] = ()


def returned(path: str, qualname: str, *, then: Manifest | None, then_path: str, then_qualname: str) -> Returned:
    record = then.files.get(then_path, {}).get(then_qualname) if then else None
    if then is None or record is None:
        return Returned(path, qualname, None)
    kept = [(g, then.generations[g]) for g in _references(record) if g in then.generations]
    return Returned(path, qualname, record, tuple(kept))


def with_records(manifest: Manifest, functions: Sequence[Returned]) -> Manifest:
    """The manifest with these records; generations that only a replaced record named are dropped."""
    files = {path: dict(records) for path, records in manifest.files.items()}
    generations = dict(manifest.generations)
    freed: set[str] = set()
    for function in functions:
        records = files.setdefault(function.path, {})
        replaced = records.pop(function.qualname, None)
        freed.update(_references(replaced) if replaced else ())
        if function.record is not None:
            records[function.qualname] = function.record
        generations |= dict(function.generations)
    needed = {g for records in files.values() for record in records.values() for g in _references(record)}
    return Manifest(
        {key: value for key, value in generations.items() if key in needed or key not in freed},
        {path: records for path, records in files.items() if records},
    )


def _references(record: Record) -> Iterator[str]:
    if record.generation:
        yield record.generation
    yield from record.other_generations
