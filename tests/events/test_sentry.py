"""Sentry's events in each of their shapes, and what sentry-sdk really sends."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
import sentry_sdk
from events.reading import Event, read_source
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_sdk.transport import Transport

from aiprov.errors import UsageError
from aiprov.events import Frame, Raised

FRAMES = {
    "frames": [
        {"filename": "shop/a.py", "abs_path": "/app/shop/a.py", "function": "outer", "lineno": 3, "in_app": True},
        {"filename": "<string>", "abs_path": "/app/<string>", "function": "<module>", "lineno": 1, "in_app": False},
        {"filename": "shop/b.py", "function": "inner", "lineno": 7},
    ]
}
READ_FRAMES = (
    Frame("/app/shop/a.py", 3, "outer", app=True),
    Frame("<string>", 1, "<module>", app=False),
    Frame("shop/b.py", 7, "inner"),
)
VALUES = [
    {"type": "KeyError", "module": None, "value": "secret", "stacktrace": FRAMES, "mechanism": {"type": "generic"}},
    {"type": "CartError", "module": "shop.errors", "value": "secret", "stacktrace": FRAMES},
]
STACK = (
    Raised("shop.errors.CartError", frames=READ_FRAMES),
    Raised("builtins.KeyError", "context", 0, READ_FRAMES),
)
EVENT = {
    "event_id": "9" * 32,
    "level": "error",
    "exception": {"values": VALUES},
    "timestamp": "2026-11-22T10:11:12.123456Z",
    "release": "shop@1",
    "environment": "production",
    "server_name": "web-1",
    "user": {"id": "7", "email": "a@example.com"},
    "contexts": {"trace": {"trace_id": "0af7651916cd43dd8448eb211c80319c", "sample_rate": 0.1}},
    "tags": {"aiprov.manifest": "0123456789ab"},
}
MOMENT = dt.datetime.fromisoformat("2026-11-22 10:11:12.123456")
USER = hashlib.sha256(b"7").hexdigest()[:16]
EXPECTED = Event(
    MOMENT, STACK, "shop@1", "production", "web-1", USER, "0af7651916cd43dd8448eb211c80319c", "0123456789ab", 1.0
)


def _api(frame: dict) -> dict:
    names = {"abs_path": "absPath", "lineno": "lineNo", "in_app": "inApp"}
    return {names.get(name, name): value for name, value in frame.items()}


API_FRAMES = {"frames": [_api(frame) for frame in FRAMES["frames"]]}
API_EVENT = {
    "id": "9" * 32,
    "eventID": "9" * 32,
    "entries": [
        {"type": "breadcrumbs", "data": {"values": [{"message": "x"}]}},
        {"type": "exception", "data": {"values": [value | {"stacktrace": API_FRAMES} for value in VALUES]}},
    ],
    "dateCreated": "2026-11-22T10:11:12.123456Z",
    "release": {"version": "shop@1", "shortVersion": "1"},
    "tags": [
        {"key": "aiprov.manifest", "value": "0123456789ab"},
        {"key": "environment", "value": "production"},
        {"key": "server_name", "value": "web-1"},
    ],
    "user": {"id": "7", "ip_address": "10.0.0.1"},
    "contexts": EVENT["contexts"],
}
STORED = EVENT | {
    "timestamp": MOMENT.replace(tzinfo=dt.UTC).timestamp(),
    "release": None,
    "environment": None,
    "tags": [["aiprov.manifest", "0123456789ab"], ["environment", "production"], ["sentry:release", "shop@1"]],
}
LAYOUTS = {
    "lines": lambda events: "".join(json.dumps(event) + "\n" for event in events),
    "an array": json.dumps,
    "a printed array": lambda events: json.dumps(events, indent=2),
    "printed one after the other": lambda events: "\n".join(json.dumps(event, indent=2) for event in events),
    "an array on each line": lambda events: "".join(json.dumps([event]) + "\n" for event in events),
    "envelopes": lambda events: "".join(
        f'{json.dumps({"event_id": "9"})}\n{{"type":"event"}}\n{json.dumps(event)}\n' for event in events
    ),
    "a byte order mark": lambda events: "\ufeff" + json.dumps(events),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("event", [EVENT, API_EVENT, STORED], ids=["sent", "from the API", "stored"])
def test_each_shape_in_each_layout_is_the_same_event(read, event, layout):
    found = read(layout([event, event]))

    assert found.events == [EXPECTED, EXPECTED]
    assert (found.loaded.format, found.stacks) == ("Sentry events", 1)


def test_no_message_variable_or_user_is_kept(tmp_path, read):
    found = read(json.dumps(EVENT))

    assert "secret" not in repr(found)
    assert "example.com" not in repr(found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id": 7}, "7"),
        ({"id": "", "email": "a@b"}, "a@b"),
        ({"username": "ann"}, "ann"),
        ({"ip_address": "::1"}, "::1"),
        ({"ipAddress": "::1"}, "::1"),
        ({}, None),
        ("ann", None),
        (None, None),
    ],
)
def test_a_user_is_a_short_hash_of_the_first_thing_known(read, user, expected):
    digest = None if expected is None else hashlib.sha256(expected.encode()).hexdigest()[:16]

    assert [e.user for e in read(json.dumps(EVENT | {"user": user})).events] == [digest]


@pytest.mark.parametrize(
    ("change", "weight"),
    [
        ({"contexts": {"error_sampling": {"client_sample_rate": 0.25}}}, 4),
        ({"sample_rate": 0.5}, 2),
        ({"_metrics": {"sample_rates": [{"id": "a", "rate": 0.5}, {"id": "b", "rate": 0.5}]}}, 4),
        ({"contexts": {"trace": {"sample_rate": 0.1}}}, 1),
        ({"sample_rate": 0}, 1),
        ({"sample_rate": 1e-300}, 1),
        ({"sample_rate": "x"}, 1),
    ],
)
def test_weight_is_one_over_the_rate_at_which_errors_are_kept(read, change, weight):
    assert [e.weight for e in read(json.dumps(EVENT | change)).events] == [weight]


@pytest.mark.parametrize("digest", ["", "zz", 7, None, "0123456789AB"])
def test_a_manifest_that_is_no_digest_is_unknown(read, digest):
    assert [e.manifest for e in read(json.dumps(EVENT | {"tags": {"aiprov.manifest": digest}})).events] == [None]


def test_groups_are_rebuilt_from_the_mechanisms(read):
    def value(name: str, number: int, parent: int | None, source: str | None) -> dict:
        mechanism = {"type": "chained", "exception_id": number, "parent_id": parent, "source": source}
        return {"type": name, "mechanism": mechanism, "stacktrace": FRAMES}

    values = [
        value("TypeError", 4, 3, "__context__"),
        value("KeyError", 3, 0, "exceptions[1]"),
        value("OSError", 2, 0, "__cause__"),  # as sentry-sdk has it: the cause of 1, not of 0
        value("ValueError", 1, 0, "exceptions[0]"),
        value("ExceptionGroup", 0, None, None),
    ]

    assert read(json.dumps({"exception": {"values": values}})).stack == (
        Raised("builtins.ExceptionGroup", frames=READ_FRAMES),
        Raised("builtins.ValueError", "member", 0, READ_FRAMES),
        Raised("builtins.KeyError", "member", 0, READ_FRAMES),
        Raised("builtins.OSError", "cause", 1, READ_FRAMES),
        Raised("builtins.TypeError", "context", 2, READ_FRAMES),
    )


@pytest.mark.parametrize("ids", [(0, 0), (0, None), (5, 5)])
def test_contradictory_mechanisms_make_a_plain_chain(read, ids):
    values = [dict(v, mechanism={"exception_id": i, "parent_id": 9}) for v, i in zip(VALUES, ids, strict=True)]

    assert read(json.dumps(EVENT | {"exception": {"values": values}})).stack == STACK


def test_a_message_with_a_stack_is_kept_and_everything_else_skipped(read):
    message = {"event_id": "1", "threads": {"values": [{"id": 1}, {"stacktrace": FRAMES}]}}
    both = {"event_id": "1", "exception": {"values": []}, "threads": {"values": [{"stacktrace": FRAMES}]}}
    api = {"eventID": "1", "entries": [{"type": "threads", "data": {"values": [{"stacktrace": API_FRAMES}]}}]}
    others = [
        {"event_id": "2", "type": "transaction", "spans": []},
        {"event_id": "3", "message": "hello"},
        {"event_id": "4", "exception": {"values": []}},
        {"event_id": "5", "exception": {"values": [{"type": "ValueError", "stacktrace": None}]}},
        {},
    ]
    found = read("".join(json.dumps(event) + "\n" for event in [message, both, api, *others]))

    assert [e.stack for e in found.events] == [(Raised("message", frames=READ_FRAMES),)] * 3
    assert found.loaded.skipped == 5
    assert found.loaded.problems == ("5 records: no exception and no stack",)


DAMAGE = {
    "garbage": "garbage",
    "cut short": json.dumps(EVENT)[:-30],
    "nested deep": '{"exception":' + "[" * 200_000 + "]" * 200_000 + "}",
    "nan": '{"exception": NaN}',
    "nul": "\x00",
    "a lone surrogate": json.dumps(EVENT | {"release": "\ud800"}),
    "very long": '{"message": "' + "x" * 40_000_000 + '"}',
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_line_is_skipped_and_the_others_are_read(read, damage):
    found = read(f"{json.dumps(EVENT)}\n{damage}\n{json.dumps(EVENT)}\n")

    assert found.events == [EXPECTED, EXPECTED]
    assert found.loaded.skipped == 1


def test_an_array_that_is_cut_short_gives_the_events_before(read):
    found = read(json.dumps([EVENT, EVENT, EVENT])[:-30])

    assert found.events == [EXPECTED, EXPECTED]
    assert (found.loaded.skipped, found.loaded.problems) == (1, ("1 events cut short or beyond 16 MiB",))


anything = st.recursive(
    st.sampled_from([None, True, 0, -1, 10**30, 1e308, "", "x", "\x00", "\u202e", "1e999", "infinity"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    *((name,) for name in [*EVENT, *API_EVENT, "threads", "stacktrace", "_metrics", "sample_rate", "datetime"]),
    ("exception", "values"),
    *(("exception", "values", 0, name) for name in ("type", "module", "mechanism", "stacktrace")),
    ("exception", "values", 0, "stacktrace", "frames"),
    *(("exception", "values", 0, "stacktrace", "frames", 0, name) for name in FRAMES["frames"][0]),
    ("user", "id"),
    ("contexts", "trace"),
    ("contexts", "trace", "trace_id"),
    ("tags", "aiprov.manifest"),
    *(("entries", 1, name) for name in ("type", "data")),
    ("entries", 1, "data", "values"),
]


def put(event: object, place: tuple, value: object) -> object:
    if not place:
        return value
    copy = dict(event) if isinstance(event, dict) else list(event) if isinstance(event, list) else {}
    key = place[0]
    if isinstance(copy, dict):
        copy[key] = put(copy.get(key), place[1:], value)
    elif isinstance(key, int) and key < len(copy):
        copy[key] = put(copy[key], place[1:], value)
    return copy


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from([EVENT, API_EVENT]), st.sampled_from(PLACES), anything), max_size=30))
def test_any_value_in_any_field_leaves_the_others_readable(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("sentry") / "events"
    events = [EVENT, *(put(event, place, value) for event, place, value in changes)]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    found = read_source(str(path))

    assert EXPECTED in found.events
    assert found.loaded.events + found.loaded.skipped == len(events)


def test_nothing_usable_is_a_usage_error(read):
    with pytest.raises(UsageError, match="no exception and no stack"):
        read('{"event_id": "1", "type": "transaction"}\n')


class Kept(Transport):
    """Keeps the events as the lines that would leave."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def capture_envelope(self, envelope) -> None:
        self.lines += [item.get_bytes() for item in envelope.items if item.headers["type"] == "event"]


def _deep(depth: int) -> None:
    if depth:
        _deep(depth - 1)
    else:
        raise KeyError("secret")


def _chained() -> None:
    try:
        _deep(3)
    except KeyError as error:
        raise ValueError("secret") from error


def _grouped() -> None:
    members = []
    for raising in (_chained, lambda: _deep(1)):
        try:
            raising()
        except (KeyError, ValueError) as error:
            members.append(error)  # a comprehension cannot catch
    raise ExceptionGroup("two", members)


def _truth(error: BaseException, relation: str = "top") -> list[tuple]:
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append((code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    below = [_truth(error.__cause__, "cause")] if error.__cause__ else []
    below += [_truth(member, "member") for member in getattr(error, "exceptions", ())]
    return [relation, type(error).__name__, frames, below]


def _read_back(stack: tuple[Raised, ...], index: int = 0) -> list:
    raised = stack[index]
    below = [_read_back(stack, i) for i, r in enumerate(stack) if r.parent == index]
    frames = [(f.file, f.line, f.function) for f in raised.frames]
    return [raised.relation, raised.type.removeprefix("builtins."), frames, below]


@pytest.mark.parametrize("raising", [_deep, _chained, _grouped])
def test_what_the_sdk_sends_is_what_was_raised(read, raising):
    transport = Kept()
    client = sentry_sdk.Client("https://key@localhost/1", transport=transport, release="shop@1", server_name="web-1")
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.set_user({"id": "7"})
        scope.set_tag("aiprov.manifest", "0123456789ab")
        try:
            raising(*([2] if raising is _deep else []))
        except Exception as error:  # noqa: BLE001  # any of the three
            truth = _truth(error)
            scope.capture_exception(error)
    found = read(b"\n".join(transport.lines))
    event = found.events[0]
    expected = json.loads(json.dumps(truth).replace('"cause"', '"cause"' if raising is _grouped else '"context"'))

    assert json.loads(json.dumps(_read_back(found.stack))) == expected
    assert (event.release, event.host, event.user, event.manifest) == ("shop@1", "web-1", USER, "0123456789ab")
    assert event.trace == json.loads(transport.lines[0])["contexts"]["trace"]["trace_id"]
