"""What came of it: the error rate before, during and after, and what a program is told."""

from __future__ import annotations

from aiprov.demo._story import REVERTED, Outcome
from aiprov.demo._tell import Tell
from aiprov.demo._traffic import Phase

CLEAN, NOT_RECOVERED = 0, 3


def conclude(outcome: Outcome, *, tell: Tell) -> int:
    """Tell the end as it is; the exit code."""
    phases = [phase for phase in (outcome.before, outcome.during, outcome.after) if phase is not None]
    tell.step("Before, during, after")
    tell.bars([(p.release, f"{p.errors:>5,} of {p.requests:,} failed  {p.rate:>6.1%}", p.rate) for p in phases])
    well = outcome.recovered and is_alone(outcome)
    tell.end(*verdict(outcome), well=well)
    return CLEAN if well else NOT_RECOVERED


def is_alone(outcome: Outcome) -> bool:
    """Nothing but the suspect differs after the revert; true where nothing was reverted."""
    return outcome.suspect is None or outcome.reverted <= {outcome.suspect.function}


def verdict(outcome: Outcome) -> tuple[str, ...]:
    bad, suspect = outcome.during.release, outcome.suspect
    added = outcome.during.errors - outcome.before.errors
    if not outcome.rose:
        return (f"{bad} fails no more often than the release before it:", "there is nothing to revert.")
    if suspect is None:
        return (
            f"No function is named firmly enough to revert it (verdict: {outcome.spike.verdict}).",
            f"Nothing was reverted; the {added:,} errors that {bad} added are still there.",
        )
    if outcome.after is None:
        return (f"{suspect.function} cannot be put back by itself:", f"{bad} is still failing.")
    if not is_alone(outcome):
        return (f"{REVERTED} changes more than {suspect.function}:", ", ".join(sorted(outcome.reverted)))
    if not outcome.recovered:
        left = outcome.after.errors - outcome.before.errors
        return (
            "The error rate is not back at its baseline:",
            f"{left:,} of the {added:,} errors that {bad} added are left.",
        )
    kept = len(outcome.changed - outcome.reverted)
    return (
        "The error rate is back at its baseline.",
        f"{bad} changed {len(outcome.changed)} functions: {len(outcome.reverted)} is reverted, {kept} are still there.",
    )


def payload(outcome: Outcome) -> dict[str, object]:
    """The same for `--json`."""
    suspect, event = outcome.suspect, outcome.event
    return {
        "before": _phase(outcome.before),
        "during": _phase(outcome.during),
        "after": None if outcome.after is None else _phase(outcome.after),
        "event": None if event is None else {"type": event.error(), "release": event.release, "tags": event.aiprov},
        "verdict": outcome.spike.verdict,
        "suspect": None
        if suspect is None
        else {
            "function": suspect.function,
            "model": suspect.model,
            "prompt_hash": suspect.prompt_hash,
            "revert": suspect.revert,
        },
        "changed": sorted(outcome.changed),
        "reverted": sorted(outcome.reverted),
        "recovered": outcome.recovered and is_alone(outcome),
        "says": " ".join(verdict(outcome)),
    }


def _phase(phase: Phase) -> dict[str, object]:
    return {
        "release": phase.release,
        "requests": phase.requests,
        "errors": phase.errors,
        "seconds": round(phase.seconds, 3),
    }
