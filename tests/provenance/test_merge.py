from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.cli import run
from aiprov.provenance import merge_three
from aiprov_runtime._manifest import Generation, Manifest, ManifestError, Record, dumps, load

OPUS, GPT, HAIKU = (
    Generation(model=model, evidence="trailers", commit=letter * 40)
    for model, letter in (
        ("anthropic/claude-opus-4-6", "a"),
        ("openai/gpt-5", "b"),
        ("anthropic/claude-haiku-4-5", "c"),
    )
)
BY_ID = {generation.id: generation for generation in (OPUS, GPT, HAIKU)}
EMPTY = Manifest({}, {})


def by(generation: Generation, code: str, **more: object) -> Record:
    return Record("ai", generation.id, 1.0, code, **more)


def manifest(files: dict[str, dict[str, Record]]) -> Manifest:
    used = {g for f in files.values() for r in f.values() for g in (r.generation, *r.other_generations)}
    return Manifest({key: one for key, one in BY_ID.items() if key in used}, files)


def one(record: Record | None) -> Manifest:
    return manifest({"a.py": {"f": record}} if record else {})


def merged(base: Record | None, ours: Record | None, theirs: Record | None) -> Record | None:
    """Of one function; checked from both sides."""
    found = merge_three(one(base), one(ours), one(theirs)).files
    assert found == merge_three(one(base), one(theirs), one(ours)).files
    return found.get("a.py", {}).get("f")


def test_a_record_of_one_branch_is_kept() -> None:
    assert by(OPUS, "1") == merged(None, by(OPUS, "1"), None)


def test_a_record_that_one_branch_changed_is_the_changed_one() -> None:
    assert by(GPT, "2") == merged(by(OPUS, "1"), by(GPT, "2"), by(OPUS, "1"))


def test_a_record_that_one_branch_took_out_is_gone() -> None:
    assert None is merged(by(OPUS, "1"), None, by(OPUS, "1"))


def test_where_one_branch_changed_the_code_its_record_fits() -> None:
    """The other only learned more of the old code."""
    assert by(GPT, "2") == merged(by(OPUS, "1"), by(GPT, "2"), by(HAIKU, "1"))


def test_a_function_taken_out_goes_although_the_other_branch_learned_more_of_it() -> None:
    assert None is merged(by(OPUS, "1"), None, by(HAIKU, "1"))


def test_a_function_taken_out_but_changed_on_the_other_branch_stays() -> None:
    """Whichever way the conflict in the code is resolved, nothing is lost, and a check sees a deleted function."""
    assert by(GPT, "2") == merged(by(OPUS, "1"), None, by(GPT, "2"))


def test_code_that_both_branches_changed_has_both_generations_and_no_hash() -> None:
    both = tuple(sorted([GPT.id, HAIKU.id]))

    assert Record("ai", None, 1.0, None, both) == merged(by(OPUS, "1"), by(GPT, "2"), by(HAIKU, "3"))


def test_the_same_code_recorded_differently_keeps_its_hash() -> None:
    both = tuple(sorted([GPT.id, HAIKU.id]))

    assert Record("ai", None, 1.0, "2", both) == merged(by(OPUS, "1"), by(GPT, "2"), by(HAIKU, "2"))
    assert Record("ai", None, 1.0, "2", both) == merged(None, by(GPT, "2"), by(HAIKU, "2"))


def test_what_both_branches_changed_alike_is_that() -> None:
    assert by(GPT, "2") == merged(by(OPUS, "1"), by(GPT, "2"), by(GPT, "2"))


OLD = {"f": by(OPUS, "1"), "g": by(OPUS, "2"), "h": by(OPUS, "3")}


@pytest.mark.parametrize("swapped", [False, True])
def test_a_renamed_file_takes_the_other_branchs_changes_along(*, swapped: bool) -> None:
    ours = manifest({"new.py": OLD})
    theirs = manifest({"old.py": {"f": by(GPT, "9"), "h": by(OPUS, "3"), "added": by(GPT, "4")}})
    sides = (theirs, ours) if swapped else (ours, theirs)

    expected = {"new.py": {"added": by(GPT, "4"), "f": by(GPT, "9"), "h": by(OPUS, "3")}}
    assert expected == merge_three(manifest({"old.py": OLD}), *sides).files


def test_a_file_that_both_branches_renamed_alike_is_one_file() -> None:
    ours = manifest({"new.py": OLD | {"f": by(GPT, "9")}})
    theirs = manifest({"new.py": OLD | {"h": by(HAIKU, "8")}})

    expected = {"new.py": {"f": by(GPT, "9"), "g": by(OPUS, "2"), "h": by(HAIKU, "8")}}
    assert expected == merge_three(manifest({"old.py": OLD}), ours, theirs).files


def test_a_file_that_the_branches_renamed_differently_is_under_both_names() -> None:
    ours, theirs = manifest({"b.py": OLD}), manifest({"c.py": OLD | {"f": by(GPT, "9")}})

    expected = {"b.py": OLD, "c.py": OLD | {"f": by(GPT, "9")}}
    assert expected == merge_three(manifest({"old.py": OLD}), ours, theirs).files


def test_a_file_copied_to_two_names_is_not_guessed_at() -> None:
    ours, theirs = manifest({"b.py": OLD, "c.py": OLD}), manifest({"old.py": OLD | {"f": by(GPT, "9")}})

    expected = {"b.py": OLD, "c.py": OLD, "old.py": {"f": by(GPT, "9")}}
    assert expected == merge_three(manifest({"old.py": OLD}), ours, theirs).files


def test_two_files_that_became_one_are_not_mixed_up() -> None:
    base = manifest({"b.py": {"f": by(OPUS, "1")}, "c.py": {"g": by(OPUS, "2")}})
    ours = manifest({"bc.py": {"f": by(OPUS, "1"), "g": by(OPUS, "2")}})
    theirs = manifest({"b.py": {"f": by(GPT, "9")}, "c.py": {"g": by(GPT, "8")}})

    expected = {**ours.files, "b.py": {"f": by(GPT, "9")}, "c.py": {"g": by(GPT, "8")}}
    assert expected == merge_three(base, ours, theirs).files


def test_two_files_that_the_branches_renamed_alike_lose_nothing() -> None:
    base = manifest({"b.py": {"f": by(OPUS, "1")}, "c.py": {"g": by(OPUS, "2")}})
    ours, theirs = manifest({"x.py": {"f": by(OPUS, "1")}}), manifest({"x.py": {"g": by(OPUS, "2")}})

    assert {"x.py": {"f": by(OPUS, "1"), "g": by(OPUS, "2")}} == merge_three(base, ours, theirs).files


def test_a_file_that_gave_one_of_its_functions_away_is_not_renamed() -> None:
    ours = manifest({"new.py": {"f": by(OPUS, "1")}})
    theirs = manifest({"old.py": OLD | {"g": by(GPT, "9")}})

    expected = {"new.py": {"f": by(OPUS, "1")}, "old.py": {"g": by(GPT, "9")}}
    assert expected == merge_three(manifest({"old.py": OLD}), ours, theirs).files


def test_a_new_file_under_the_name_that_the_other_branch_renamed_to_stays_apart() -> None:
    ours = manifest({"new.py": OLD})
    theirs = manifest({"old.py": OLD, "new.py": {"k": by(GPT, "7")}})

    expected = {"new.py": OLD | {"k": by(GPT, "7")}}
    assert expected == merge_three(manifest({"old.py": OLD}), ours, theirs).files


def test_generations_that_no_record_needs_go() -> None:
    found = merge_three(one(by(OPUS, "1")), one(by(GPT, "2")), Manifest({}, {"a.py": {"f": by(OPUS, "1")}}))

    assert {GPT.id: GPT} == found.generations


def test_one_id_with_two_contents_is_refused() -> None:
    ours, theirs = (Manifest({"x": g}, {"a.py": {"f": Record("ai", "x", 1.0, g.id)}}) for g in (OPUS, GPT))

    with pytest.raises(ManifestError, match="generation x has different content"):
        merge_three(EMPTY, ours, theirs)


ids = st.none() | st.sampled_from(sorted(BY_ID))
codes = st.none() | st.sampled_from("123")
records = st.builds(
    Record,
    contributor=st.sampled_from(["ai", "mixed", "human"]),
    generation=ids,
    ai_lines=st.sampled_from([None, 0.5, 1.0]),
    code_hash=codes,
    other_generations=st.lists(st.sampled_from(sorted(BY_ID)), unique=True, max_size=2).map(sorted).map(tuple),
)
functions = st.dictionaries(st.sampled_from("fgh"), records, min_size=1)
manifests = st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), functions).map(manifest)


@given(manifests, manifests, manifests)
def test_three_manifests_make_one_that_is_read_and_names_no_unknown_generation(
    base: Manifest, ours: Manifest, theirs: Manifest
) -> None:
    data = dumps(merge_three(base, ours, theirs))

    found = load(data)
    used = {g for f in found.files.values() for r in f.values() for g in (r.generation, *r.other_generations) if g}
    assert used == found.generations.keys()
    assert data == dumps(merge_three(base, theirs, ours))


@given(manifests, manifests)
def test_a_branch_that_did_nothing_changes_nothing(base: Manifest, ours: Manifest) -> None:
    assert ours == merge_three(base, ours, base) == merge_three(base, base, ours)
    assert ours == merge_three(base, ours, ours)


@given(manifests, manifests, manifests)
def test_no_function_is_invented(base: Manifest, ours: Manifest, theirs: Manifest) -> None:
    names = {name for side in (ours, theirs) for functions in side.files.values() for name in functions}

    found = merge_three(base, ours, theirs).files
    assert {name for functions in found.values() for name in functions} <= names
    assert found.keys() <= ours.files.keys() | theirs.files.keys()


def driver(folder: Path, base: bytes, ours: bytes, theirs: bytes) -> tuple[int, bytes]:
    paths = [folder / name for name in ("base", "ours", "theirs")]
    for path, data in zip(paths, (base, ours, theirs), strict=True):
        path.write_bytes(data)
    return run(["merge-driver", *map(str, paths)]), paths[1].read_bytes()


def test_both_branches_added_the_manifest(tmp_path: Path) -> None:
    ours, theirs = one(by(OPUS, "1")), manifest({"b.py": {"g": by(GPT, "2")}})

    expected = manifest({"a.py": {"f": by(OPUS, "1")}, "b.py": {"g": by(GPT, "2")}})
    assert (0, dumps(expected)) == driver(tmp_path, b"", dumps(ours), dumps(theirs))


@pytest.mark.parametrize("broken", [b"", b"nonsense\n", b"\xff", b"aiprov: 9\ngenerations:\nfiles:\n", b"a\0b"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_side_that_cannot_be_read_is_left_to_git(
    tmp_path: Path, broken: bytes, side: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [dumps(one(by(OPUS, "1"))), dumps(one(by(GPT, "2")))]
    sides[side] = broken
    code, left = driver(tmp_path, dumps(one(by(HAIKU, "3"))), *sides)

    said = capsys.readouterr().err
    assert 1 == code
    assert 1 == said.count("\n")
    assert said.startswith(f"aiprov: .aiprov/manifest.yaml ({('ours', 'theirs')[side]})")
    assert left == sides[0] if b"\0" in broken else b"<<<<<<< ours\n" in left


def test_an_ancestor_with_conflict_markers_is_done_without(tmp_path: Path) -> None:
    ours, theirs = dumps(one(by(OPUS, "1"))), dumps(one(by(OPUS, "1")))

    assert (0, ours) == driver(tmp_path, b"<<<<<<< ours\n", ours, theirs)


def test_the_outcome_keeps_no_trace_of_how_a_side_was_written(tmp_path: Path) -> None:
    ours = dumps(one(by(OPUS, "1")))
    windows = ours.replace(b"\n", b"\r\n")

    assert (0, ours) == driver(tmp_path, b"", windows, ours)
