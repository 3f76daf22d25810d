"""Sentry's own ingestion rules, as its servers run them, keep all that we add."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sentry._intake import serving
from sentry._project import make, ours, run
from sentry.test_traces import children, program
from sentry.test_traces import ours as ours_of
from sentry_relay.processing import StoreNormalizer

from aiprov_runtime import Attribution, Explanation, Step

KEY = re.compile(r"[a-zA-Z0-9_.:-]{1,32}")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    root = make(tmp_path_factory.mktemp("repository"))
    with serving() as intake:
        run(root / "main.py", intake.dsn, "init,auto", "raising,chains", path=[root / "src"])
        yield intake.events


def normalized(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it is stored, with everything cut that goes over a limit."""
    normalizer = StoreNormalizer(project_id=1, remove_other=True, enable_trimming=True)
    return normalizer.normalize_event(event)


def test_every_tag_and_context_is_stored_as_it_was_sent(sent: list[dict[str, Any]]):
    assert len(sent) > 20
    for event in sent:
        stored = normalized(event)
        ours_stored = {key: value for key, value in stored["tags"] if key.startswith("aiprov.")}

        assert ours_stored == {**ours(event), "aiprov.manifest": event["tags"]["aiprov.manifest"]}
        assert stored["contexts"]["aiprov"] == {**event["contexts"]["aiprov"], "type": "aiprov"}
        assert stored.get("errors") is None


def test_spans_and_tags_of_transactions_are_stored_as_they_were_sent(tmp_path: Path):
    script = program(tmp_path)
    with serving() as intake:
        run(script, intake.dsn, "init,auto", "spans,roots", options={"traces_sample_rate": 1.0})

    assert {"root of spans", "root of roots", "root by ai"} == intake.transactions().keys()
    for name, transaction in intake.transactions().items():
        stored = normalized(transaction)
        spans = {span["description"]: ours_of(span["data"]) for span in stored["spans"]}

        assert spans == children(intake, name)
        assert ours_of(stored["contexts"]["trace"]["data"]) == ours_of(transaction["contexts"]["trace"]["data"])
        assert ours_of(dict(stored["tags"])) == transaction["tags"]
        assert stored.get("errors") is None


def longest() -> Explanation:
    """An explanation whose every value is as long as a manifest allows."""
    attribution = Attribution(
        function="src/a\nb/" + "ä" * 100 + ".py::" + "f" * 80,
        contributor="ai",
        model="m" * 250,
        models=("m" * 250, "n" * 250),
        tool="t" * 250,
        prompt_hash="p" * 250,
        generated_at="g" * 250,
    )
    steps = tuple(Step(attribution, "on_stack", "module." + "f" * 900, "/file.py", 1) for _ in range(16))
    return Explanation("0" * 12, "ai", steps[0], steps)


def test_longest_values_are_stored_as_they_are_sent():
    tags, context = longest().tags(), longest().context()

    stored = normalized({"event_id": "1" * 32, "tags": tags, "contexts": {"aiprov": context}})

    assert dict(stored["tags"]) == tags
    assert stored["contexts"]["aiprov"] == {**context, "type": "aiprov"}
    assert stored.get("errors") is None


def test_tags_keep_to_the_limits_of_older_servers():
    tags = longest().tags()

    assert len(tags) == 9
    assert [key for key in tags if not KEY.fullmatch(key)] == []
    assert [value for value in tags.values() if len(value) > 200 or "\n" in value] == []
