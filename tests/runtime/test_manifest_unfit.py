"""Texts that are almost a manifest: what the runtime makes of them, and what it says."""

from __future__ import annotations

import pytest

from aiprov_runtime._manifest import Generation, Manifest, ManifestError, Record, dumps, load, read
from aiprov_runtime._manifest_yaml import read_any_yaml

GENERATION = Generation(model="anthropic/claude-opus-4-6")
TEXT = dumps(Manifest({GENERATION.id: GENERATION}, {"shop.py": {"f": Record("ai", GENERATION.id)}})).decode()
LINE = TEXT.splitlines()[-1] + "\n"


def test_a_function_that_stands_twice_is_settled_alike_by_both_readers():
    theirs = LINE.replace('"ai"', '"human"').replace(GENERATION.id, "0" * 16)
    text = TEXT + theirs

    expected = {"f": Record("mixed", None, other_generations=tuple(sorted([GENERATION.id, "0" * 16]))).as_leaf()}
    assert expected == read(text.encode()).functions("shop.py")
    assert expected == read_any_yaml(text, "", name="m").functions("shop.py")
    assert {"f": Record("ai", GENERATION.id)} == load((TEXT + LINE).encode()).files["shop.py"]


def test_of_two_records_an_unfit_one_is_not_merged():
    text = TEXT + LINE.replace('"ai"', '"robot"')

    assert "robot" == read(text.encode()).functions("shop.py")["f"]["contributor"]
    with pytest.raises(ManifestError, match="contributor must be one of"):
        load(text.encode())


@pytest.mark.parametrize("number", ["1e0", "1E-3", "-1e5", "1.5e3", "[1e0]"])
def test_exponents_are_read_as_yaml_does(number: str):
    text = TEXT.replace('"contributor"', f'"new": {number}, "contributor"')

    read_leaf = read(text.encode()).functions("shop.py")
    assert read_any_yaml(text, "", name="m").functions("shop.py") == read_leaf
    assert number.strip("[]") in str(read_leaf["f"]["new"])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("aiprov: 1", "aiprov: one", "no `aiprov: 1` line"),
        ("aiprov: 1", "aiprov: 1\naiprov: 2", "two different versions"),
        ("aiprov: 1", "--- \n", "no `aiprov: 1` line|more than one"),
        (TEXT, "[]", "not a manifest"),
        (TEXT, "aiprov: 1\n---\naiprov: 1\n", "more than one document"),
        (TEXT, "aiprov: 1\nfiles: []\n", "should hold names"),
        (TEXT, "aiprov: 1\nfiles:\n  a: {b: c}\n", "should be a record in braces"),
        (TEXT, "aiprov: 1\nfiles: {? [a] : b}\n", "a key must be a text"),
        (TEXT, "aiprov: 1\nx: " + "[" * 20, "nested too deeply"),
        (TEXT, "aiprov: 1\nfiles: !!map {}\n", "tags have no place"),
        (TEXT, "aiprov: 1\nfiles: {", "mend the line or restore the file from git"),
        ("files:", "<<<<<<< HEAD\nfiles:", r"^\S+:5: a merge conflict: keep the lines of both sides"),
        (TEXT, "aiprov: 1\x01", "mend the file"),
        ("shop.py", "shop\\x85.py", "control characters|must be relative"),
        ("shop.py", "/shop.py", "must be relative"),
        ('"contributor": "ai"', '"contributor": "ai", "other_generations": 5', "must be a list of texts"),
        ('"contributor": "ai"', '"contributor": "ai", "ai_lines": 1.5', "ai_lines must be a number"),
        ('"contributor": "ai"', '"contributor": "ai", "code_hash": ""', "code_hash must be null or a text"),
        (
            "files:",
            f'  "{GENERATION.id}": {{"model": "openai/gpt-5"}}\nfiles:',
            "one generation stands twice with different content",
        ),
        ('{"model"', '{"' + "k" * 1001 + '": 1, "model"', "a key must be a text of at most 1000"),
    ],
)
def test_a_complaint_says_what_is_wrong(old: str, new: str, complaint: str):
    text = TEXT.replace(old, new)
    assert text != TEXT

    with pytest.raises(ManifestError, match=complaint):
        load(text.encode())


def test_an_error_without_a_place_names_the_first_line():
    with pytest.raises(ManifestError, match=r"^m\.yaml:\d+: "):
        load(TEXT.replace('"contributor": "ai"', '"contributor": 1').encode(), name="m.yaml")
