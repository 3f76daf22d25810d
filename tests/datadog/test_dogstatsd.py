"""Our reader of DogStatsD takes what the client writes, and no line that Datadog's own parser refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from datadog.dogstatsd.base import DogStatsd
from hypothesis import given
from hypothesis import strategies as st
from peers import datadog_compat, required
from peers.dogstatsd import Event, MalformedError, Metric, on_udp, parse

from aiprov_datadog._metrics import Finished, Metrics

GOOD = {
    b"aiprov.errors:1|c": Metric("aiprov.errors", (1.0,), "c"),
    b"aiprov.errors:12|c|@0.5|#model:a/b-1,tool:x": Metric(
        "aiprov.errors", (12.0,), "c", ("model:a/b-1", "tool:x"), 0.5
    ),
    b"aiprov.duration:0.25:1e-05|d|#env:prod|c:ci-abc|e:it-false|card:low\n": Metric(
        "aiprov.duration", (0.25, 1e-05), "d", ("env:prod",)
    ),
    b"a:1|g|T1656581400": Metric("a", (1.0,), "g"),
}
REFUSED = [
    b"aiprov.errors:x|c",
    b"aiprov.errors|c",
    b"aiprov.errors:1|q",
    b"aiprov.errors:1|c|@x",
    b"aiprov.errors:1|c|Tx",
    b"a:1_0|c",
    b"a: 1|c",
    b":1|c",
    b"a:1|c\nbad",
]
STRICTER = [
    b"a:1|c|#x:a|#y:b",
    b"a:1|c|#x:a,,y:b",
    b"a:1|c|#",
    b"a:1|c|zz:zz",
    b"a b:1|c",
    b"a:nan|g",
    b"a:1:|c",
    b"a:1|c|@2",
    b"a:1|c\n\n",
    b"a:1|d|T1656581400",
    b"\xff:1|c",
    b"a:1|s",
]


@pytest.mark.parametrize("line", GOOD)
def test_takes_the_grammar(line: bytes):
    assert [GOOD[line]] == parse(line)


@pytest.mark.parametrize("line", [*REFUSED, *STRICTER])
def test_refuses_whatever_else(line: bytes):
    with pytest.raises(MalformedError):
        parse(line)


def test_reads_an_event_by_its_lengths():
    assert [Event("a|é", "b\\nc", (("t", "error"), ("k", "x")), ("model:m",))] == parse(
        "_e{4,4}:a|é|b\\nc|t:error|k:x|#model:m".encode()
    )


@pytest.mark.parametrize(
    "line", [b"_e{9,3}:ab|abc", b"_e{2,2}:ab|abc", b"_e{2,3}:ab|abc|t:bad", b"_e{0,1}:|a", b"_e{}:a|b"]
)
def test_refuses_an_event_whose_lengths_or_fields_are_wrong(line: bytes):
    with pytest.raises(MalformedError):
        parse(line)


@given(st.binary(max_size=80) | st.text("aA1.:|#@,_{}e-\n", max_size=60).map(str.encode))
def test_fails_on_nothing_else(datagram: bytes):
    try:
        lines = parse(datagram)
    except MalformedError:
        return
    assert lines


names = st.text(max_size=30) | st.sampled_from(["a|b", "x,y#z", "line\nfeed", "m:1|c", "", "x" * 3000, "é" * 300])
seconds = st.floats(min_value=0, max_value=1e6)


@given(st.lists(st.tuples(names, names, seconds), min_size=1, max_size=60))
def test_no_name_of_a_model_or_tool_leaves_its_tag(spans: list[tuple[str, str, float]]):
    with on_udp() as receiver:
        client = DogStatsd(host="127.0.0.1", port=receiver.port, disable_telemetry=True)
        metrics = Metrics(lambda: client, limit=20)
        metrics.record([Finished(n, None, s, (m, t), failed=True, suspect=(m, t)) for n, (m, t, s) in enumerate(spans)])

        metrics.flush()

        lines = receiver.rest()
        client.close_socket()
    assert {2} == {len(line.tags) for line in lines}
    assert {"model", "tool"} == {tag.partition(":")[0] for line in lines for tag in line.tags}
    assert len(spans) == sum(line.values[0] for line in lines if isinstance(line, Metric) and line.type == "c")
    assert len(spans) == sum(len(line.values) for line in lines if isinstance(line, Metric) and line.type == "d")


@pytest.mark.peer
def test_datadogs_own_parser_agrees(tmp_path: Path):
    with required(), datadog_compat.serving(tmp_path) as parser:
        assert dict.fromkeys(GOOD, True) == {line: parser.takes(line) for line in GOOD}
        assert dict.fromkeys(REFUSED, False) == {line: parser.takes(line) for line in REFUSED}
