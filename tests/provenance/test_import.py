from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.cli import run
from aiprov.errors import UsageError
from aiprov.provenance import import_file, write_manifest
from aiprov.provenance.agent_trace._format import parse
from aiprov.provenance.agent_trace._import import manifest_of
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, ManifestError, Record, dumps, load

GENERATION = Generation(model="anthropic/claude-opus-4-6", evidence="record")
MANIFEST = Manifest({GENERATION.id: GENERATION}, {"cart.py": {"f": Record("ai", GENERATION.id, 1.0, "0123")}})
BEFORE = "def empty():\n    nothing = 0\n    return nothing\n"
ADDED = "def total(lines):\n    return sum(lines)\n"


def a_trace(revision: str) -> str:
    contributor = {"type": "ai", "model_id": "openai/gpt-5.4"}
    conversation = {"contributor": contributor, "ranges": [{"start_line": 1, "end_line": 2}]}
    file = {"path": "cart.py", "conversations": [conversation]}
    record = {"version": "0.1", "id": "x", "timestamp": "2026-11-02T10:01:30Z", "files": [file]}
    return json.dumps({**record, "vcs": {"type": "git", "revision": revision}})


def an_own(**change: object) -> str:
    own = {
        "manifest": 1,
        "id": "a",
        "generation": {"model": None},
        "functions": {"cart.py": {"f": {"contributor": "ai"}}},
    }
    return json.dumps({"version": "0.1.0", "files": [], "metadata": {"dev.aiprov": own | change}})


def test_a_manifest_is_merged_into_the_one_held(work: Work) -> None:
    other = Generation(model="openai/gpt-5.4", evidence="record")
    held = Manifest({other.id: other}, {"b.py": {"g": Record("ai", other.id)}})
    write_manifest(work.root, held)
    file = work.write("other.yaml", dumps(MANIFEST).decode())

    done = import_file(work.root, file)

    assert Manifest(held.generations | MANIFEST.generations, held.files | MANIFEST.files) == done.manifest


def test_ranges_by_other_tools_are_looked_for_in_the_history(work: Work) -> None:
    parent = work.human({"cart.py": BEFORE})
    commit = work.human({"cart.py": ADDED + BEFORE})
    file = work.write("trace.jsonl", a_trace(parent))

    done = import_file(work.root, file)

    record = done.manifest.files["cart.py"]["total"]
    generation = done.manifest.generations[record.generation or ""]
    assert ("ai", 1, ["total"]) == (record.contributor, done.ranges, list(done.manifest.files["cart.py"]))
    assert ("openai/gpt-5.4", commit, "agent-trace") == (generation.model, generation.commit, generation.evidence)


def test_what_a_scan_had_found_stays_and_a_scan_keeps_what_was_imported(work: Work) -> None:
    work.ai({"other.py": "def g():\n    return 1\n"})
    parent = work.human({"cart.py": BEFORE})
    work.human({"cart.py": ADDED + BEFORE})
    work.scan()
    file = work.write("trace.jsonl", a_trace(parent))

    write_manifest(work.root, import_file(work.root, file).manifest)

    marks = {"cart.py::total": "ai", "other.py::<module>": "ai", "other.py::g": "ai"}
    assert {name: marks[name] for name in ("cart.py::total", "other.py::g")}.items() <= work.marks().items()


def test_a_generation_that_means_something_else_here_is_refused(work: Work) -> None:
    write_manifest(work.root, Manifest({"a": Generation(tool="x")}, {"b.py": {"g": Record("ai", "a")}}))
    file = work.write("trace.jsonl", an_own())

    with pytest.raises(UsageError, match="generation a is another one"):
        import_file(work.root, file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"functions": {"../cart.py": {}}}, "relative"),
        ({"functions": {"cart.py": {"f": {"contributor": "me"}}}}, "contributor"),
        ({"generation": {"model": 7}}, "model"),
    ],
)
def test_an_export_that_was_damaged_is_refused_in_one_line(work: Work, change: dict[str, object], said: str) -> None:
    file = work.write("trace.jsonl", an_own(**change))

    with pytest.raises(UsageError, match=said):
        import_file(work.root, file)


def test_one_generation_with_two_contents_is_refused() -> None:
    parsed = parse(f"{an_own()}\n{an_own(generation={'model': 'a/b'})}".encode())

    with pytest.raises(UsageError, match="stands twice"):
        manifest_of(parsed.own, name="x")


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1, 2]", "{", "x", '{"files": []}'])
def test_a_file_without_records_is_refused(work: Work, text: str) -> None:
    file = work.write("trace.json", text)

    with pytest.raises(UsageError, match="neither a manifest nor"):
        import_file(work.root, file)


@pytest.mark.parametrize("text", ["", "hello\n", "\x00", "aiprov: 9\n"])
def test_what_is_no_manifest_is_refused(work: Work, text: str) -> None:
    file = work.write("other.yaml", text)

    with pytest.raises(ManifestError):
        import_file(work.root, file)


def test_a_key_that_no_manifest_holds_is_refused(work: Work) -> None:
    file = work.write("trace.jsonl", an_own(functions={"cart.py": {'a"b': {"contributor": "ai"}}}))

    with pytest.raises(ManifestError):
        import_file(work.root, file)


@pytest.mark.parametrize("name", ["absent.jsonl", "."])
def test_a_file_that_is_not_there_is_a_usage_error(work: Work, name: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        import_file(work.root, work.root / name)


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.booleans()


@given(
    st.dictionaries(
        st.sampled_from(["functions", "id", "generation", "manifest"]),
        VALUES | st.dictionaries(st.text(max_size=3), VALUES),
    )
)
def test_any_metadata_is_a_manifest_or_one_line(change: dict[str, object]) -> None:
    try:
        manifest_of(parse(an_own(**change).encode()).own, name="x")
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017


def cli(work: Work, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run([*args, "--repo", str(work.root)])
    out, err = capsys.readouterr()
    return code, out, err


def test_export_and_import_on_the_command_line(work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work.ai({"cart.py": ADDED + BEFORE})
    work.scan()
    held = (work.root / MANIFEST_PATH).read_bytes()
    file = tmp_path / "trace.jsonl"

    assert cli(work, capsys, "export", "-o", str(file)) == (0, "", f"1 record to {file}: 2 functions\n")
    (work.root / MANIFEST_PATH).unlink()
    code, out, err = cli(work, capsys, "import", str(file), "--dry-run")
    assert (0, "") == (code, out)
    assert "trace.jsonl: 2 functions of 1 generation\nnothing written (--dry-run)\n" == err
    assert not (work.root / MANIFEST_PATH).exists()
    assert cli(work, capsys, "import", str(file))[0] == 0
    assert held == (work.root / MANIFEST_PATH).read_bytes()
    assert cli(work, capsys, "import", str(file))[2].endswith("nothing new in it\n")


def test_json_of_both_verbs(work: Work, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work.ai({"cart.py": ADDED + BEFORE})
    work.scan()
    file = tmp_path / "trace.jsonl"

    exported = json.loads(cli(work, capsys, "export", "--json")[1])
    file.write_text("\n".join(json.dumps(trace) for trace in exported["traces"]))
    imported = json.loads(cli(work, capsys, "import", str(file), "--json")[1])

    assert {
        "schema": "aiprov.export/1",
        "format": "agent-trace",
        "revision": work.git("rev-parse", "HEAD"),
        "records": 1,
        "functions": 2,
        "without_range": [],
        "file": None,
    } == {key: value for key, value in exported.items() if key != "traces"}
    assert {
        "schema": "aiprov.import/1",
        "functions": 2,
        "generations": 1,
        "ranges": 0,
        "ignored": [],
        "manifest": MANIFEST_PATH,
        "written": False,
    } == imported


def test_an_unknown_format_is_a_usage_error(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(work, capsys, "export", "--format", "git-ai") == (2, "", "aiprov: --format must be agent-trace\n")


def test_a_written_manifest_is_one_that_loads(work: Work) -> None:
    file = work.write("trace.jsonl", an_own())

    assert load(dumps(import_file(work.root, file).manifest)).files == {"cart.py": {"f": Record("ai")}}
