from __future__ import annotations

import math

import pytest
from scipy import integrate, stats

from aiprov.triage._evidence import (
    UNKNOWN_DISPERSION,
    Exposure,
    benjamini_hochberg,
    dispersion,
    p_value,
    rate,
    specificity,
)

HOUR_OF_A_DAY = Exposure(1.0, 24.0)


@pytest.mark.parametrize(("incident", "baseline", "alpha"), [(1, 0, 0.5), (7, 12, 0.5), (25, 137, 0.1), (40, 40, 2.0)])
def test_p_value_is_the_tail_of_a_negative_binomial(incident, baseline, alpha):
    mean = (baseline + 0.5) / 24
    size = 1 / (alpha + 1 / (baseline + 0.5))
    expected = stats.nbinom.sf(incident - 1, size, size / (size + mean))

    assert p_value(incident, baseline, exposure=HOUR_OF_A_DAY, alpha=alpha) == pytest.approx(expected, rel=1e-9)


def test_no_unit_is_no_evidence():
    assert p_value(0, 5, exposure=HOUR_OF_A_DAY, alpha=0.5) == 1.0


def test_thrice_the_traffic_expects_thrice_the_errors():
    assert Exposure(3.0, 24.0).expected(23.5) == 3.0
    assert p_value(9, 72, exposure=Exposure(3.0, 24.0), alpha=0.5) > 0.3


def test_doubled_is_the_integral_over_both_rates():
    found = rate(9, 20, exposure=HOUR_OF_A_DAY, alpha=0.5, usual=0.5)
    incident = stats.gamma(0.5 + 9, scale=1 / (1.0 + 1.0))
    baseline = stats.gamma(0.5 + 20, scale=1 / (1.0 + 24.0))
    expected, _ = integrate.quad(lambda x: baseline.pdf(x) * incident.sf(2 * x), 0, 5)

    assert found.doubled == pytest.approx(expected, rel=1e-6)


def test_at_least_is_the_five_percent_quantile_of_the_ratio():
    found = rate(9, 20, exposure=HOUR_OF_A_DAY, alpha=0.5, usual=0.5)
    incident = stats.gamma(0.5 + 9, scale=1 / (1.0 + 1.0))
    baseline = stats.gamma(0.5 + 20, scale=1 / (1.0 + 24.0))
    below, _ = integrate.quad(lambda x: baseline.pdf(x) * incident.cdf(found.at_least * x), 0, 5)

    assert below == pytest.approx(0.05, rel=1e-6)
    assert found.ratio == pytest.approx(9.5 / (20.5 / 24))


def test_dispersion_is_what_the_variance_has_over_the_mean():
    smooth, bursts = [2.0] * 12, [0.0, 4.0] * 6
    variance = 4 * 12 / 11

    assert dispersion([smooth, bursts]) == pytest.approx((variance - 2) / (4 + 4))


def test_dispersion_is_assumed_where_too_little_is_known():
    assert dispersion([]) == UNKNOWN_DISPERSION
    assert dispersion([[1.0] * 11, [0.1] * 24]) == UNKNOWN_DISPERSION


def test_benjamini_hochberg_by_hand():
    found = benjamini_hochberg({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.5})

    assert found == pytest.approx({"a": 0.04, "b": 0.16 / 3, "c": 0.16 / 3, "d": 0.5})


def test_benjamini_hochberg_agrees_with_scipy():
    p = {str(i): ((i * 7919) % 1000 + 1) / 1001 for i in range(50)}

    assert list(benjamini_hochberg(p).values()) == pytest.approx(
        sorted(stats.false_discovery_control(list(p.values())), reverse=True)
    )


def test_specificity_falls_with_the_fingerprints_that_hold_the_function():
    assert specificity(1, 1) == 1.0
    assert specificity(20, 1) == 1.0
    assert specificity(20, 20) == pytest.approx(math.log(21 / 20) / math.log(21))
    assert specificity(20, 20) < 0.02
