"""The words of the verdict, by rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from aiprov.triage._score import CHANGED, UNCHANGED, Scored

Verdict = Literal["strong", "likely", "possible", "none"]
ORDER: tuple[Verdict, ...] = ("none", "possible", "likely", "strong")
Q_STRONG, Q = 0.01, 0.05
_RATIO_STRONG = 3.0
_SHARE_STRONG, _SHARE_LIKELY, _SHARE = 0.5, 0.25, 0.05
_UNITS, _ACTORS = 5, 3
MOSTLY = 0.5
LEAD = 0.15
"""Share of the excess that the first suspect must carry for any to be named."""


def judge(scored: Scored, *, actors: int | None, is_deployed: bool) -> tuple[Verdict, str]:
    """The verdict for a function by a model and, where it is "none", why; `actors` are its users or hosts, if known.

    Where something was deployed between the windows, code that did not change has no regression to revert. Of 54 real
    culprits on a stack none stood deeper than third from the raise, while every fourth was on no stack at all.
    """
    why_not = _why_not(scored, is_deployed=is_deployed)
    if why_not:
        return "none", why_not
    if scored.change < CHANGED or scored.share < _SHARE_LIKELY:
        return "possible", ""
    breadth = scored.incident >= _UNITS and (actors is None or actors >= _ACTORS)
    sure = scored.q <= Q_STRONG and scored.rate.at_least >= _RATIO_STRONG and scored.share >= _SHARE_STRONG
    return ("strong" if sure and breadth else "likely"), ""


def _why_not(scored: Scored, *, is_deployed: bool) -> str | None:
    reasons = (
        (scored.through <= 0, "no error beyond what the baseline expects passes through it"),
        (scored.q > Q, f"the rise is within the usual ups and downs (q = {scored.q:.2f})"),
        (scored.rival is not None, f"{scored.rival} is on the same stacks and fits the rise better"),
        (is_deployed and scored.change <= UNCHANGED, "its code is as in the baseline, so a revert changes nothing"),
        (scored.inner <= MOSTLY, "it stands far above the point where the errors are raised"),
        (scored.share < _SHARE, f"it carries only {scored.share:.0%} of the excess"),
    )
    return next((text for applies, text in reasons if applies), None)


def highest(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=ORDER.index, default="none")


def at_most(verdict: Verdict, limit: Verdict) -> Verdict:
    return min(verdict, limit, key=ORDER.index)


def lowered(verdict: Verdict) -> Verdict:
    """One step down, but a named suspect stays named."""
    return verdict if verdict in ("none", "possible") else ORDER[ORDER.index(verdict) - 1]
