from __future__ import annotations

import numpy as np
import pytest

from aiprov.triage._window import Rise, find_rise


def counts(*levels, seed=1):
    random = np.random.default_rng(seed)
    return np.concatenate([random.poisson(mean, size) for size, mean in levels]).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_rise_that_lasts_is_found_where_it_starts(seed):
    found = find_rise(counts((100, 2), (20, 12), seed=seed))

    assert found is not None
    assert abs(found.start - 100) <= 1
    assert found.end == 120


@pytest.mark.parametrize("seed", range(5))
def test_a_rise_that_is_over_is_found_from_start_to_end(seed):
    found = find_rise(counts((80, 2), (15, 12), (25, 2), seed=seed))

    assert found is not None
    assert abs(found.start - 80) <= 1
    assert abs(found.end - 95) <= 1


@pytest.mark.parametrize("series", [[], [0] * 120, [5], counts((120, 3)), counts((60, 12), (60, 2))])
def test_no_rise_is_made_up(series):
    assert find_rise(series) is None


def test_what_always_varies_is_no_rise():
    random = np.random.default_rng(4)
    found = [find_rise(random.poisson(4 * random.gamma(2, 0.5, 120))) for _ in range(40)]

    assert found.count(None) >= 36


def test_a_jump_from_nothing_is_found():
    assert find_rise([0] * 100 + [9] * 20) == Rise(100, 120)
