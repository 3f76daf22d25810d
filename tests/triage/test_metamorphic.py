"""What must not change the answer does not, and what must, does."""

from __future__ import annotations

import json
from dataclasses import replace

import duckdb
import pytest
from simulator.incidents import BASELINE_HOURS, HOUR, START, Incident, Kind, Maker, load

from aiprov.triage import Request, spike

KIND = Kind(units=(40, 50), changed=0.05, users=True, storm=None)
SEEDS = range(500, 506)


def answer(incident: Incident, request: Request | None = None):
    """Verdict and ranked functions."""
    with duckdb.connect(config={"threads": 1}) as connection:
        load(connection, incident)
        found = spike(connection, codebase=incident.world, request=request or incident.request)
    return found.verdict, [(one.function, round(one.score, 9)) for one in found.suspects]


def rewritten(incident: Incident, change) -> Incident:
    """The same incident with every stack's exceptions changed."""
    bodies = {json.dumps(change(json.loads(body))): number for body, number in incident.bodies.items()}
    assert len(bodies) == len(incident.bodies)
    return replace(incident, bodies=bodies)


@pytest.fixture(params=SEEDS)
def incident(request):
    return Maker(KIND, request.param).make()


def test_the_culprit_is_found_at_all(incident):
    verdict, suspects = answer(incident)

    assert verdict in ("strong", "likely")
    assert suspects[0][0] in incident.truth


def test_the_order_of_events_does_not_matter(incident):
    backwards = replace(incident, rows=incident.rows[::-1])

    assert answer(backwards) == answer(incident)


def test_the_same_events_ten_times_over_do_not_matter(incident):
    assert answer(replace(incident, rows=incident.rows * 10)) == answer(incident)


def test_where_the_program_is_deployed_does_not_matter(incident):
    def move(stack):
        for frame in stack[0]["frames"]:
            frame["file"] = frame["file"].replace("/srv/deploy/src/", "C:/Program Files/shop/")
        return stack

    assert answer(rewritten(incident, move)) == answer(incident)


def test_lines_that_move_with_the_release_do_not_matter():
    still, moved = Maker(KIND, 500), Maker(KIND, 500)
    moved.world.shift = 37

    assert answer(moved.make()) == answer(still.make())


def test_names_without_their_class_do_not_matter(incident):
    def shorten(stack):
        for frame in stack[0]["frames"]:
            frame["function"] = frame["function"].rpartition(".")[2]
        return stack

    assert answer(rewritten(incident, shorten)) == answer(incident)


@pytest.mark.parametrize("relation", ["cause", "context"])
def test_an_error_raised_anew_by_the_entry_point_names_the_same_function(incident, relation):
    def wrap(stack):
        (root,) = stack
        top = {"type": "shop.Failed", "relation": "top", "parent": None, "frames": root["frames"][:1]}
        return [top, root | {"relation": relation, "parent": 0}]

    (verdict, suspects), (_, plain) = answer(rewritten(incident, wrap)), answer(incident)

    assert verdict != "none"
    assert suspects[0][0] == plain[0][0]


def test_windows_the_other_way_round_name_nothing(incident):
    asked = incident.request
    swapped = Request(
        since=asked.baseline_since,
        until=asked.baseline_until,
        baseline_since=asked.since,
        baseline_until=asked.until,
        requests=asked.requests[::-1],
    )

    assert answer(incident, swapped) == ("none", [])


def test_without_the_spike_nothing_is_named(incident):
    failing = {number for body, number in incident.bodies.items() if "KeyError" in body}
    calm = replace(incident, rows=[row for row in incident.rows if row[1] not in failing])

    assert answer(calm) == ("none", [])


def test_the_same_code_by_people_is_not_named(incident):
    incident.world.ai -= set(incident.truth)

    assert answer(incident) == ("none", [])


def test_a_function_without_a_record_is_not_named_nor_is_another(incident):
    incident.world.recorded -= set(incident.truth)

    assert answer(incident) == ("none", [])


def test_a_sliver_of_the_excess_names_nothing():
    maker = Maker(replace(KIND, units=(16, 16)), 500)
    incident = maker.make()
    world = incident.world
    by_people = sorted(set(world.functions) - world.ai)[7]
    world.changed[world.releases["r2"]].add(by_people)
    world._regions.clear()
    for _ in range(150):
        maker._unit(incident, [by_people], START + BASELINE_HOURS * HOUR + maker.random.randrange(HOUR), failing=True)

    assert answer(incident) == ("none", [])
