"""Whether a count rose by more than its usual ups and downs, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scipy import special

_Key = TypeVar("_Key")
PRIOR = 0.5
UNKNOWN_DISPERSION = 0.5
MIN_BUCKETS = 12
_MIN_MEAN = 0.2


@dataclass(frozen=True, slots=True)
class Exposure:
    """Requests where they are known, else seconds."""

    incident: float
    baseline: float

    @property
    def ratio(self) -> float:
        return self.incident / self.baseline

    def expected(self, baseline_units: float) -> float:
        return (baseline_units + PRIOR) * self.ratio


@dataclass(frozen=True, slots=True)
class Rate:
    """The rise of one function's units over its baseline."""

    ratio: float
    """Point estimate of incident rate over baseline rate."""
    at_least: float
    """The ratio's 5 % quantile."""
    doubled: float
    """Probability that the rate more than doubled."""
    p: float


def dispersion(series: Sequence[Sequence[float]]) -> float:
    """Variance beyond Poisson, relative to the squared mean, pooled over fingerprints cut into equal buckets."""
    excess = squares = 0.0
    for counts in series:
        mean = sum(counts) / len(counts)
        if len(counts) >= MIN_BUCKETS and mean >= _MIN_MEAN:
            variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
            excess += max(0.0, variance - mean)
            squares += mean * mean
    return excess / squares if squares else UNKNOWN_DISPERSION


def p_value(incident: float, baseline: float, *, exposure: Exposure, alpha: float) -> float:
    """P(negative binomial >= incident) around the rate of the baseline, whose own uncertainty widens it."""
    if incident <= 0:
        return 1.0
    mean = exposure.expected(baseline)
    size = 1 / (alpha + 1 / (baseline + PRIOR))
    return float(special.betainc(incident, size, mean / (mean + size)))


def rate(incident: float, baseline: float, *, exposure: Exposure, alpha: float, usual: float) -> Rate:
    """`usual` is the mean baseline rate of a function; it says how much a rate is worth before any event."""
    prior = PRIOR / usual
    shape_i, shape_b = PRIOR + incident, PRIOR + baseline
    time_i, time_b = prior + exposure.incident, prior + exposure.baseline
    # The ratio of two gamma rates is a scaled beta variable over one minus itself.
    below = float(special.betainc(shape_i, shape_b, 2 * time_i / (2 * time_i + time_b)))
    quantile = float(special.betaincinv(shape_i, shape_b, 0.05))
    at_least = math.inf if quantile >= 1 else quantile / (1 - quantile) * time_b / time_i
    ratio = (incident + PRIOR) / exposure.incident / ((baseline + PRIOR) / exposure.baseline)
    return Rate(ratio, at_least, 1 - below, p_value(incident, baseline, exposure=exposure, alpha=alpha))


def benjamini_hochberg(p_values: Mapping[_Key, float]) -> dict[_Key, float]:
    """The false-discovery rate at which each would be accepted."""
    order = sorted(p_values, key=lambda key: p_values[key], reverse=True)
    adjusted: dict[_Key, float] = {}
    smallest = 1.0
    for rank, key in zip(range(len(order), 0, -1), order, strict=True):
        smallest = min(smallest, p_values[key] * len(order) / rank)
        adjusted[key] = smallest
    return adjusted


def specificity(fingerprints: int, containing: int) -> float:
    """1 for a function of one fingerprint, near 0 for one that every error passes through."""
    return math.log((1 + fingerprints) / containing) / math.log(1 + fingerprints)
