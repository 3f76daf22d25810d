from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from provenance._work import CODEX, Work

from aiprov.cli import run
from aiprov.provenance import Query, recall, write_manifest
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.ask._recall import names_model, names_tool
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record

CODE = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 2\n"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PROMPT = "Write the two functions that the shop needs, with tests"
OPUS = Generation(
    model="anthropic/claude-opus-4-6",
    tool="claude-code",
    prompt_hash=prompt_hash(PROMPT),
    generated_at="2026-11-02T10:00:00Z",
)
O3 = Generation(model="openai/o3", tool="codex", generated_at="2026-10-02T10:00:00Z")
EITHER = Generation(models=("google/gemini-3-pro", "openai/gpt-5"), tool="cursor")


@pytest.mark.parametrize(
    ("wanted", "model", "expected"),
    [
        ("anthropic/claude-opus-4-6", "anthropic/claude-opus-4-6", True),
        ("Claude Opus 4.6", "anthropic/claude-opus-4-6", True),
        ("claude-opus-4.6", "anthropic/claude-opus-4-6", True),
        ("Claude Opus 4.5", "anthropic/claude-opus-4-5-20251101", True),
        ("claude opus", "anthropic/claude-opus-4-6", True),
        ("anthropic", "anthropic/claude-opus-4-6", True),
        ("anthropic/", "anthropic/claude-opus-4-6", True),
        ("anthropic/*", "anthropic/claude-opus-4-6", True),
        ("claude-*-4-6", "anthropic/claude-opus-4-6", True),
        ("*OPUS*", "anthropic/claude-opus-4-6", True),
        ("gpt-5", "openai/gpt-5", True),
        ("gpt-5", "openai/gpt-5-codex", True),
        ("House Model", "House Model", True),
        ("gpt-5", "openai/gpt-5.4", False),
        ("Claude Opus 4", "anthropic/claude-opus-4-6", False),
        ("claude-opus-4-6", "anthropic/claude-opus-4-60", False),
        ("opus", "anthropic/claude-opus-4-6", False),
        ("openai/*", "anthropic/claude-opus-4-6", False),
        ("", "anthropic/claude-opus-4-6", False),
    ],
)
def test_a_model_is_meant_by_name_beginning_or_glob(wanted, model, expected):
    assert expected == names_model(wanted, model)


@pytest.mark.parametrize(
    ("wanted", "tool", "expected"),
    [("Claude Code", "claude-code", True), ("c*", "codex", True), ("code", "codex", False), ("codex", None, False)],
)
def test_a_tool_is_meant_by_name_or_glob(wanted, tool, expected):
    assert expected == names_tool(wanted, tool)


def manifest_of(**functions: tuple[Generation, ...]) -> Manifest:
    """`f` and `g` of shop.py, each with its generations, the main one first."""
    hashes = {name: region.code_hash for name, region in regions(CODE).items()}
    records = {
        name: Record("ai", made[0].id, 1.0, hashes.get(name, "0" * 16), tuple(sorted(one.id for one in made[1:])))
        for name, made in functions.items()
    }
    return Manifest({one.id: one for made in functions.values() for one in made}, {"shop.py": records})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(CODE)
    return tmp_path


def names(root: Path, manifest: Manifest, query: Query) -> list[str]:
    found = recall(manifest, query, root=root, now=NOW)
    return [one.provenance.function.partition("::")[2] for one in found.functions]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["f", "g"]),
        (Query(model="o3"), ["g"]),
        (Query(model="opus"), []),
        (Query(model="anthropic"), ["f", "g"]),
        (Query(model="gemini-3-pro"), ["f"]),
        (Query(tool="codex"), ["g"]),
        (Query(tool="codex", model="anthropic"), []),
        (Query(prompt=prompt_hash(PROMPT)), ["f", "g"]),
        (Query(prompt=prompt_hash(PROMPT).partition(":")[2][:8].upper()), ["f", "g"]),
        (Query(prompt="hmac-" + prompt_hash(PROMPT)), []),
        (Query(since="2026-11-01"), ["f", "g"]),
        (Query(since="2026-11-02T10:00:00Z"), ["f", "g"]),
        (Query(since="2026-11-02T12:00:01+02:00"), []),
        (Query(since="30d"), ["f", "g"]),
        (Query(since="1d"), []),
        (Query(since="2026-11-01", tool="codex"), []),
        (Query(contributor="mixed"), []),
        (Query(contributor="ai", tool="codex"), ["g"]),
    ],
)
def test_one_generation_answers_to_the_whole_query(root, query, expected):
    manifest = manifest_of(f=(OPUS, EITHER), g=(O3, OPUS))

    assert expected == names(root, manifest, query)


def test_verified_and_stale_are_told_apart_and_the_deleted_is_not_live(root):
    manifest = manifest_of(f=(OPUS,), g=(OPUS,), gone=(OPUS,))
    (root / "shop.py").write_text(CODE.replace("+ 2", "+ 3"))
    found = recall(manifest, Query(model="anthropic"), root=root, now=NOW)

    assert [("shop.py::f", "verified"), ("shop.py::g", "stale")] == [
        (one.provenance.function, one.provenance.state) for one in found.functions
    ]
    assert 1 == found.deleted
    (root / "shop.py").unlink()
    assert ((), 3) == (
        (found := recall(manifest, Query(model="anthropic"), root=root, now=NOW)).functions,
        found.deleted,
    )


def test_functions_of_a_file_that_is_no_python_now_are_unverified(root):
    (root / "shop.py").write_text("def f(:\n")
    found = recall(manifest_of(f=(OPUS,)), Query(tool="claude-code"), root=root, now=NOW)

    assert [("unverified", None)] == [(one.provenance.state, one.provenance.live) for one in found.functions]


def test_what_has_no_time_is_counted_apart(root):
    found = recall(manifest_of(f=(EITHER,), g=(OPUS,)), Query(since="2026-01-01"), root=root, now=NOW)

    assert (1, 1) == (len(found.functions), found.undated)


def test_only_files_in_question_are_read(root):
    manifest = manifest_of(f=(OPUS,))
    other = {"other.py": {"f": Record("ai", O3.id, 1.0, "0" * 16)}}
    (root / "other.py").mkdir()  # reading it would fail
    manifest = Manifest({**manifest.generations, O3.id: O3}, manifest.files | other)

    assert ["f"] == names(root, manifest, Query(model="anthropic"))


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        (Query(model="claude-opos-4-6"), "did you mean anthropic/claude-opus-4-6?"),
        (Query(model="opneai/o3"), "did you mean openai/o3?"),
        (Query(model="opus"), "did you mean anthropic/claude-opus-4-6?"),
        (Query(tool="claude-cod"), "did you mean claude-code?"),
        (Query(model="zzz"), "no record names the model zzz"),
    ],
)
def test_an_unknown_name_is_said_with_those_near_to_it(root, query, hint):
    found = recall(manifest_of(f=(OPUS, O3)), query, root=root, now=NOW)

    assert ((), True) == (found.functions, found.hints[0].endswith(hint))


def test_since_a_revision_is_what_it_does_not_reach(work: Work, capsys):
    work.ai({"old.py": CODE})
    work.git("tag", "v1")
    work.ai({"new.py": CODE}, trailer=CODEX)
    work.scan()

    assert 0 == run(["recall", "--since", "v1", "--repo", str(work.root)])
    assert ["new.py::f", "new.py::g"] == [line.partition("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert 0 == run(["recall", "--since", "HEAD", "--model", "claude", "--repo", str(work.root)])
    assert 0 == run(["recall", "--since", "HEAD~1", "--model", "claude", "--repo", str(work.root)])
    assert "" == capsys.readouterr().out


def test_what_was_merged_after_a_revision_is_newer_however_old_it_is(work: Work, capsys):
    work.human({"old.py": CODE})
    work.git("checkout", "-q", "-b", "side")
    work.ai({"new.py": CODE})
    work.git("checkout", "-q", "-")
    work.human({"old.py": CODE + "# more\n"})
    work.git("tag", "v1")
    work.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    work.scan()

    assert 0 == run(["recall", "--since", "v1", "--repo", str(work.root)])
    assert 2 == len(capsys.readouterr().out.splitlines())


@pytest.fixture
def shop(root: Path) -> Path:
    write_manifest(root, manifest_of(f=(OPUS,), g=(O3, OPUS)))
    return root


def call(root: Path, *arguments: str) -> int:
    return run(["recall", *arguments, "--repo", str(root)])


def test_a_prompt_is_found_by_its_text(shop: Path, tmp_path: Path, capsys):
    (tmp_path / "prompt.txt").write_text(f"\n{PROMPT}\r\n")

    assert 0 == call(shop, "--prompt", str(tmp_path / "prompt.txt"))
    assert 2 == len(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("text", ["deadbee", PROMPT, "x" * 5000, "a\nb", "/"])
def test_a_prompt_that_is_neither_hash_nor_file_is_not_repeated(shop: Path, capsys, text):
    assert 2 == call(shop, "--prompt", text)
    out, err = capsys.readouterr()
    assert ("", 1, False) == (out, err.count("\n"), text in err.replace("hash/", ""))


@pytest.mark.parametrize(
    "arguments", [("--since", "nothing"), ("--since", "2026-13-01"), ("--contributor", "robot"), ("--model", " ")]
)
def test_wrong_usage_is_one_line(work: Work, capsys, arguments):
    assert 2 == call(work.root, *arguments)
    assert ("", 1) == ((captured := capsys.readouterr()).out, captured.err.count("\n"))


def test_piped_each_function_is_one_line_of_fields(shop: Path, capsys):
    call(shop, "--model", "openai/o3")

    assert (
        "shop.py::g\tai\topenai/o3\tcodex\t\t2026-10-02T10:00:00Z\tverified\t\n",
        "1 function in 1 file: 1 verified\n",
    ) == capsys.readouterr()


def test_as_json_with_the_generations_that_were_meant(shop: Path, capsys):
    (shop / "pyproject.toml").write_text('[tool.aiprov]\nprompt_url = "https://prompts.example/{prompt_hash}"\n')
    call(shop, "--model", "anthropic", "--json")
    payload = json.loads(capsys.readouterr().out)

    assert "aiprov.recall/1" == payload["schema"]
    assert [("shop.py::f", [OPUS.id]), ("shop.py::g", [OPUS.id])] == [
        (one["function"], one["matched"]) for one in payload["functions"]
    ]
    link = "https://prompts.example/" + prompt_hash(PROMPT).replace(":", "%3A")
    assert [None, link] == [part["prompt_url"] for part in payload["functions"][1]["generations"]]


def test_nothing_found_is_clean_and_said(shop: Path, capsys):
    assert 0 == call(shop, "--tool", "aider")
    out, err = capsys.readouterr()
    assert ("", True) == (out, err.startswith("no record names the tool aider"))
