"""Which commits a model had a hand in, and which of them somebody reviewed, as a trailer in the message says."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from aiprov.git import Repository
from aiprov.provenance._models import normalise
from aiprov.provenance.sources.trailers import MAX_MESSAGE, PRODUCTS, tool_of_email

_CHUNK = 10_000
_IDENTITY = re.compile(r"([^<>]*)<\s*([^<>\s]+)\s*>")


@dataclass(frozen=True, slots=True)
class Reviews:
    """Of the commits that were asked about."""

    subjects: dict[str, str]
    """In the order asked."""
    reviewed: frozenset[str]


def read_reviews(repository: Repository, commits: Collection[str], *, trailer: str) -> Reviews:
    """Squash merges leave trailers in the middle of a message, so every line of it counts."""
    pattern = re.compile(rf"[ \t]{{0,12}}(?:[-*][ \t]+)?{re.escape(trailer)}[ \t]*:[ \t]*(\S.*)", re.IGNORECASE)
    subjects: dict[str, str] = {}
    reviewed: set[str] = set()
    wanted = list(commits)
    for start in range(0, len(wanted), _CHUNK):
        output = repository.run(
            *("log", "--no-walk=unsorted", "--stdin", "-z", "--no-show-signature", "--no-notes"),
            *("--encoding=UTF-8", "--format=%H%n%B"),
            data="".join(f"{commit}\n" for commit in wanted[start : start + _CHUNK]).encode(),
        )
        for entry in output.decode("utf-8", "replace").split("\0"):
            commit, _, message = entry.partition("\n")
            lines = message[:MAX_MESSAGE].splitlines()
            subjects[commit] = lines[0] if lines else ""
            if any((found := pattern.fullmatch(line.rstrip())) and _is_person(found[1]) for line in lines):
                reviewed.add(commit)
    return Reviews(subjects, frozenset(reviewed))


def _is_person(identity: str) -> bool:
    """Nobody whom an AI tool's address or name gives away."""
    found = _IDENTITY.match(identity)
    name = (found[1] if found else identity).strip()
    if found and tool_of_email(found[2]):
        return False
    return name.lower() not in PRODUCTS and normalise(name)[0] is None
