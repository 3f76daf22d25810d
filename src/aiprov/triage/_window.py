"""Which events are the incident and which the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

import numpy as np
from scipy import special

BUCKETS = 120
_PRIOR = 0.5
_MIN_BEFORE = 6
_MIN_GAIN = 6.0
"""Log of how much better two rates must fit than one."""


class Side(IntEnum):
    BASELINE = 0
    INCIDENT = 1


@dataclass(frozen=True, slots=True)
class Window:
    """Half open: from `since` to just before `until`, and only events of `served` where that is set."""

    since: datetime | None = None
    until: datetime | None = None
    release: str | None = None
    """The release's name, for people."""
    served: tuple[int, ...] | None = None

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds() if self.since and self.until else 0.0


@dataclass(frozen=True, slots=True)
class Windows:
    incident: Window
    baseline: Window
    proposed: bool = False
    """Found by changepoint, not given."""

    def side_sql(self) -> tuple[str, dict[str, object]]:
        """1 for the incident, 0 for the baseline, null for neither; reads `ts` and `release` (a number)."""
        incident, values = _condition(self.incident, prefix="i")
        baseline, more = _condition(self.baseline, prefix="b")
        return f"case when {incident} then 1 when {baseline} then 0 end", values | more


def _condition(window: Window, *, prefix: str) -> tuple[str, dict[str, object]]:
    parts: list[str] = []
    values: dict[str, object] = {}
    if window.since is not None:
        parts.append(f"ts >= ${prefix}_since")
        values[f"{prefix}_since"] = window.since
    if window.until is not None:
        parts.append(f"ts < ${prefix}_until")
        values[f"{prefix}_until"] = window.until
    if window.served is not None:
        parts.append(f"list_contains(${prefix}_served::integer[], release)")
        values[f"{prefix}_served"] = list(window.served)
    return f"({' and '.join(parts) or 'false'})", values


@dataclass(frozen=True, slots=True)
class Rise:
    """Buckets [start, end) whose rate lies above the rest."""

    start: int
    end: int


def find_rise(counts: Sequence[float]) -> Rise | None:
    """The most probable stretch of a raised rate, under gamma-Poisson rates and a uniform prior; None for none.

    A stretch that ends before the data does is two changepoints; one that lasts is one.
    """
    series = np.asarray(counts, dtype=float)
    size, total = len(series), float(series.sum())
    if size <= _MIN_BEFORE or not total:
        return None
    series = series / _overdispersion(series)
    total = float(series.sum())
    prefix = np.concatenate([[0.0], np.cumsum(series)])
    start, end = np.triu_indices(size + 1, k=1)
    keep = start >= _MIN_BEFORE
    start, end = start[keep], end[keep]
    before, inside, after = prefix[start], prefix[end] - prefix[start], total - prefix[end]
    length, rest = (end - start).astype(float), (size - end).astype(float)
    mean = total / size
    fit_before, fit_inside, fit_after = (
        _marginal(count, time, mean) for count, time in ((before, start), (inside, length), (after, rest))
    )
    gain = fit_before + fit_inside - _marginal(before + inside, start + length, mean)
    rises = (inside / length > before / start) & (inside * rest >= after * length) & (gain > _MIN_GAIN)
    lasts = end == size
    prior = -np.log(2.0 * np.where(lasts, lasts.sum(), max(1, (~lasts).sum())))
    fit = np.where(rises, fit_before + fit_inside + fit_after + prior, -np.inf)
    if not rises.any() or special.logsumexp(fit) - _marginal(prefix[-1:], np.array([size]), mean)[0] < _MIN_GAIN / 2:
        return None
    best = int(np.argmax(fit))
    return Rise(int(start[best]), int(end[best]))


def _overdispersion(series: np.ndarray) -> float:
    """How much neighbouring buckets differ beyond Poisson; a single step hardly moves it."""
    steps = np.diff(series) ** 2 / 2
    usual = float(np.mean(np.sort(steps)[: max(1, int(len(steps) * 0.95))]))
    return max(1.0, usual / max(float(np.mean(series)), 1e-9))


def _marginal(count: np.ndarray, time: np.ndarray, mean: float) -> np.ndarray:
    """Log marginal likelihood of counts under a Gamma(1/2) prior on their rate, without what all models share."""
    rate = _PRIOR / mean
    fit: np.ndarray = (
        _PRIOR * np.log(rate)
        - special.gammaln(_PRIOR)
        + special.gammaln(_PRIOR + count)
        - (_PRIOR + count) * np.log(rate + time)
    )
    return fit
