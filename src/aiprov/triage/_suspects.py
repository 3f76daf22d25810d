"""Suspects, with all that a person needs to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import duckdb

from aiprov.triage import _executed, _near, _units, _verdict
from aiprov.triage._change import Changes
from aiprov.triage._provenance import Provenance
from aiprov.triage._resolve import Resolver
from aiprov.triage._responsibility import Shape
from aiprov.triage._results import SHORT, Suspect, Tier
from aiprov.triage._score import CHANGED, Board, Scored
from aiprov.triage._units import Served
from aiprov.triage._verdict import Verdict
from aiprov.triage._window import Window

_DESCRIBED = 50
_PREEXISTING = "its code did not change between the windows; look for data, traffic, a dependency, configuration"
_UNKNOWN = "it is not known whether its code changed between the windows"


@dataclass(frozen=True, slots=True)
class Finder:
    board: Board
    shapes: Sequence[Shape]
    provenance: Provenance
    changes: Changes
    resolver: Resolver

    def all(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Suspect]:
        """Every function by a model on the incident's stacks, best first."""
        ours = [one for key, one in self.board.functions.items() if self.provenance.is_ai(key) and one.incident]
        ours.sort(key=lambda one: (-one.score, one.q, -one.depth, one.key))
        for scored in ours[:_DESCRIBED]:
            actors = None
            verdict, reason = _verdict.judge(scored, actors=None, is_deployed=self._is_deployed)
            if verdict != "none":
                actors = _units.actors(connection, self._shapes_with(scored.key))
                verdict, reason = _verdict.judge(scored, actors=actors, is_deployed=self._is_deployed)
            reason = reason or self._why_low(scored, verdict)
            yield self._suspect(scored.key, scored, verdict=verdict, reason=reason, actors=actors)

    def _shapes_with(self, key: str) -> list[int]:
        return [i for i, shape in enumerate(self.shapes) if any(key == other for other, _ in shape.weights)]

    @property
    def _is_deployed(self) -> bool:
        """Whether the two windows ran different revisions."""
        return self.changes.baseline not in (None, self.provenance.revision)

    def near(self, revision: str | None) -> list[Suspect]:
        if revision is None:
            return []
        found = _near.near(
            self.board, shapes=self.shapes, changes=self.changes, revision=revision, is_ai=self.provenance.is_ai
        )
        return [
            self._suspect(
                one.key,
                one.linked,
                verdict="possible",
                reason=f"not on the stack: {one.relation} as {one.linked.key}"
                if one.relation == "same class"
                else f"not on the stack: {one.relation}, {one.linked.key}",
                actors=None,
                near=one,
            )
            for one in found
        ]

    def executed(
        self,
        connection: duckdb.DuckDBPyConnection,
        revision: str | None,
        *,
        window: Window,
        find: Callable[[str | None, str | None], Served],
        environment: str | None,
    ) -> list[Suspect]:
        """For where nothing on the stacks or beside them is named; empty where no trace says what ran in it."""
        if revision is None or not _executed.is_recorded(connection):
            return []
        is_ai = self.provenance.is_ai
        is_open = _executed.is_open(
            self.board, shapes=self.shapes, changes=self.changes, revision=revision, is_ai=is_ai
        )
        if not is_open:
            return []
        served = [find(*pair) for pair in _executed.releases(connection)]
        company = _executed.company(
            connection,
            served=[(one.release, one.manifest) for one in served if one.revision == revision and not one.assumed],
            window=window,
            shapes=_executed.risen(self.board, self.shapes),
            environment=environment,
        )
        found = _executed.executed(company, board=self.board, changes=self.changes, revision=revision, is_ai=is_ai)
        return [self._that_ran(one) for one in found]

    def _that_ran(self, one: _executed.Ran) -> Suspect:
        beside = _near.Near(one.key, one.leading, relation="", score=one.score)
        suspect = self._suspect(one.key, one.leading, verdict="possible", reason=one.words, actors=None, near=beside)
        return replace(suspect, tier="executed", linked=None, q=one.q, ran=one)

    def _why_low(self, scored: Scored, verdict: Verdict) -> str:
        if verdict != "possible" or scored.change >= CHANGED:
            return ""
        state = self.changes.state(scored.key, self.provenance.revision)
        return {"unchanged": _PREEXISTING, "unknown": _UNKNOWN}.get(
            state, "a part of its errors is from a release whose code did not change"
        )

    def _suspect(
        self,
        key: str,
        scored: Scored,
        *,
        verdict: Verdict,
        reason: str,
        actors: int | None,
        near: _near.Near | None = None,
    ) -> Suspect:
        revision = self.provenance.revision
        record = self.provenance.record(key)
        generation = None if record is None else self.provenance.generation(record)
        region = None if revision is None else self.changes.region(key, revision)
        path = key.partition("::")[0]
        tier: Tier = "on_stack" if near is None else "near_stack"
        last_change, recorded, made = None, None, None
        if verdict != "none" and revision is not None and region is not None:
            last_change = self.provenance.codebase.last_change(revision, path, region)
        if record and last_change:
            recorded, made = self.provenance.changed_by(record, last_change.commit)
        return Suspect(
            function=key,
            contributor=record.contributor if record else "unknown",
            model=generation.model if generation else None,
            models=generation.models if generation else (),
            tool=generation.tool if generation else None,
            prompt_hash=generation.prompt_hash if generation else None,
            generation=record.generation if record else None,
            state=_state(record.code_hash if record else None, region.code_hash if region else None),
            verdict=verdict,
            reason=reason,
            tier=tier,
            score=scored.score if near is None else near.score,
            explained_share=scored.share if near is None else 0.0,
            through=scored.through if near is None else 0.0,
            rate=scored.rate.doubled,
            rate_ratio=scored.rate.ratio,
            rate_ratio_at_least=scored.rate.at_least,
            q=scored.q,
            specificity=scored.specificity,
            change=scored.change if near is None else 1.0,
            changed=self.changes.state(key, revision),
            units_incident=scored.incident if near is None else 0.0,
            units_baseline=scored.baseline if near is None else 0.0,
            actors=actors,
            resolved_by=self.resolver.how(key),
            linked=None if near is None else near.linked.key,
            last_change=last_change,
            last_recorded=recorded,
            last_generation=made,
            revert_to=None if self.changes.baseline is None else self.changes.baseline[:SHORT],
        )


def _state(recorded: str | None, running: str | None) -> Literal["verified", "stale", "unverified"]:
    if recorded is None or running is None:
        return "unverified"
    return "verified" if recorded == running else "stale"
