from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._sources import read_source
from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance.agent_trace._content_hash import Budget, ContentHash, Version
from aiprov.provenance.agent_trace._format import Span, parse
from aiprov.provenance.sources import UNCOMMITTED, UNTRACKED, Line, SomeLines
from aiprov.provenance.sources.agent_trace import AgentTraces
from aiprov_runtime._manifest import Generation

PARENT = "a" * 40
CODE = "def total(lines):\n    return sum(line.price for line in lines)\n"
EMPTY = "def empty():\n    nothing = 0\n    return nothing\n"


def sha(*lines: str, length: int = 64) -> str:
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:length]}"


def a_record(revision: str | None = None, /, **change: Any) -> dict[str, Any]:
    one: dict[str, Any] = {"start_line": 1, "end_line": 2}
    by = change.pop("contributor", {"type": "ai", "model_id": "claude-opus-4-6"})
    conversation = {"contributor": by, "ranges": change.pop("ranges", [one])}
    record: dict[str, Any] = {
        "version": "0.1",
        "id": "44489cd9-5d53-442e-9d6e-3f7e93d0d079",
        "timestamp": "2026-11-02T10:00:30Z",
        "tool": {"name": "cursor", "version": "3"},
        "files": [{"path": change.pop("path", "cart.py"), "conversations": [conversation]}],
        **change,
    }
    if revision:
        record["vcs"] = {"type": "git", "revision": revision}
    return record


def spans_of(*records: object) -> tuple[Span, ...]:
    return parse("\n".join(json.dumps(record) for record in records).encode()).spans


def found_in(work: Work, *records: object) -> tuple[dict[str, dict[str, dict[int, Line]]], tuple[str, ...]]:
    work.write(".agent-trace/traces.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    found = read_source(work, AgentTraces())
    lines = {
        commit: {path: dict(there) for path, there in evidence.lines.items()}
        for commit, evidence in found.evidence.items()
        if isinstance(evidence, SomeLines)
    }
    return lines, found.ignored


def test_a_record_of_the_specification_is_read() -> None:
    generation = Generation(
        model="anthropic/claude-opus-4-6",
        raw_model="claude-opus-4-6",
        tool="cursor",
        generated_at="2026-11-02T10:00:30Z",
        evidence="agent-trace",
    )

    assert spans_of(a_record(PARENT)) == (
        Span("cart.py", 1, 2, generation, "ai", revision=PARENT, recorded_at="2026-11-02T10:00:30Z"),
    )


def test_a_ranges_own_contributor_overrides_the_conversations() -> None:
    human = {"start_line": 1, "end_line": 2, "contributor": {"type": "human"}}

    (span,) = spans_of(a_record(PARENT, ranges=[human]))

    assert ("human", None) == (span.contributor, span.generation)


def test_without_a_contributor_nobody_is_claimed() -> None:
    (span,) = spans_of(a_record(PARENT, contributor=None))

    assert ("unknown", None) == (span.contributor, span.generation)


def test_a_path_of_windows_is_spelled_with_slashes() -> None:
    (span,) = spans_of(a_record(path="src\\shop\\cart.py"))

    assert span.path == "src/shop/cart.py"


@pytest.mark.parametrize("path", [".shell-history", ".sessions", ".unknown", "", "a\0b"])
def test_a_name_that_is_no_file_says_nothing(path: str) -> None:
    assert () == spans_of(a_record(path=path))


def test_the_flat_form_is_an_agents_edit_with_no_model() -> None:
    flat = {
        "schema": "agent-trace/v0.1.0",
        "file_path": "/home/a/cart.py",
        "start_line": 3,
        "end_line": 4,
        "tool": "Edit",
    }

    (span,) = spans_of(flat)

    assert Generation(evidence="agent-trace") == span.generation
    assert span.is_absolute


def test_a_list_and_one_object_over_many_lines_are_read_too() -> None:
    record = a_record(PARENT)

    assert spans_of(record) * 2 == parse(json.dumps([record, record]).encode()).spans
    assert spans_of(record) == parse(json.dumps(record, indent=2).encode()).spans


@pytest.mark.parametrize(
    "bad", ["{", '{"files": 3}', '{"files": [{"path": 1}]}', '{"file_path": "a", "start_line": "x"}', "[[[", "\xff"]
)
def test_what_is_no_record_is_counted(bad: str) -> None:
    parsed = parse(f"{json.dumps(a_record())}\n{bad}\n".encode("latin-1"))

    assert (1, 1) == (len(parsed.spans), parsed.unreadable)


def test_other_logs_in_the_folder_are_not_counted() -> None:
    assert parse(b'{"event": "afterFileEdit"}\n').unreadable == 0


@pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 2), (1, 200_000)])
def test_lines_that_cannot_be_are_no_evidence(start: int, end: int) -> None:
    parsed = parse(json.dumps(a_record(ranges=[{"start_line": start, "end_line": end}])).encode())

    assert ((), 1) == (parsed.spans, parsed.unreadable)


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed(data: bytes) -> None:
    parse(data)
    parse(b'{"files": [' + data)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["files", "path", "conversations", "ranges", "start_line", "end_line", "contributor", "vcs"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_parsed(value: object) -> None:
    parse(json.dumps(value).encode())


@pytest.mark.parametrize(
    "text", [sha("a", "b"), sha("a", "b", length=16), sha("a", "b").upper(), sha("a\r", "b\r", "")]
)
def test_a_hash_is_taken_over_the_text_whatever_its_line_ends(text: str) -> None:
    found = ContentHash.parse(text)

    assert found is not None
    assert found.fits([b"a", b"b"])
    assert not found.fits([b"a", b"c"])


@pytest.mark.parametrize("text", [None, "", "sha256:abc", "md5:0123456789abcdef", "murmur3:0123456789", "crc:12345678"])
def test_a_hash_that_cannot_be_taken_again_is_none(text: str | None) -> None:
    assert ContentHash.parse(text) is None


@pytest.mark.parametrize(
    "text", ["murmur3:248bfa47", "murmur3:cbd8a7b341bd9b025b1e906a48ae1d19", "murmur3:5b1e906a48ae1d19cbd8a7b341bd9b02"]
)
def test_murmur_hashes_are_taken_where_its_library_is_there(text: str) -> None:
    pytest.importorskip("mmh3")
    found = ContentHash.parse(text)

    assert found is not None
    assert found.fits([b"hello"])


def a_version(text: str, new: set[int], left: int = 10**6) -> Version:
    return Version(text.encode().split(b"\n"), frozenset(new), Budget(left))


def hashed(*lines: str) -> ContentHash:
    found = ContentHash.parse(sha(*lines))
    assert found is not None
    return found


LONG = "    return compute_the_total(cart)"


def test_hashed_text_is_there_where_it_came_in() -> None:
    version = a_version(f"a\n{LONG}\n{LONG}\n", {3})

    assert [False, False, True, False] == [version.has(hashed(LONG), start, 1) for start in (1, 2, 3, 9)]


def test_hashed_text_is_found_where_it_moved_to() -> None:
    assert a_version(f"a\nb\nc\n{LONG}\n", {4}).find(hashed(LONG), 1) == 4


def test_hashed_text_may_begin_before_what_is_new() -> None:
    assert a_version(f"a\nb\nc\n{LONG}\nd\n", {4}).find(hashed("b", "c", LONG, "d"), 4) == 2


def test_hashed_text_that_came_in_twice_is_found_nowhere() -> None:
    assert a_version(f"{LONG}\nb\n{LONG}\n", {1, 3}).find(hashed(LONG), 1) is None


def test_hashed_text_that_says_little_is_not_searched_for() -> None:
    assert a_version("a\nb\n    return x\n", {3}).find(hashed("    return x"), 1) is None


def test_hashed_text_that_was_there_before_is_not_found() -> None:
    assert a_version(f"{LONG}\nb\n", {2}).find(hashed(LONG), 1) is None


def test_what_is_too_large_to_be_searched_leaves_the_rest_of_the_budget() -> None:
    version = a_version(f"a\nb\nc\n{LONG}\n", {1, 2, 3, 4}, left=120)

    assert version.find(hashed("a", "b", LONG), 3) is None
    assert version.find(hashed(LONG), 1) == 4


@pytest.mark.parametrize(
    ("new", "claimed", "expected"),
    [
        ({2, 3}, {2, 3}, True),
        ({2, 3, 4}, {2, 3}, False),
        ({2, 3, 4}, {2, 3, 4}, True),
        ({1, 2, 3}, {2, 3}, False),
        ({2}, {2, 3}, False),
    ],
)
def test_a_range_is_a_run_where_all_that_is_new_there_is_claimed(
    new: set[int], claimed: set[int], *, expected: bool
) -> None:
    assert expected == a_version("a\nb\nc\nd\ne\n", new).is_run(2, 2, claimed)


def test_the_first_commit_after_the_recorded_revision_has_the_lines(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    commit = work.human({"cart.py": CODE + EMPTY})
    work.human({"cart.py": CODE + EMPTY + "\n\nprint(1)\n"})

    found, ignored = found_in(work, a_record(parent))

    generation = Generation(
        model="anthropic/claude-opus-4-6",
        raw_model="claude-opus-4-6",
        tool="cursor",
        generated_at="2026-11-02T10:00:30Z",
        commit=commit,
        evidence="agent-trace",
    )
    assert {commit: {"cart.py": {1: Line(generation), 2: Line(generation)}}} == found
    assert () == ignored


def test_a_writer_that_names_the_commit_itself_is_understood(work: Work) -> None:
    work.human({"cart.py": EMPTY})
    commit = work.human({"cart.py": CODE + EMPTY})

    found, _ = found_in(work, a_record(commit))

    assert [commit] == list(found)


def test_a_range_that_fits_the_named_commit_and_its_child_is_left_out(work: Work) -> None:
    parent = work.human({"cart.py": "x = 1\ny = 2\n"})
    work.human({"cart.py": CODE + "x = 1\ny = 2\n"})

    assert found_in(work, a_record(parent))[0] == {}


def test_lines_that_the_next_commit_did_not_add_as_one_are_left_out(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.human({"cart.py": "import os\n" + CODE + EMPTY})

    assert ({}, ("agent-trace: 1 of 1 ranges fit no commit's added lines",)) == found_in(work, a_record(parent))


def test_without_a_hash_a_later_commit_is_not_searched(work: Work) -> None:
    parent = work.human({"other.py": "x = 1\n"})
    work.human({"other.py": "x = 2\n"})
    work.human({"cart.py": CODE})

    assert found_in(work, a_record(parent))[0] == {}


def test_hashed_lines_are_found_in_a_later_commit_and_place(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.human({"other.py": "x = 2\n"})
    commit = work.human({"cart.py": EMPTY + "\n\n" + CODE})
    ranges = [{"start_line": 1, "end_line": 2, "content_hash": sha(*CODE.split("\n")[:2], length=16)}]

    found, _ = found_in(work, a_record(parent, ranges=ranges))

    assert {6, 7} == found[commit]["cart.py"].keys()


def test_a_hash_that_fits_nothing_is_left_out(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.human({"cart.py": CODE + EMPTY})
    ranges = [{"start_line": 1, "end_line": 2, "content_hash": sha("something else")}]

    assert found_in(work, a_record(parent, ranges=ranges))[0] == {}


def test_a_record_of_a_commit_that_is_gone_is_found_by_its_hash_and_time(work: Work) -> None:
    work.human({"cart.py": EMPTY})
    commit = work.human({"cart.py": CODE + EMPTY})
    ranges = [{"start_line": 1, "end_line": 2, "content_hash": sha(*CODE.split("\n")[:2])}]

    assert [commit] == list(found_in(work, a_record("f" * 40, ranges=ranges))[0])
    assert {} == found_in(work, a_record("f" * 40, ranges=ranges, timestamp="2026-11-03T00:00:00Z"))[0]


def test_a_record_of_a_commit_that_is_gone_says_nothing_without_a_hash(work: Work) -> None:
    work.human({"cart.py": EMPTY})
    work.human({"cart.py": CODE + EMPTY})

    assert {} == found_in(work, a_record("f" * 40))[0]


def test_work_that_is_not_committed_is_found(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.write("cart.py", CODE + EMPTY)

    found, _ = found_in(work, a_record(parent))

    assert {1, 2} == found[UNCOMMITTED]["cart.py"].keys()
    assert all(
        line.generation is not None and line.generation.commit is None
        for line in found[UNCOMMITTED]["cart.py"].values()
    )


def test_a_lone_first_line_is_the_reference_writers_way_to_know_nothing(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.human({"cart.py": "import os\n" + EMPTY})

    assert found_in(work, a_record(parent, ranges=[{"start_line": 1, "end_line": 1}]))[0] == {}


@pytest.mark.parametrize(
    ("kind", "expected"), [("human", [Line(None)] * 2), ("unknown", [UNTRACKED] * 2), ("mixed", [0.5, 0.5])]
)
def test_the_contributor_decides_what_a_line_says(work: Work, kind: str, expected: list[object]) -> None:
    parent = work.human({"cart.py": EMPTY})
    commit = work.human({"cart.py": CODE + EMPTY})

    found, _ = found_in(work, a_record(parent, contributor={"type": kind}))

    lines = list(found[commit]["cart.py"].values())
    assert expected == ([line.weight for line in lines] if kind == "mixed" else lines)


def test_of_two_records_on_one_line_the_later_wins(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    commit = work.human({"cart.py": CODE + EMPTY})

    found, _ = found_in(work, a_record(parent), a_record(parent, contributor={"type": "ai", "model_id": "gpt-5.4"}))

    models = {line.generation.model for line in found[commit]["cart.py"].values() if line.generation}
    assert {"openai/gpt-5.4"} == models


def test_absolute_paths_of_another_machine_are_placed_by_their_shared_root(work: Work) -> None:
    work.human({"src/shop/cart.py": EMPTY, "setup.py": EMPTY})
    commit = work.human({"src/shop/cart.py": CODE + EMPTY, "setup.py": CODE + EMPTY})

    def flat(path: str) -> dict[str, Any]:
        text = {"start_line": 1, "end_line": 2, "content_hash": sha(*CODE.split("\n")[:2])}
        return {"file_path": path, "timestamp": "2026-11-02T10:01:30+00:00", **text}

    found, ignored = found_in(
        work, flat("C:\\a\\shop\\src\\shop\\cart.py"), flat("C:\\a\\shop\\setup.py"), flat("/b/setup.py")
    )

    assert {"setup.py", "src/shop/cart.py"} == found[commit].keys()
    assert ("agent-trace: 1 of 3 ranges fit no commit's added lines",) == ignored


def test_records_are_read_from_head_where_the_work_tree_has_none(work: Work) -> None:
    parent = work.human({"cart.py": EMPTY})
    text = json.dumps(a_record(parent))
    commit = work.human({"cart.py": CODE + EMPTY, ".agent-trace/deep/one.json": text})
    (work.root / ".agent-trace/deep/one.json").unlink()

    found = read_source(work, AgentTraces())

    assert [commit] == list(found.evidence)


def test_a_repository_without_commits_says_nothing(work: Work) -> None:
    work.write(".agent-trace/traces.jsonl", json.dumps(a_record(PARENT)))

    assert {} == AgentTraces().read(Repository(work.root), []).evidence


def test_a_file_that_cannot_be_read_is_told_and_no_link_is_followed(work: Work) -> None:
    work.human({"cart.py": EMPTY})
    work.write("elsewhere/one.json", "{")
    (work.root / ".agent-trace").mkdir()
    (work.root / ".agent-trace/one.json").symlink_to(work.root / "elsewhere/one.json")

    ignored = (".agent-trace/one.json: not a plain file of at most 64 MiB",)
    assert ignored == read_source(work, AgentTraces()).ignored

    (work.root / ".agent-trace/one.json").unlink()
    (work.root / ".agent-trace").rmdir()
    (work.root / ".agent-trace").symlink_to(work.root / "elsewhere")
    assert () == read_source(work, AgentTraces()).ignored


def test_a_file_that_a_person_names_is_read_once(work: Work, tmp_path: Path) -> None:
    parent = work.human({"cart.py": EMPTY})
    work.human({"cart.py": "import os\n" + EMPTY})
    inside = work.write(".agent-trace/traces.jsonl", json.dumps(a_record(parent)))
    elsewhere = tmp_path / "other.jsonl"
    elsewhere.write_text(json.dumps(a_record(parent)))

    for files, ranges in (((), 1), ((inside,), 1), ((elsewhere,), 2)):
        ignored = read_source(work, AgentTraces(files=files)).ignored
        assert (f"agent-trace: {ranges} of {ranges} ranges fit no commit's added lines",) == ignored
