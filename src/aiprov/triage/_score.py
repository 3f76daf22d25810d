"""Who carries the excess: every function of ours on the stacks, human-written ones too, judged by one rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiprov.triage import _evidence
from aiprov.triage._evidence import Exposure, Rate
from aiprov.triage._responsibility import THIRD_PARTY, Shape
from aiprov.triage._units import Group
from aiprov.triage._window import Side

_FLOOR = 1e-9
_BUSY = 0.25
"""What a function keeps of its fit where its own many errors hide whether its rate doubled."""
CHANGED = 0.9
"""From here on a change factor counts as "the code changed"."""
UNCHANGED = 0.2
"""Up to here it counts as "the code did not change"."""
_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """One function's factors; `score` is their product."""

    key: str
    incident: float
    """Units that pass through it."""
    baseline: float
    share: float
    """Of the excess, weighed against every other function on the same stacks."""
    through: float
    """Share of the excess whose stacks pass through it at all."""
    rate: Rate
    q: float
    specificity: float
    change: float
    depth: float
    """Mean share by position alone, for ties."""
    inner: float
    """Share of its excess where it is among the three functions nearest to the raise."""
    rival: str | None
    """The function not written by a model that fits most of its excess better, if there is one."""
    led_by_change: float
    """Share of its excess where the best-fitting function is one whose code changed."""

    @property
    def score(self) -> float:
        return self.share * self.rate.doubled * self.specificity * self.change


@dataclass(frozen=True, slots=True)
class Board:
    functions: Mapping[str, Scored]
    excess: float
    excess_by_shape: Mapping[int, float]
    incident: float
    baseline: float


@dataclass(frozen=True, slots=True)
class Model:
    """The parts that an ablation switches off."""

    exposure: bool = True
    specificity: bool = True
    change: bool = True


FULL = Model()


def score(  # noqa: PLR0913  # what the model knows, each named
    groups: Sequence[Group],
    *,
    shapes: Sequence[Shape],
    exposure: Exposure,
    alpha: float,
    change: Callable[[str, int], float],
    is_ai: Callable[[str], bool],
    model: Model = FULL,
) -> Board:
    """`change` takes a function and the number of the release that an event came from."""
    if not model.exposure:
        exposure = Exposure(1.0, 1.0)
    counts = _Counts(groups, shapes)
    of_one = {
        fingerprint: _evidence.p_value(incident, baseline, exposure=exposure, alpha=alpha)
        for fingerprint, (baseline, incident) in counts.by_fingerprint.items()
    }
    rates, q = _rates(counts, of_one, exposure=exposure, alpha=alpha)
    fingerprints = len(counts.fingerprints)
    special = {
        key: _evidence.specificity(fingerprints, len(found)) if model.specificity else 1.0
        for key, found in counts.containing.items()
    }
    excess = _excess(groups, exposure, false=_evidence.benjamini_hochberg(of_one))
    total = sum(excess.values())
    through: dict[str, float] = defaultdict(float)
    for group, carried in excess.items():
        for key, _ in shapes[group.shape].weights:
            through[key] += carried / total
    tally = _Tally()
    for group, carried in excess.items():
        weights = shapes[group.shape].weights
        changes = {key: change(key, group.served) if model.change else 1.0 for key, _ in weights}
        tally.add(
            carried,
            weights=weights,
            fit={key: _fit(w * through[key] * special[key] * changes[key], rates[key]) + _FLOOR for key, w in weights},
            changes=changes,
            is_ai=is_ai,
        )
    scored = {key: _scored(key, counts, rates[key], q.get(key, 1.0), special[key], tally, total) for key in rates}
    by_shape: dict[int, float] = defaultdict(float)
    for group, carried in excess.items():
        by_shape[group.shape] += carried
    units = [sum(group.units for group in groups if group.side is side) for side in Side]
    return Board(scored, total, by_shape, incident=units[Side.INCIDENT], baseline=units[Side.BASELINE])


def _fit(value: float, rate: Rate) -> float:
    return value * (_BUSY + (1 - _BUSY) * rate.doubled)


class _Counts:
    """Sums over groups, by function and fingerprint."""

    def __init__(self, groups: Sequence[Group], shapes: Sequence[Shape]) -> None:
        self.evidence: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.units: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.containing: dict[str, set[int]] = defaultdict(set)
        self.fingerprints = {group.fingerprint for group in groups}
        self.by_fingerprint: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for group in groups:
            self.by_fingerprint[group.fingerprint][group.side] += group.evidence
            for key, _ in shapes[group.shape].weights:
                self.evidence[key][group.side] += group.evidence
                self.units[key][group.side] += group.units
                self.containing[key].add(group.fingerprint)


def _rates(
    counts: _Counts, of_one: Mapping[int, float], *, exposure: Exposure, alpha: float
) -> tuple[dict[str, Rate], dict[str, float]]:
    baselines = [evidence[Side.BASELINE] for evidence in counts.evidence.values()]
    usual = max(sum(baselines) / max(1, len(baselines)), _evidence.PRIOR) / exposure.baseline
    rates = {
        key: _evidence.rate(incident, baseline, exposure=exposure, alpha=alpha, usual=usual)
        for key, (baseline, incident) in counts.evidence.items()
    }
    tested: dict[str, float] = {}
    for key, rate in rates.items():
        if counts.evidence[key][Side.INCIDENT]:
            # A new error of a busy function drowns in its sum, so its sharpest fingerprint counts too, and both cost.
            sharpest = min(of_one[one] for one in counts.containing[key]) * len(counts.containing[key])
            tested[key] = min(1.0, 2 * min(rate.p, sharpest))
    alone = {THIRD_PARTY: tested.pop(THIRD_PARTY)} if THIRD_PARTY in tested else {}
    return rates, _evidence.benjamini_hochberg(tested) | alone


def _excess(groups: Sequence[Group], exposure: Exposure, *, false: Mapping[int, float]) -> dict[Group, float]:
    """The excess of each fingerprint, divided over its incident groups by their units.

    It counts as far as it is credible (`false` is its false-discovery rate): among thousands of fingerprints the sum of
    what each has above its mean by chance would drown a real rise.
    """
    weighted: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for group in groups:
        weighted[group.fingerprint][group.side] += group.weighted
    found: dict[Group, float] = {}
    for group in groups:
        baseline, incident = weighted[group.fingerprint]
        extra = max(0.0, incident - exposure.expected(baseline)) * (1 - false[group.fingerprint])
        if group.side is Side.INCIDENT and extra and incident:
            found[group] = extra * group.weighted / incident
    return found


class _Tally:
    """Excess as it is divided, one group after another."""

    def __init__(self) -> None:
        self.share: dict[str, float] = defaultdict(float)
        self.through: dict[str, float] = defaultdict(float)
        self.depth: dict[str, float] = defaultdict(float)
        self.changed: dict[str, float] = defaultdict(float)
        self.inner: dict[str, float] = defaultdict(float)
        self.led_by_change: dict[str, float] = defaultdict(float)
        self.outweighed: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(
        self,
        carried: float,
        *,
        weights: Sequence[tuple[str, float]],
        fit: Mapping[str, float],
        changes: Mapping[str, float],
        is_ai: Callable[[str], bool],
    ) -> None:
        """Each function takes the part of `carried` that its fit has in the fit of the whole stack."""
        whole = sum(fit.values())
        best = max(fit, key=lambda key: fit[key])
        rival = max((key for key in fit if not is_ai(key)), key=lambda key: fit[key], default=None)
        for rank, (key, weight) in enumerate(weights):
            self.inner[key] += carried * (rank < _NEAREST)
            self.share[key] += carried * fit[key] / whole
            self.through[key] += carried
            self.depth[key] += carried * weight
            self.changed[key] += carried * changes[key]
            self.led_by_change[key] += carried * (changes[best] >= CHANGED)
            if rival is not None and rival != key and fit[rival] >= fit[key]:
                self.outweighed[key][rival] += carried


def _scored(  # noqa: PLR0913, PLR0917  # the row's own columns
    key: str, counts: _Counts, rate: Rate, q: float, special: float, tally: _Tally, total: float
) -> Scored:
    through = tally.through[key]
    rivals = tally.outweighed[key]
    is_outweighed = sum(rivals.values()) > through / 2
    baseline, incident = counts.units[key]
    return Scored(
        key=key,
        incident=incident,
        baseline=baseline,
        share=tally.share[key] / total if total else 0.0,
        through=through / total if total else 0.0,
        rate=rate,
        q=q,
        specificity=special,
        change=tally.changed[key] / through if through else 0.0,
        depth=tally.depth[key] / through if through else 0.0,
        inner=tally.inner[key] / through if through else 0.0,
        rival=max(rivals, key=lambda other: rivals[other]) if is_outweighed else None,
        led_by_change=tally.led_by_change[key] / through if through else 0.0,
    )
