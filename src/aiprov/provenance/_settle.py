"""Today's claims against the records that are held: which of them the next manifest takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiprov.provenance._moves import Moved
from aiprov.provenance._store import pruned
from aiprov.provenance.lines._judge import Claim, id_of
from aiprov_runtime._manifest import Generation, Manifest, Record

Place = tuple[str, str]
HELD = 30
"""Of records whose evidence this version does not know: somebody put them there who did."""
_HUMAN = 35
"""Of a derived record of a person, which does not say what it was derived from: the weakest that could tell."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What this scan could read, so that its word on a function is all there is."""

    order: Mapping[str, int]
    spoke: Mapping[str, Collection[str]]
    """By source the commits that it said something about."""
    shared: frozenset[str]
    """Sources that say the same in every clone that has them at all."""
    always: frozenset[str]
    """Sources that no clone is without."""
    strengths: Mapping[str, int]

    def covers(self, record: Record, generations: Sequence[Generation]) -> bool:
        if generations:
            return all(map(self._covers, generations))
        return is_derived_human(record) and any(self.spoke.get(name) for name in self.shared - self.always)

    def _covers(self, generation: Generation) -> bool:
        name, commit = generation.evidence or "", generation.commit
        if commit not in self.order:
            return False
        spoke = self.spoke.get(name, ())
        return name in self.always or (bool(spoke) if name in self.shared else commit in spoke)

    def strength(self, record: Record, generations: Sequence[Generation]) -> int:
        if is_derived_human(record):
            return _HUMAN
        # The strongest it was made of: a clone without that source must not take turns with one that has it.
        return max((self.strengths.get(g.evidence or "", HELD) for g in generations), default=self.strengths["record"])


def is_derived_human(record: Record) -> bool:
    """Whoever records a person's work says that no line is a model's; lines with words say that of most only."""
    return record.contributor == "human" and record.ai_lines is None and record.generation is None


def settle(
    held: Manifest,
    claims: Mapping[Place, Sequence[Claim]],
    *,
    hashes: Mapping[str, Mapping[str, str]],
    moved: Moved,
    seen: Seen,
) -> Manifest:
    """Held records that still fit compete with today's claims; one that does not gives way, or stays as it was.

    `hashes` holds the files that could be read, with today's functions that have a record or a claim.
    """
    generations = dict(held.generations)
    files: dict[str, dict[str, Record]] = {}
    for (path, qualname), found in sorted(claims.items()):
        best = max(found, key=lambda claim: claim.strength)
        files.setdefault(path, {})[qualname] = best.record
        generations |= {id_of(generation): generation for generation in best.generations}
    for path, qualname, record in _held_records(held, moved):
        named = [held.generations[g] for g in (record.generation, *record.other_generations) if g in held.generations]
        if path in hashes and seen.covers(record, named):
            continue
        rivals = claims.get((path, qualname), ())
        fits = path not in hashes or record.code_hash is None or (path, qualname) in moved.places
        if fits or record.code_hash == hashes[path].get(qualname):
            if all(seen.strength(record, named) > rival.strength for rival in rivals):
                files.setdefault(path, {})[qualname] = record
        elif not rivals and not is_derived_human(record):
            files.setdefault(path, {})[qualname] = record  # with its old hash, so that everybody sees it is stale
    return pruned(Manifest(generations, files))


def _held_records(held: Manifest, moved: Moved) -> Iterator[tuple[str, str, Record]]:
    for path, functions in held.files.items():
        for qualname, record in functions.items():
            if (path, qualname) not in moved.gone:
                yield path, qualname, record
    for (path, qualname), record in moved.places.items():
        yield path, qualname, record
