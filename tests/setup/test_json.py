from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.errors import UsageError
from aiprov.setup import _json

OURS = {"command": "ours"}


def is_ours(found: object) -> bool:
    return isinstance(found, dict) and found.get("command") == "ours"


def added(text: str, element: object = OURS) -> str:
    return _json.with_element(text, ("hooks", "After"), element, name="x.json")


def removed(text: str) -> str:
    return _json.without_elements(text, is_ours, name="x.json")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "hooks": {\n    "After": [\n      {\n        "command": "ours"\n      }\n    ]\n  }\n}'),
        ('{"a": 1}', '{"a": 1, "hooks": {"After": [{"command": "ours"}]}}'),
        ('{"hooks": {"After": [1]}, "b": 2}', '{"hooks": {"After": [1, {"command": "ours"}]}, "b": 2}'),
        (
            '{\n\t"hooks": {\n\t\t"Before": []\n\t}\n}\n',
            (
                '{\n\t"hooks": {\n\t\t"Before": [],\n\t\t"After": [\n'
                '\t\t\t{\n\t\t\t\t"command": "ours"\n\t\t\t}\n\t\t]\n\t}\n}\n'
            ),
        ),
        (
            '{\n    "hooks": {"After": []}\n}\n',
            (
                '{\n    "hooks": {"After": [\n            {\n'
                '                "command": "ours"\n            }\n        ]}\n}\n'
            ),
        ),
    ],
)
def test_an_element_is_put_in_and_nothing_else_changes(before: str, after: str) -> None:
    assert after == added(before)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "// a comment\n{}",
        "{'single': 1}",
        '{"trailing": 1,}',
        "[" * 100_000,
        "[]",
        '"text"',
        '{"hooks": []}',
        '{"hooks": {"After": {}}}',
        '{"hooks": 5}',
    ],
)
def test_what_is_no_plain_json_of_that_shape_is_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^x\.json.* by hand$"):
        added(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
hooks = st.dictionaries(st.sampled_from(["Before", "After"]), st.lists(values, max_size=3), max_size=2)
settings = st.dictionaries(st.text(max_size=4), values, max_size=4)
documents = st.builds(lambda found, one: {**found, **one}, settings, st.just({}) | hooks.map(lambda h: {"hooks": h}))
documents = documents.filter(lambda found: isinstance(found.get("hooks", {}), dict))
documents = documents.filter(lambda found: isinstance(found.get("hooks", {}).get("After", []), list))
styles = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(documents, styles)
def test_what_was_there_is_still_there(document: dict[str, object], style: dict[str, object]) -> None:
    found = json.loads(added(json.dumps(document, **style)))

    ours = found["hooks"]["After"].pop()
    assert OURS == ours
    expected = {**document, "hooks": {**document.get("hooks", {}), "After": document.get("hooks", {}).get("After", [])}}
    assert expected == found


@given(documents.filter(lambda found: "hooks" not in found or found["hooks"].get("After")), styles)
def test_what_was_put_in_is_taken_out_without_a_trace(document: dict[str, object], style: dict[str, object]) -> None:
    """But for lists that were empty before, which are taken for ours."""
    text = json.dumps(document, **style)

    assert "".join(text.split()) == "".join(removed(added(text)).split())
    assert not document or text == removed(added(text))


def test_a_matcher_goes_with_its_last_hook_and_stays_with_another() -> None:
    text = json.dumps({"hooks": {"After": [{"matcher": "x", "hooks": [OURS]}, {"matcher": "y", "hooks": [OURS, 1]}]}})

    assert {"hooks": {"After": [{"matcher": "y", "hooks": [1]}]}} == json.loads(removed(text))


@given(st.text(alphabet='{}[]",: \n1ahookscommndr', max_size=60))
def test_any_text_is_left_alone_or_one_clear_line(text: str) -> None:
    try:
        same = removed(text) == text
    except UsageError:
        same = True

    assert same
