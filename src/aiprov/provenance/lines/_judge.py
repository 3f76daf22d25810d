"""From the words on a function's lines to a record: three values, and unknown is one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from aiprov.provenance.sources import Line
from aiprov_runtime._manifest import Generation, Record

AI_SHARE = 0.95
MAX_OTHERS = 50

Word = tuple[int, Line]
"""What the strongest source that speaks of a line says, with that source's strength."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What evidence of this strength makes of a function today."""

    strength: int
    record: Record
    generations: tuple[Generation, ...] = ()


@dataclass(slots=True)
class Tally:
    """How a function's lines were judged."""

    lines: int = 0
    ai: Counter[Generation] = field(default_factory=Counter)
    """Lines by generation, each as far as it is the model's."""
    certain: int = 0
    """Lines that are a model's as a whole."""
    human: int = 0
    """Lines that a record gives to a person."""
    strength: int | None = None
    """Of the weakest source that had a say."""

    def add(self, word: Word | None, lines: int = 1) -> None:
        self.lines += lines
        if word is None or word[1].weight <= 0:
            return
        strength, line = word
        if line.generation is not None:
            # Whole numbers of ten thousandths, so that the sum does not hang on its order.
            self.ai[line.generation] += lines * min(round(line.weight * 10_000), 10_000)
            self.certain += lines if line.weight >= 1 else 0
        elif line.weight >= 1:
            self.human += lines
        else:
            return
        self.strength = strength if self.strength is None else min(self.strength, strength)


def claim_of(tally: Tally, code_hash: str, *, order: Mapping[str, int]) -> Claim | None:
    """The generation with most lines leads, the newest of equals; None where there is nothing to record."""
    if tally.strength is None:
        return None
    if not tally.ai:
        enough = tally.human >= AI_SHARE * tally.lines
        return Claim(tally.strength, Record("human", None, None, code_hash)) if enough else None
    newest = len(order)
    counts = sorted(tally.ai.items(), key=lambda n: (-n[1], order.get(n[0].commit or "", newest), id_of(n[0])))
    generations = tuple(generation for generation, _ in counts[: MAX_OTHERS + 1])
    record = Record(
        contributor="ai" if tally.certain >= AI_SHARE * tally.lines else "mixed",
        generation=id_of(generations[0]),
        ai_lines=round(sum(tally.ai.values()) / (10_000 * tally.lines), 4),
        code_hash=code_hash,
        other_generations=tuple(sorted(map(id_of, generations[1:]))),
    )
    return Claim(tally.strength, record, generations)


@lru_cache(4096)
def id_of(generation: Generation) -> str:
    return generation.id
