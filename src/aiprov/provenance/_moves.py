"""Records whose function is no longer where it was: they move along with its code, or go."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.provenance._text import is_plain, plain_bytes
from aiprov.provenance.lines._code import Code
from aiprov.provenance.lines._outline import Today
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import Manifest, Record

Place = tuple[str, str]
_DEF = re.compile(rb"\bdef\s+([\w\x80-\xff]+)")


@dataclass(frozen=True, slots=True)
class Moved:
    gone: frozenset[Place]
    """Where a record's function is no more."""
    places: dict[Place, Record]
    """Where its code is now, with the hash it has there."""
    origins: dict[Place, Place]
    """For each of these where it was before."""


def follow_moves(
    root: Path,
    held: Manifest,
    python: Sequence[str],
    *,
    absent: Collection[str] = (),
    names: Callable[[str], Collection[str] | None] | None = None,
) -> Moved:
    """A record moves where one place fits best that has its code, and no record of its own that fits it.

    `names` gives a file's functions where the caller knows them, None for what cannot be parsed.
    """
    names = names or Today(root).names
    gone = {place: record for place, record in _gone(root, held, names) if place[0] not in absent}
    if not gone:
        return Moved(frozenset(), {}, {})
    places: dict[Place, list[Place]] = {place: [] for place in gone}
    hashes: dict[Place, str] = {}
    for path in python:
        wanted = {place: record for place, record in gone.items() if record.code_hash}
        source = plain_bytes(root, path) or b""
        defined = set(_DEF.findall(source))
        wanted = {place: record for place, record in wanted.items() if _may_hold(defined, path, place)}
        code = _parsed(source) if wanted else None
        if code is None:
            continue
        free = [name for name in code.functions if _is_free(code, name, held.files.get(path, {}).get(name))]
        for place, record in wanted.items():
            for name in free:
                if _is_same(code, name, place, record, same_file=path == place[0]):
                    places[place].append((path, name))
                    hashes[path, name] = code.code_hash(name)
    single = dict(_best_fits(places))
    claimed = Counter(single.values())
    origins = {to: place for place, to in single.items() if claimed[to] == 1}
    return Moved(frozenset(gone), {to: _at(gone[place], hashes[to]) for to, place in origins.items()}, origins)


def _is_free(code: Code, name: str, record: Record | None) -> bool:
    """After a merge, a function that one branch renamed and the other changed has the first one's record, now stale."""
    return record is None or (record.code_hash is not None and record.code_hash != code.code_hash(name))


def _best_fits(places: dict[Place, list[Place]]) -> Iterator[tuple[Place, Place]]:
    """The same qualname before another, and the file where most of the old file's functions are before others."""
    shared = Counter((place[0], path) for place, found in places.items() for path in {to[0] for to in found})
    for place, found in places.items():
        ranks = {to: (to[1] == place[1], shared[place[0], to[0]]) for to in found}
        first = max(ranks.values(), default=None)
        best = [to for to, rank in ranks.items() if rank == first]
        if len(best) == 1:
            yield place, best[0]


def _gone(root: Path, held: Manifest, names: Callable[[str], Collection[str] | None]) -> Iterator[tuple[Place, Record]]:
    for path, functions in held.files.items():
        present: Collection[str] | None = ()
        if is_plain(root, path):
            present = names(path) if path.endswith(".py") else None
        if present is None:
            continue  # nothing can be said of a file that does not parse
        for qualname, record in functions.items():
            if qualname not in present:
                yield (path, qualname), record


def _at(record: Record, code_hash: str) -> Record:
    return Record(record.contributor, record.generation, record.ai_lines, code_hash, record.other_generations)


def _parsed(source: bytes) -> Code | None:
    try:
        return Code(source)
    except SyntaxError:
        return None


def _may_hold(defined: set[bytes], path: str, place: Place) -> bool:
    """Without parsing: a function keeps its name on the way to another file, and may lose it within its own."""
    return path == place[0] or place[1] == MODULE or _last(place[1]).encode() in defined


def _is_same(code: Code, name: str, place: Place, record: Record, *, same_file: bool) -> bool:
    old = _last(place[1])
    if MODULE in (name, place[1]):
        return name == place[1] and code.code_hash(name) == record.code_hash
    if _last(name) != old and not same_file:
        return False
    return code.code_hash_as(name, old) == record.code_hash


def _last(qualname: str) -> str:
    return qualname.rpartition(".")[2]
