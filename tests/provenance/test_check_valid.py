from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.check._lines import ManifestLines
from aiprov.check._valid import invalid_entries, is_qualname
from aiprov.provenance import record
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, ManifestError, Record, dumps, load

MADE = Generation(model="openai/o3", prompt_hash=f"sha256:{'a' * 64}", commit="b" * 40, evidence="trailers")
HASH = "0123456789abcdef"
ID = MADE.id


def problems(
    made: Record | None = None,
    *,
    key: str = ID,
    generation: Generation = MADE,
    place: tuple[str, str] = ("a.py", "f"),
) -> list[str]:
    made = made or Record("ai", key, 1.0, HASH)
    manifest = Manifest({key: generation}, {place[0]: {place[1]: made}})
    return [finding.message.partition(";")[0] for finding in invalid_entries(manifest, ManifestLines(dumps(manifest)))]


@pytest.mark.parametrize(
    "made",
    [
        Record("ai", ID, 1.0, HASH),
        Record("ai", ID, 0.95, HASH),
        Record("ai", ID, None, None),
        Record("ai", None, 1.0, None, (ID,)),
        Record("mixed", ID, 0.01, HASH),
        Record("mixed", ID, 0.97, HASH),
        Record("mixed", None, 0.0, None, (ID,)),
        Record("human", None, 0.0, HASH),
        Record("human", None, None, HASH),
        Record("unknown", None, None, HASH),
    ],
)
def test_what_aiprov_writes_is_valid(made):
    assert [] == problems(made)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Record("human", ID, None, HASH), "contributor human with a generation"),
        (Record("unknown", ID, None, HASH), "contributor unknown with a generation"),
        (Record("human", None, 0.5, HASH), "contributor human with ai_lines 0.5"),
        (Record("ai", ID, 0.94, HASH), "contributor ai with ai_lines 0.94"),
        (Record("mixed", ID, 0.0, HASH), "contributor mixed with ai_lines 0.0"),
        (Record("ai", None, 1.0, HASH), "contributor ai without a generation"),
        (Record("mixed", None, 0.5, HASH), "contributor mixed without a generation"),
        (Record("ai", "f" * 16, 1.0, HASH), f"names generation {'f' * 16}, which is not in the manifest"),
        (Record("ai", ID, 1.0, HASH, ("e" * 16,)), f"names generation {'e' * 16}, which is not in the manifest"),
        (Record("ai", ID, 1.0, "0123"), "code_hash is not 16 hex digits"),
    ],
)
def test_a_record_that_contradicts_itself(made, expected):
    assert [expected] == problems(made)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("a.js", "f"), "not a Python file, and only functions in .py files are recorded"),
        (("a.py", "f.<lambda>"), "no function can have this name"),
        (("a.py", "1f"), "no function can have this name"),
    ],
)
def test_a_place_that_cannot_be(place, expected):
    assert [expected] == problems(place=place)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"prompt_hash": "Write me a shop"}, "prompt_hash is no hash, and a prompt must not stand here"),
        ({"commit": "HEAD"}, "commit is no full commit id"),
    ],
)
def test_a_generation_that_aiprov_does_not_make(change, expected):
    generation = MADE._replace(**change)
    assert [f"generation {generation.id}: {expected}"] == problems(key=generation.id, generation=generation)


def test_a_generation_under_another_id():
    key = "0" * 16
    assert [f"generation {key}: not as it was written: its content makes {ID}"] == problems(key=key)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f", True),
        ("C.g", True),
        ("é.ü", True),
        ("f.<locals>.g", True),
        ("f.<locals>.C.g", True),
        ("<module>", True),
        ("<locals>", False),
        ("f.<locals>", False),
        ("f.<locals>.<locals>.g", False),
        ("<module>.f", False),
        ("f..g", False),
        ("f g", False),
        ("", False),
    ],
)
def test_names_that_cpython_gives(name, expected):
    assert expected is is_qualname(name)


def test_lines_are_found_in_the_written_form_and_nowhere_else():
    manifest = Manifest({ID: MADE}, {"a.py": {"f": Record("ai", ID)}, "b.py": {"f": Record("ai", ID)}})
    lines = ManifestLines(dumps(manifest))

    assert (4, 7, 9, None) == (
        lines.generation(ID),
        lines.record("a.py", "f"),
        lines.record("b.py", "f"),
        lines.record("b.py", "g"),
    )
    assert ManifestLines(b"\xff{}").record("a.py", "f") is None


def test_a_record_on_every_function_of_a_real_file_is_valid(tmp_path: Path):
    (tmp_path / "shop.py").write_text("class A:\n    def f(self):\n        def g():\n            return lambda: 1\n")
    for contributor in ("ai", "mixed", "human"):
        made = record("shop.py", model=None if contributor == "human" else "o3", contributor=contributor, repo=tmp_path)
        lines = ManifestLines((tmp_path / MANIFEST_PATH).read_bytes())
        assert [] == list(invalid_entries(made, lines))


leaf = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["ai", "human", ID]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
record_leaf = st.fixed_dictionaries(
    {"contributor": st.sampled_from(["ai", "mixed", "human", "unknown"])},
    optional={
        "generation": st.sampled_from([ID, "x", ""]) | st.text(max_size=9),
        "ai_lines": st.floats(allow_nan=False) | st.sampled_from([0, 1, 0.5]),
        "code_hash": st.text(max_size=9),
        "other_generations": st.lists(st.text(max_size=5) | st.just(ID), max_size=3),
    },
)
document = st.fixed_dictionaries(
    {"aiprov": st.just(1)},
    optional={
        "generations": st.dictionaries(st.just(ID) | st.text(max_size=9), leaf, max_size=3),
        "files": st.dictionaries(
            st.just("a.py") | st.text(max_size=9), st.dictionaries(st.text(max_size=9), record_leaf | leaf, max_size=3)
        ),
    },
)


@given(document | leaf)
def test_any_yaml_is_findings_or_one_error_of_the_reader(value):
    import yaml

    data = yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass")
    try:
        manifest = load(data)
    except ManifestError:
        return
    for finding in invalid_entries(manifest, ManifestLines(data)):
        assert "invalid" == finding.kind
        assert "\n" not in finding.message.partition(";")[2]
