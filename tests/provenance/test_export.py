from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.errors import UsageError
from aiprov.provenance import export, import_file, write_manifest
from aiprov.provenance.agent_trace._export import Head, Range, records_of
from aiprov.provenance.agent_trace._format import parse
from aiprov.provenance.agent_trace._import import manifest_of
from aiprov_runtime._functions import MODULE, regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps

CODE = '''"""A cart."""
import os

class Cart:
    total = 0

    @property
    def size(self):
        def inner():
            return 1

        return inner()


def sum_of(values):

    return sum(values)
'''
COMMIT, OTHER = "c" * 40, "d" * 40

# The specification's words, as a schema: what is required, of which type, and that nothing else stands there.
TEXT = {"type": "string"}
KINDS = {"enum": ["human", "ai", "mixed", "unknown"]}
LINE = {"type": "integer", "minimum": 1}


def an_object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = required | optional
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def a_list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


CONTRIBUTOR = an_object({"type": KINDS}, model_id=TEXT | {"maxLength": 250})
RANGE = an_object({"start_line": LINE, "end_line": LINE}, content_hash=TEXT, contributor=CONTRIBUTOR)
CONVERSATION = an_object({"ranges": a_list(RANGE)}, url=TEXT | {"format": "uri"}, contributor=CONTRIBUTOR)
TRACE = an_object(
    {
        "version": TEXT | {"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "id": TEXT | {"pattern": r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
        "timestamp": TEXT | {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$"},
        "files": a_list(an_object({"path": TEXT, "conversations": a_list(CONVERSATION)})),
    },
    vcs=an_object({"type": {"enum": ["git", "jj", "hg", "svn"]}, "revision": TEXT}),
    tool=an_object({"name": TEXT, "version": TEXT}),
    metadata={"type": "object"},
)
VALIDATOR = jsonschema.Draft202012Validator(TRACE)


def a_head(ranges: dict[tuple[str, str], tuple[Range, ...]] | None = None) -> Head:
    return Head(COMMIT, {COMMIT: "2026-11-02T12:00:00Z", OTHER: "2026-11-02T11:00:00Z"}, ranges or {})


def written(manifest: Manifest, head: Head | None = None) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records_of(manifest, head or a_head())).encode()


A = Generation(
    model="anthropic/claude-opus-4-6", tool="claude-code", commit=OTHER, evidence="git-ai", prompt_hash="sha256:1"
)
B = Generation(models=("a/b", "c/d"), generated_at="2026-11-02T10:11:12Z", evidence="trailers", raw_model="A thing")
MANIFEST = Manifest(
    {A.id: A, B.id: B, "unused": Generation(tool="x")},
    {
        "src/cart.py": {
            "Cart.size": Record("ai", A.id, 1.0, "0123456789abcdef"),
            "sum_of": Record("mixed", A.id, 0.4, "0123", (B.id,)),
            MODULE: Record("mixed", None, 0.3, None, (A.id, B.id)),
        },
        "b.py": {"f": Record("human"), "g": Record("unknown"), "h": Record("ai", "gone", 1.0)},
    },
)


def test_a_manifest_comes_back_as_it_was() -> None:
    parsed = parse(written(MANIFEST))

    assert dumps(MANIFEST) == dumps(manifest_of(parsed.own, name="x"))
    assert () == parsed.spans


def test_each_generation_is_one_valid_record() -> None:
    ranges = {("src/cart.py", "Cart.size"): (Range(7, 12, "sha256:1"),), ("b.py", "f"): (Range(1, 2, "sha256:2"),)}

    records = [json.loads(line) for line in written(MANIFEST, a_head(ranges)).splitlines()]

    assert [] == [error.message for record in records for error in VALIDATOR.iter_errors(record)]
    assert len(MANIFEST.generations) + 1 == len(records)


def test_a_records_words_are_those_of_its_generation() -> None:
    manifest = Manifest({A.id: A}, {"cart.py": {"f": Record("ai", A.id), "g": Record("mixed", A.id)}})
    ranges = {("cart.py", "f"): (Range(4, 5, "sha256:1"),), ("cart.py", "g"): (Range(1, 2, "sha256:2"),)}

    (record,) = map(json.loads, written(manifest, a_head(ranges)).splitlines())

    conversations = [
        {
            "contributor": {"type": kind, "model_id": "anthropic/claude-opus-4-6"},
            "ranges": [{"start_line": start, "end_line": start + 1, "content_hash": text}],
        }
        for kind, start, text in (("ai", 4, "sha256:1"), ("mixed", 1, "sha256:2"))
    ]
    record.pop("id")
    record.pop("metadata")
    assert record == {
        "version": "0.1.0",
        "timestamp": "2026-11-02T11:00:00Z",
        "vcs": {"type": "git", "revision": COMMIT},
        "tool": {"name": "claude-code", "version": "unknown"},
        "files": [{"path": "cart.py", "conversations": conversations}],
    }


@pytest.mark.parametrize(
    ("generation", "time"),
    [
        (Generation(generated_at="2026-11-02T10:11:12Z", commit=OTHER), "2026-11-02T10:11:12Z"),
        (Generation(generated_at="2026-11-02T10:11:12", commit=OTHER), "2026-11-02T11:00:00Z"),
        (Generation(generated_at="yesterday", commit="e" * 40), "2026-11-02T12:00:00Z"),
        (Generation(), "2026-11-02T12:00:00Z"),
    ],
)
def test_the_time_is_of_the_generation_or_its_commit_or_head(generation: Generation, time: str) -> None:
    (record,) = map(json.loads, written(Manifest({"a": generation}, {})).splitlines())

    assert time == record["timestamp"]


NAMES = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "Zs", "S"]), min_size=1, max_size=20)
KEYS = NAMES
GENERATIONS = st.builds(
    Generation,
    model=st.none() | NAMES,
    models=st.lists(NAMES, max_size=3).map(tuple),
    tool=st.none() | NAMES,
    prompt_hash=st.none() | NAMES,
    generated_at=st.none() | NAMES,
    commit=st.none() | NAMES,
    evidence=st.none() | NAMES,
    raw_model=st.none() | NAMES,
)
RECORDS = st.builds(
    Record,
    contributor=st.sampled_from(["ai", "mixed", "human", "unknown"]),
    generation=st.none() | st.sampled_from("abc"),
    ai_lines=st.none() | st.floats(0, 1),
    code_hash=st.none() | NAMES,
    other_generations=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
)
PATHS = NAMES.filter(lambda name: name not in (".", "..") and name[1:2] != ":" and "/" not in name and "\\" not in name)
MANIFESTS = st.builds(
    Manifest,
    st.dictionaries(st.sampled_from("abc"), GENERATIONS, max_size=3),
    st.dictionaries(PATHS, st.dictionaries(KEYS, RECORDS, min_size=1, max_size=3), max_size=3),
)


@given(MANIFESTS)
def test_any_manifest_comes_back_and_its_records_are_valid(manifest: Manifest) -> None:
    data = written(manifest)

    assert dumps(manifest) == dumps(manifest_of(parse(data).own, name="x"))
    assert [] == [error.message for line in data.splitlines() for error in VALIDATOR.iter_errors(json.loads(line))]


def put(work: Work, **records: Record) -> Manifest:
    hashes = {name: region.code_hash for name, region in regions(CODE).items()}
    functions = {
        name.replace("__", "."): record._replace(
            code_hash=hashes[name.replace("__", ".")] if not record.code_hash else None
        )
        for name, record in records.items()
    }
    manifest = Manifest({A.id: A}, {"cart.py": functions})
    work.commit("Start\n", {"cart.py": CODE})
    write_manifest(work.root, manifest)
    return manifest


def lines_of(work: Work) -> list[tuple[int, int]]:
    (record,) = map(json.loads, export(work.root).lines)
    ranges = [r for file in record["files"] for c in file["conversations"] for r in c["ranges"]]
    lines = CODE.split("\n")
    for one in ranges:
        text = "\n".join(lines[one["start_line"] - 1 : one["end_line"]])
        assert f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" == one["content_hash"]
    return [(one["start_line"], one["end_line"]) for one in ranges]


def test_a_functions_range_leaves_out_those_inside_of_it(work: Work) -> None:
    put(work, Cart__size=Record("ai", A.id))

    assert [(7, 8), (12, 12)] == lines_of(work)


def test_blank_lines_inside_of_a_function_do_not_part_it(work: Work) -> None:
    put(work, sum_of=Record("ai", A.id))

    assert [(15, 17)] == lines_of(work)


def test_what_is_outside_of_functions_is_the_modules(work: Work) -> None:
    manifest = put(work, sum_of=Record("ai", A.id))
    write_manifest(work.root, manifest._replace(files={"cart.py": {MODULE: Record("ai", A.id)}}))

    assert [(1, 5)] == lines_of(work)


def test_a_function_that_was_edited_since_has_no_range_and_is_not_lost(work: Work) -> None:
    manifest = put(work, sum_of=Record("ai", A.id))
    work.commit("Edit\n", {"cart.py": CODE.replace("sum(values)", "sum(values) + 1")})

    done = export(work.root)

    assert ("cart.py::sum_of",) == done.without_range
    assert [] == json.loads(done.lines[0])["files"]
    assert dumps(manifest) == dumps(manifest_of(parse(done.lines[0].encode()).own, name="x"))


def test_ranges_are_those_of_head_and_not_of_the_work_tree(work: Work) -> None:
    put(work, sum_of=Record("ai", A.id))
    work.write("cart.py", "\n\n\n" + CODE)

    assert [(15, 17)] == lines_of(work)


@pytest.mark.parametrize("text", [None, "def (", "\0"])
def test_a_file_that_cannot_be_read_has_no_ranges(work: Work, text: str | None) -> None:
    put(work, sum_of=Record("ai", A.id))
    (work.root / "cart.py").unlink()
    work.commit("Break\n", {} if text is None else {"cart.py": text})

    assert ("cart.py::sum_of",) == export(work.root).without_range


def test_the_same_commit_gives_the_same_bytes(work: Work) -> None:
    put(work, sum_of=Record("ai", A.id), Cart__size=Record("mixed", A.id, 0.5))

    assert export(work.root).lines == export(work.root).lines


def test_without_a_commit_there_is_nothing_to_count_lines_of(work: Work) -> None:
    with pytest.raises(UsageError, match="commit first"):
        export(work.root)


def test_an_export_is_imported_into_an_empty_manifest_without_loss(work: Work) -> None:
    manifest = put(work, sum_of=Record("ai", A.id), Cart__size=Record("mixed", A.id, 0.5))
    file = work.write("trace.jsonl", "\n".join(export(work.root).lines))
    write_manifest(work.root, Manifest({}, {}))

    done = import_file(work.root, file)

    assert dumps(manifest) == dumps(done.manifest)
    assert (2, 1, 0) == (done.functions, done.generations, done.ranges)


def test_importing_what_is_held_already_changes_nothing(work: Work) -> None:
    manifest = put(work, sum_of=Record("ai", A.id))
    file = work.write("trace.jsonl", "\n".join(export(work.root).lines))

    assert dumps(manifest) == dumps(import_file(work.root, file).manifest)


def test_an_exported_file_below_agent_trace_adds_no_noise_to_a_scan(work: Work) -> None:
    put(work, sum_of=Record("ai", A.id))
    work.write(".agent-trace/aiprov.jsonl", "\n".join(export(work.root).lines))

    assert () == work.scan().ignored
