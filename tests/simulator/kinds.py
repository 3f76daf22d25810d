"""The sorts of incident that triage is measured on, and how it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
from simulator.incidents import Kind, play

from aiprov.triage._spike import UNTUNED, Tuning

AT_FAULT = {
    "any callers": Kind(),
    "traffic x3": Kind(traffic=3.0),
    "people's functions above": Kind(callers="human"),
    "models' functions above": Kind(callers="ai"),
    "new functions": Kind(is_new=True),
    "rolling deploy": Kind(rolling=True),
    "four releases": Kind(releases=4),
    "two culprits": Kind(culprits=2),
    "storm beside it": Kind(storm="incident"),
    "no users known": Kind(users=False),
    "no window given": Kind(windows=False, traffic=1.0),
    "7 of 10 recorded": Kind(recorded=0.7),
}
BY_PEOPLE = {
    "any callers": Kind(culprit="human"),
    "models' functions above": Kind(culprit="human", callers="ai"),
    "traffic x3": Kind(culprit="human", traffic=3.0),
    "rolling deploy": Kind(culprit="human", rolling=True),
    "two culprits": Kind(culprit="human", culprits=2),
}
NO_CULPRIT = {
    "traffic as before": Kind(culprit=None, traffic=1.0),
    "traffic x3": Kind(culprit=None, traffic=3.0),
    "middleware by a model": Kind(culprit=None, middleware=True),
    "storm on a model's function": Kind(culprit=None, storm="incident"),
    "storm, no users known": Kind(culprit=None, storm="incident", users=False),
    "no window given": Kind(culprit=None, windows=False, traffic=1.0),
}
HARD = {
    "culprit by people, not on the stack": Kind(culprit="human", on_stack=False),
    "a dependency fails": Kind(culprit=None, outage=True),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """`right`: a culprit by a model came first, where there was one; `alarms`: something was named where none was."""

    culprits: int = 0
    right: int = 0
    others: int = 0
    alarms: int = 0

    def __add__(self, other: Tally) -> Tally:
        mine = (self.culprits, self.right, self.others, self.alarms)
        return Tally(
            *(a + b for a, b in zip(mine, (other.culprits, other.right, other.others, other.alarms), strict=True))
        )

    @property
    def found(self) -> float:
        return self.right / self.culprits if self.culprits else float("nan")

    @property
    def alarmed(self) -> float:
        return self.alarms / self.others if self.others else float("nan")


def tally(kinds: Iterable[Kind], seeds: Iterable[int], *, tuning: Tuning = UNTUNED) -> Tally:
    """Play every kind on its share of the seeds."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return sum((_one(connection, kind, seed, tuning) for kind, seed in _cycle(list(kinds), seeds)), Tally())


def _cycle(kinds: list[Kind], seeds: Iterable[int]) -> Iterator[tuple[Kind, int]]:
    return ((kinds[index % len(kinds)], seed) for index, seed in enumerate(seeds))


def _one(connection: duckdb.DuckDBPyConnection, kind: Kind, seed: int, tuning: Tuning) -> Tally:
    incident, found = play(connection, kind, seed, tuning)
    first = found.suspects[0].function if found.suspects else None
    if incident.named:
        return Tally(culprits=1, right=first in incident.named)
    return Tally(others=1, alarms=first is not None)
