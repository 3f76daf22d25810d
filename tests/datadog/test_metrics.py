"""What leaves for the Agent: exact names, types and tags, through the application's own client and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from datadog.dogstatsd.base import DogStatsd
from peers import datadog_compat, required
from peers.dogstatsd import Metric, Receiver, on_udp, on_unix

from aiprov_datadog._metrics import Finished, Metrics

OPUS = ("anthropic/claude-opus-4-6", "claude-code")
TAGS = ("model:anthropic/claude-opus-4-6", "tool:claude-code")


@pytest.fixture
def agent() -> Iterator[Receiver]:
    with on_udp() as receiver:
        yield receiver


@pytest.fixture
def client(agent: Receiver) -> Iterator[DogStatsd]:
    client = DogStatsd(host="127.0.0.1", port=agent.port)
    yield client
    client.stop()


def metrics_of(client: DogStatsd, **options) -> Metrics:
    return Metrics(lambda: client, **{"limit": 50, **options})


def failed(number: int, parent: int | None, suspect: tuple[str | None, str | None] | None = OPUS) -> Finished:
    return Finished(number, parent, 0.1, failed=True, suspect=suspect)


def errors(receiver: Receiver) -> float:
    return sum(line.values[0] for line in receiver.rest() if isinstance(line, Metric) and line.name == "aiprov.errors")


def test_sends_counts_and_a_distribution_in_seconds(agent: Receiver, client: DogStatsd):
    calls = {OPUS: 40}
    metrics = metrics_of(client, calls=lambda: calls)
    calls[OPUS] = 47
    metrics.record([Finished(1, None, 0.25, started_by=OPUS), Finished(2, 1, 1.5, OPUS, failed=True, suspect=OPUS)])

    metrics.flush()

    assert [
        Metric("aiprov.calls", (7.0,), "c", TAGS),
        Metric("aiprov.duration", (1.5, 0.25), "d", TAGS),
        Metric("aiprov.errors", (1.0,), "c", TAGS),
    ] == sorted(agent.rest(), key=lambda line: line.name)


def test_a_second_flush_sends_only_what_is_new(agent: Receiver, client: DogStatsd):
    calls = {("", ""): 3}
    metrics = metrics_of(client, calls=lambda: calls)
    metrics.record([failed(1, None)])
    metrics.flush()
    agent.rest()

    metrics.flush()
    assert [] == agent.rest()

    calls["", ""] = 5
    metrics.flush()
    assert [Metric("aiprov.calls", (2.0,), "c", ("model:unknown", "tool:unknown"))] == agent.rest()


def test_packs_durations_and_keeps_datagrams_small(agent: Receiver, client: DogStatsd):
    metrics = metrics_of(client)
    metrics.record([Finished(n, None, n / 3, started_by=("m" * 300, "t" * 300)) for n in range(120)])

    metrics.flush()

    assert [50, 50, 20] == [len(line.values) for line in agent.rest() if isinstance(line, Metric)]


def test_models_beyond_the_limit_are_other(agent: Receiver, client: DogStatsd):
    metrics = metrics_of(client, limit=1, calls=lambda: {("z", ""): 2})
    metrics._counted.clear()
    metrics.record([failed(1, None, ("b", "t")), failed(2, None, ("a", "t"))])

    metrics.flush()

    assert {("aiprov.errors", "model:a"), ("aiprov.errors", "model:other"), ("aiprov.calls", "model:other")} == {
        (line.name, line.tags[0]) for line in agent.rest() if isinstance(line, Metric)
    }


def test_the_applications_settings_hold(agent: Receiver):
    client = DogStatsd(
        host="127.0.0.1", port=agent.port, namespace="shop", constant_tags=["env:prod"], default_sample_rate=0.01
    )
    metrics = metrics_of(client)
    metrics.record([failed(1, None)])

    metrics.flush()
    client.stop()

    assert [Metric("shop.aiprov.errors", (1.0,), "c", (*TAGS, "env:prod"))] == agent.rest()


@pytest.mark.parametrize(
    "options",
    [
        {"disable_aggregation": False},
        {"disable_buffering": False},
        {"disable_aggregation": False, "max_metric_samples_per_context": 5},
    ],
)
def test_a_client_that_aggregates_or_buffers_counts_the_same(agent: Receiver, options: dict):
    client = DogStatsd(host="127.0.0.1", port=agent.port, flush_interval=0.01, **options)
    metrics = metrics_of(client)
    for number in range(3):
        metrics.record([Finished(number, None, 0.5, OPUS, failed=True, suspect=OPUS)])
        metrics.flush()
    client.disable_aggregation()  # as does the other: it sends what is left and ends the client's thread
    client.disable_buffering = True
    client.stop()

    found = [line for line in agent.rest() if isinstance(line, Metric)]
    assert 3 == sum(line.values[0] for line in found if line.name == "aiprov.errors")
    assert [0.5] * 3 == [value for line in found for value in line.values if line.name == "aiprov.duration"]


def test_a_unix_socket(tmp_path: Path):
    with on_unix(tmp_path / "dsd.socket") as agent:
        client = DogStatsd(socket_path=str(tmp_path / "dsd.socket"))
        metrics = metrics_of(client)
        metrics.record([failed(1, None)])

        metrics.flush()
        client.stop()

        assert [Metric("aiprov.errors", (1.0,), "c", TAGS)] == agent.rest()


def test_nothing_is_sent_where_statsd_is_disabled(agent: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DD_DOGSTATSD_DISABLE", "true")
    client = DogStatsd(host="127.0.0.1", port=agent.port)
    metrics = metrics_of(client)
    metrics.events.enabled = True
    metrics.record([failed(1, None)._replace(function="a.py::f"), Finished(2, None, 0.5, OPUS)])

    metrics.flush()
    client.stop()

    assert [] == agent.rest()


SPANS = {
    "passes three spans": ([failed(1, None), failed(2, 1), failed(3, 2)], 1),
    "the innermost does not know its suspect": ([failed(1, None), failed(2, 1), failed(3, 2, None)], 1),
    "nobody knows the suspect": ([failed(1, None, None), failed(2, 1, None)], 0),
    "an entry span is failed by its status": ([failed(1, None, None), failed(2, 1)], 1),
    "two attempts": ([failed(1, None), failed(2, 1), failed(3, 1)], 2),
    "handled in between": ([failed(1, None), Finished(2, 1, 0.1), failed(3, 2)], 2),
    "handled": ([Finished(1, None, 0.1), failed(2, 1)], 1),
    "a healthy trace": ([Finished(1, None, 0.1, OPUS), Finished(2, 1, 0.1, OPUS)], 0),
}


@pytest.mark.parametrize("case", SPANS)
def test_an_error_counts_once_a_trace(case: str, agent: Receiver, client: DogStatsd):
    spans, expected = SPANS[case]
    metrics = metrics_of(client)

    metrics.record(spans)

    metrics.flush()
    assert expected == errors(agent)
    assert {} == {number: True for number in metrics._passed if number in {span.id for span in spans}}


@pytest.mark.parametrize("case", SPANS)
def test_the_same_where_each_span_comes_alone(case: str, agent: Receiver, client: DogStatsd):
    spans, expected = SPANS[case]
    metrics = metrics_of(client)

    for span in reversed(spans):
        metrics.record([span])

    metrics.flush()
    assert expected == errors(agent)


def test_parents_that_never_finish_are_forgotten(agent: Receiver, client: DogStatsd):
    metrics = metrics_of(client)
    for number in range(2000):
        metrics.record([failed(number, 10_000 + number)])

    metrics.record([failed(11_999, None)])

    metrics.flush()
    assert 2000 == errors(agent)
    assert len(metrics._passed) <= 1024


def test_a_child_leaves_to_its_parent_what_that_one_has_not_sent(agent: Receiver, client: DogStatsd):
    calls = {OPUS: 1}
    metrics = metrics_of(client, calls=lambda: calls)
    metrics.events.enabled = True
    calls[OPUS] = 5
    metrics.record([failed(1, 2)._replace(function="a.py::f")])

    metrics.forget()

    calls[OPUS] = 6
    metrics.record([failed(2, None)])
    metrics.flush()
    assert [Metric("aiprov.calls", (1.0,), "c", TAGS), Metric("aiprov.errors", (1.0,), "c", TAGS)] == sorted(
        agent.rest(), key=str
    )


@pytest.mark.peer
def test_datadogs_own_parser_takes_what_we_send(tmp_path: Path, agent: Receiver, client: DogStatsd):
    metrics = metrics_of(client, calls=lambda: {OPUS: 3})
    metrics._counted.clear()
    metrics.record([Finished(n, None, n / 7, OPUS, failed=True, suspect=("gpt 5|x", "é,#")) for n in range(60)])
    metrics.flush()
    datagrams = agent.datagrams()

    with required(), datadog_compat.serving(tmp_path) as parser:
        assert dict.fromkeys(datagrams, True) == {one: parser.takes(one) for one in datagrams}
    assert 4 <= len(datagrams)
