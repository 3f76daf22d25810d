"""How attributes get onto a span, the quick way and the public one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider

from aiprov_opentelemetry import _attributes

OURS = {"aiprov.model": "m", "aiprov.tool": "t", "code.function.name": "f", "code.line.number": 7}


def span(*, limits: SpanLimits | None = None, **attributes: str | int) -> Span:
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False, span_limits=limits)
    started = provider.get_tracer("test").start_span("s", attributes=attributes)
    assert isinstance(started, Span)
    return started


def test_sdk_is_as_known():
    assert _attributes._IS_AS_KNOWN


def test_both_ways_leave_the_same():
    quick, public = span(http="x"), span(http="x")
    _attributes.put(quick, OURS)
    _attributes._put_behind(public, OURS, {})

    assert quick.attributes == public.attributes == {**OURS, "http": "x"}
    assert quick.dropped_attributes == public.dropped_attributes == 0


@pytest.mark.parametrize("name", ["code.function.name", "code.filepath", "code.lineno"])
def test_a_place_is_never_made_of_two(name: str):
    target = span(**{name: "theirs"})
    _attributes.put(target, OURS)

    assert target.attributes == {"aiprov.model": "m", "aiprov.tool": "t", name: "theirs"}


def test_what_is_replaced_leaves_nothing_behind_but_the_users():
    target = span()
    _attributes.put(target, OURS)
    target.set_attribute("aiprov.tool", "theirs")
    _attributes.put(target, {"aiprov.model": "n"}, replace=True)

    assert target.attributes == {"aiprov.model": "n", "aiprov.tool": "theirs"}


def test_the_public_way_replaces_nothing():
    target = span()
    target.set_attributes(OURS)

    assert _attributes._put_behind(target, {"aiprov.model": "n"}, OURS) == {}
    assert target.attributes == OURS


def test_the_public_way_leaves_ended_spans_alone(caplog):
    target = span()
    target.end()

    assert _attributes._put_behind(target, OURS, {}) == {}
    assert caplog.records == []


def test_a_full_span_drops_ours_first():
    target = span(limits=SpanLimits(max_span_attributes=5), http="x")
    _attributes.put(target, OURS)
    target.set_attribute("later", 1)

    assert target.attributes == {**{name: OURS[name] for name in list(OURS)[1:]}, "http": "x", "later": 1}


def test_values_are_cut_as_the_host_wants_them():
    target = span(limits=SpanLimits(max_span_attribute_length=2))
    _attributes.put(target, {"aiprov.model": "model", "aiprov.functions": ("one", "two"), "code.line.number": 777})

    assert target.attributes == {"aiprov.model": "mo", "aiprov.functions": ("on", "tw"), "code.line.number": 777}


def test_an_ended_span_that_is_not_exported_yet_takes_what_ran():
    target = span()
    target.end()
    _attributes.put(target, {"aiprov.executed": ("f",)})

    assert target.attributes == {"aiprov.executed": ("f",)}


NAMES = st.sampled_from(["http", "db", "aiprov.model", "aiprov.tool", "code.function.name", "code.lineno"])
THEIRS = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.lists(st.integers(), max_size=3))
ANY_OF_OURS = st.dictionaries(
    st.sampled_from([*OURS, "aiprov.functions"]),
    st.one_of(st.text(max_size=8), st.integers(), st.lists(st.text(max_size=8), max_size=3).map(tuple)),
)


@given(
    limits=st.tuples(st.none() | st.integers(0, 10), st.none() | st.integers(0, 5)),
    before=st.dictionaries(NAMES, THEIRS),
    new=ANY_OF_OURS,
    later=st.lists(st.tuples(NAMES, THEIRS)),
)
def test_whatever_the_limits_the_hosts_attributes_stay(limits, before, new, later):
    most, longest = limits
    quick, public, bare = (BoundedAttributes(most, before, immutable=False, max_value_len=longest) for _ in range(3))
    done = _attributes.put_in_front(quick, new)
    for name in done:
        public[name] = new[name]

    assert dict(public) == dict(quick)
    assert public.dropped == quick.dropped == bare.dropped
    for name, value in later:
        quick[name] = bare[name] = value
    assert dict(bare) == {name: quick[name] for name in bare}
    assert list(bare) == [name for name in quick if name in bare]
