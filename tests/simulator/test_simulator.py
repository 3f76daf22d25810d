from __future__ import annotations

from simulator.kinds import AT_FAULT, BY_PEOPLE, NO_CULPRIT, tally

INCIDENTS = 210


def test_a_culprit_by_a_model_comes_first_in_nine_of_ten_incidents():
    found = tally(AT_FAULT.values(), range(1, INCIDENTS + 1))

    assert found.culprits >= 200
    assert found.found >= 0.90


def test_nothing_is_named_in_nineteen_of_twenty_incidents_where_people_wrote_the_culprit():
    found = tally(BY_PEOPLE.values(), range(10_001, 10_001 + INCIDENTS))

    assert found.others == INCIDENTS
    assert found.alarmed <= 0.05


def test_nothing_is_named_in_nineteen_of_twenty_incidents_without_a_culprit():
    found = tally(NO_CULPRIT.values(), range(20_001, 20_001 + INCIDENTS))

    assert found.others == INCIDENTS
    assert found.alarmed <= 0.05
