"""What triage answers, as values."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiprov.triage._change import State
from aiprov.triage._codebase import Change
from aiprov.triage._executed import Ran
from aiprov.triage._resolve import How, Scope
from aiprov.triage._verdict import Verdict
from aiprov_runtime._manifest import Generation

Tier = Literal["on_stack", "near_stack", "executed"]
SHORT = 12


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; times are naive UTC."""

    since: datetime | None = None
    until: datetime | None = None
    baseline_since: datetime | None = None
    baseline_until: datetime | None = None
    release: str | None = None
    baseline_release: str | None = None
    requests: tuple[float, float] | None = None
    """Requests served in the incident and in the baseline."""
    environment: str | None = None
    scope: Scope = field(default_factory=Scope)
    top: int = 10


@dataclass(frozen=True, slots=True)
class Period:
    since: datetime | None
    until: datetime | None
    release: str | None
    revision: str | None
    events: int
    units: float

    @property
    def short(self) -> str | None:
        return None if self.revision is None else self.revision[:SHORT]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A function by a model that the excess passes through or stands beside, or that ran before it."""

    function: str
    contributor: str
    model: str | None
    models: tuple[str, ...]
    tool: str | None
    prompt_hash: str | None
    generation: str | None
    """Its id in the manifest of the revision that was running."""
    state: Literal["verified", "stale", "unverified"]
    verdict: Verdict
    reason: str
    """Why the verdict is not higher, empty where nothing holds it down."""
    tier: Tier
    score: float
    explained_share: float
    through: float
    rate: float
    """Probability that the rate more than doubled."""
    rate_ratio: float
    rate_ratio_at_least: float
    q: float
    specificity: float
    change: float
    changed: State
    units_incident: float
    units_baseline: float
    actors: int | None
    """Distinct users, or hosts where no user is known; only counted for what is named."""
    resolved_by: How
    linked: str | None
    """For one that is not on the stack: the function there that it stands beside."""
    last_change: Change | None
    revert_to: str | None
    last_recorded: bool | None = None
    """Whether a model's work is recorded for the last change; None where records do not name their commits."""
    last_generation: Generation | None = None
    """That of the last change, which need not be the one that wrote the most."""
    ran: Ran | None = None
    """For one of the tier `executed`: in which traces it ran."""
    refusal: str = ""
    """Why `aiprov revert` would refuse the command as things are, empty where it would not or nobody asked."""

    @property
    def revert(self) -> str | None:
        if self.revert_to is None or (self.changed == "new" and self.refusal):
            return None
        return f"aiprov revert {quoted(self.function)} --to {self.revert_to}"


def quoted(text: str) -> str:
    """In single quotes always, so that the command looks the same for every function."""
    plain = shlex.quote(text)
    return plain if plain != text else f"'{text}'"


@dataclass(frozen=True, slots=True)
class Timeline:
    since: datetime
    until: datetime
    units: tuple[float, ...]
    released: datetime | None
    """When the incident's release was first seen."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Shares of the excess on code that no record says a model wrote."""

    human: float = 0.0
    unrecorded: float = 0.0
    third_party: float = 0.0
    unresolved: float = 0.0

    @property
    def total(self) -> float:
        return min(1.0, self.human + self.unrecorded + self.third_party + self.unresolved)


@dataclass(frozen=True, slots=True)
class Spike:
    verdict: Verdict
    reason: str
    """Why nothing is named; empty where a suspect is."""
    incident: Period
    baseline: Period
    proposed: bool
    exposure: Literal["requests", "duration"]
    exposure_ratio: float
    dispersion: float
    excess: float
    unexplained: Unexplained
    leading: str | None
    """The function that carries most of the excess, whoever wrote it."""
    suspects: tuple[Suspect, ...]
    considered: tuple[Suspect, ...]
    """Functions by a model on the incident's stacks that are not named, with the reason."""
    timeline: Timeline | None
    notes: tuple[str, ...]
    """What is not known, one line each."""

    @property
    def explained(self) -> bool:
        return self.verdict != "none" and self.unexplained.total <= 0.5  # noqa: PLR2004  # half of it
