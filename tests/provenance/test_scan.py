from __future__ import annotations

import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from provenance._work import CODEX, Work

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import record, scan
from aiprov.provenance._survivors import _left
from aiprov.provenance._text import PYTHON
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Record

PRICES = """\
import math


def total(items, rate):
    result = 0
    for item in items:
        if item['price'] > 10 and item['count'] > 0:
            result += item['price'] * item['count']
    return result * (1 + rate)


def shipping(weight):
    return math.ceil(weight / 5) * 3
"""
HUMAN = """\
def greet(name, *, greeting='Hello'):
    words = [greeting, name]
    return ' '.join(words)
"""


def test_a_function_by_a_model_is_marked_with_its_commit_model_and_hash(work: Work):
    work.human({"a.py": HUMAN})
    commit = work.ai({"a.py": HUMAN + "\n\ndef added(x):\n    return x + 1\n"})

    manifest = work.scan().manifest

    (generation,) = manifest.generations.values()
    assert generation == Generation(
        model="anthropic/claude-opus-4-6",
        tool="claude-code",
        generated_at="2026-11-02T10:02:00Z",
        commit=commit,
        evidence="trailers",
        raw_model="Claude Opus 4.6",
    )
    (found,) = manifest.files["a.py"].items()
    assert ("added", "ai", 1.0, generation.id) == (
        found[0],
        found[1].contributor,
        found[1].ai_lines,
        found[1].generation,
    )


def test_history_without_a_model_marks_nothing(work: Work):
    work.human({"a.py": PRICES, "b.py": HUMAN})

    found = work.scan()

    assert ({}, {}, 0) == (found.manifest.generations, found.manifest.files, found.ai_commits)


def test_a_repository_without_commits_marks_nothing(work: Work):
    work.write("a.py", PRICES)

    assert {} == work.scan().manifest.files


def test_the_same_history_gives_the_same_bytes(work: Work):
    work.ai({"a.py": PRICES})
    work.ai({"b.py": HUMAN}, trailer=CODEX)
    work.scan()
    first = (work.root / MANIFEST_PATH).read_bytes()
    work.scan()

    assert first == (work.root / MANIFEST_PATH).read_bytes()


@pytest.mark.parametrize("tool", [["ruff", "format", "--no-cache"], ["black", "-q"]])
def test_a_formatter_run_changes_nothing(work: Work, tool):
    work.human({"b.py": HUMAN.replace("words = [greeting, name]", "words = [ greeting,name ]")})
    messy = PRICES.replace("result = 0", "result=0").replace("items, rate", "items,\n  rate")
    work.ai({"a.py": messy.replace("weight / 5", "weight / 5. + .5")})
    before = work.scan().manifest

    run_formatter(work, tool)
    work.human()

    assert before == work.scan().manifest


@pytest.mark.parametrize("module", [textwrap, shlex])
def test_a_formatter_run_over_real_code_by_two_writers_changes_nothing(work: Work, module):
    source = Path(module.__file__).read_text()
    lines = source.splitlines(keepends=True)
    work.human({"a.py": "".join(line for line in lines if "self" not in line or line.lstrip().startswith("def "))})
    work.ai({"a.py": source})
    before = work.scan().manifest

    run_formatter(work, ["black", "-q", "-l", "60"])
    work.human()

    assert len(before.files["a.py"]) >= 5
    assert before == work.scan().manifest


def test_a_formatter_run_by_a_model_does_not_make_it_the_author(work: Work):
    work.human({"b.py": HUMAN})
    work.ai({"a.py": PRICES})
    run_formatter(work, ["ruff", "format", "--no-cache"])
    work.ai({}, trailer=CODEX)

    manifest = work.scan().manifest

    assert ["anthropic/claude-opus-4-6"] == [g.model for g in manifest.generations.values()]
    assert ["a.py"] == list(manifest.files)


def run_formatter(work: Work, tool: list[str]) -> None:
    before = {path: path.read_text() for path in work.root.glob("*.py")}
    subprocess.run([sys.executable, "-m", *tool, *map(str, before)], check=True, capture_output=True)
    assert all(text != path.read_text() for path, text in before.items())


def test_a_formatter_run_that_is_not_committed_changes_nothing(work: Work):
    work.ai({"a.py": PRICES})
    before = work.scan().manifest

    run_formatter(work, ["black", "-q"])

    assert before == work.scan().manifest


def test_two_formatter_runs_and_an_edit_between_keep_each_line_with_its_writer(work: Work):
    work.ai({"a.py": PRICES})
    work.human({"a.py": PRICES.replace("'", '"')})
    work.human({"a.py": PRICES.replace("'", '"').replace("1 + rate", "2 + rate")})
    reformatted = PRICES.replace("'", '"').replace("1 + rate", "2 + rate").replace("items, rate", "items,\n    rate,\n")
    work.human({"a.py": reformatted})

    files = work.scan().manifest.files["a.py"]

    assert ("mixed", "ai", "ai") == tuple(files[q].contributor for q in ("total", "shipping", "<module>"))
    assert 0.8 <= (files["total"].ai_lines or 0) < 0.95


def test_a_persons_line_in_a_function_that_a_model_reformatted_stays_a_persons(work: Work):
    first = "def f(a, b):\n    x = {'k': a}\n    y = 'two'\n    return x, y, b\n"
    work.human({"a.py": first})
    work.ai({"a.py": first.replace("y = 'two'", "y = 'three'")})
    work.ai({"a.py": first.replace("y = 'two'", "y = 'three'").replace("'", '"')}, trailer=CODEX)

    record_ = work.scan().manifest.files["a.py"]["f"]

    assert ("mixed", 0.25, ()) == (record_.contributor, record_.ai_lines, record_.other_generations)


def test_inserted_lines_above_change_nothing(work: Work):
    work.ai({"a.py": PRICES})
    before = work.scan().manifest.files["a.py"]

    work.human({"a.py": "'''Prices.'''\n# a comment\n\n" + PRICES})

    assert before == work.scan().manifest.files["a.py"]


def test_a_renamed_file_keeps_its_records(work: Work):
    work.ai({"a.py": PRICES})
    before = work.scan().manifest
    (work.root / "src").mkdir()
    work.git("mv", "a.py", "src/prices.py")
    work.human()

    after = work.scan().manifest

    assert before.files["a.py"] == after.files["src/prices.py"]
    assert ["src/prices.py"] == list(after.files)


@pytest.mark.parametrize("scanned_before", [True, False])
def test_a_renamed_function_keeps_its_record(work: Work, scanned_before):
    work.ai({"a.py": PRICES})
    if scanned_before:
        work.scan()
    work.human({"a.py": PRICES.replace("def total(", "def sum_of_prices(")})

    files = work.scan().manifest.files["a.py"]

    assert ["<module>", "shipping", "sum_of_prices"] == sorted(files)
    assert ("ai", 1.0) == (files["sum_of_prices"].contributor, files["sum_of_prices"].ai_lines)


def test_a_function_moved_to_another_file_keeps_its_record(work: Work):
    work.human({"b.py": HUMAN})
    work.ai({"a.py": PRICES})
    cut = PRICES.index("def shipping")
    work.human({"a.py": PRICES[:cut].rstrip() + "\n", "b.py": "import math\n" + HUMAN + "\n\n" + PRICES[cut:]})

    files = work.scan().manifest.files

    assert (["<module>", "total"], ["shipping"]) == (sorted(files["a.py"]), sorted(files["b.py"]))
    assert ("ai", 1.0) == (files["b.py"]["shipping"].contributor, files["b.py"]["shipping"].ai_lines)


def test_a_model_that_moves_a_persons_function_is_not_its_author(work: Work):
    work.human({"a.py": HUMAN + "\n\n" + PRICES[PRICES.index("def shipping") :]})
    work.ai({"a.py": HUMAN, "b.py": PRICES[PRICES.index("def shipping") :]})

    assert {} == work.scan().manifest.files


def test_it_is_none_of_it_after_a_person_edits_what_it_moved(work: Work):
    moved = "".join(f"    step_{number} = price * {number}\n" for number in range(12))
    moved = f"def shipping(price):\n{moved}    return step_11\n"
    work.human({"a.py": HUMAN + "\n\n" + moved})
    work.ai({"a.py": HUMAN, "b.py": moved})
    work.human({"b.py": moved.replace("* 5", "* 50")})

    assert {} == work.scan().manifest.files


def test_a_model_that_moves_and_edits_a_persons_function_wrote_what_it_edited(work: Work):
    moved = "".join(f"    step_{number} = price * {number}\n" for number in range(12))
    moved = f"def shipping(price):\n{moved}    return step_11\n"
    work.human({"a.py": HUMAN + "\n\n" + moved})
    work.ai({"a.py": HUMAN, "b.py": "import math\n\n\n" + moved.replace("* 5", "* 50")})

    found = work.scan().manifest.files

    assert ["shipping"] == [name for name in found["b.py"] if name != "<module>"]
    assert ("mixed", round(1 / 14, 4)) == (found["b.py"]["shipping"].contributor, found["b.py"]["shipping"].ai_lines)


def test_one_edited_constant_touches_that_function_alone(work: Work):
    work.ai({"a.py": PRICES})
    before = work.scan().manifest.files["a.py"]
    work.human({"a.py": PRICES.replace("> 10", "> 20")})

    after = work.scan().manifest.files["a.py"]

    assert {"total"} == {name for name in before if before[name] != after[name]}
    assert "mixed" == after["total"].contributor


def test_blank_and_comment_lines_do_not_count(work: Work):
    work.ai({"a.py": "def f(a):\n    b = a\n    return b\n"})
    work.human({"a.py": "def f(a):\n    # why\n\n    # because\n    b = a\n\n    return b\n"})

    assert 1.0 == work.scan().manifest.files["a.py"]["f"].ai_lines


def test_the_generation_with_most_lines_leads_and_of_equals_the_newest(work: Work):
    work.ai({"a.py": "def f(a):\n    return a\n\n\ndef g(a):\n    a = 1\n    return a\n"})
    newer = work.ai(
        {"a.py": "def f(a):\n    return a + 1\n\n\ndef g(a):\n    a = 1\n    return a - 7\n"}, trailer=CODEX
    )

    manifest = work.scan().manifest
    files = manifest.files["a.py"]

    assert newer == manifest.generations[files["f"].generation].commit
    assert "claude-code" == manifest.generations[files["g"].generation].tool
    assert (files["f"].generation,) == files["g"].other_generations


def test_ignored_revisions_are_seen_through(work: Work):
    work.ai({"a.py": "def f(a):\n    return a*2\n"})
    sweep = work.human({"a.py": "def f(a):\n    return a+a\n"})
    work.human({".git-blame-ignore-revs": f"# a sweep\n{sweep}\n"})

    assert {"a.py::f": "ai"} == work.marks()


def test_a_broken_list_of_ignored_revisions_is_said_and_passed_over(work: Work):
    work.ai({"a.py": PRICES, ".git-blame-ignore-revs": "HEAD~1\n"})

    found = work.scan()

    assert 1 == len(found.ignored)
    assert ".git-blame-ignore-revs:1: " in found.ignored[0]
    assert 3 == len(found.manifest.files["a.py"])


def test_a_record_outranks_trailers_while_the_code_is_the_same(work: Work):
    work.ai({"a.py": PRICES})
    record("a.py::total", model="gpt-5.2", tool="codex", prompt="x" * 50, repo=work.root)

    manifest = work.scan().manifest

    assert "openai/gpt-5.2" == manifest.generations[manifest.files["a.py"]["total"].generation].model
    assert "anthropic/claude-opus-4-6" == manifest.generations[manifest.files["a.py"]["shipping"].generation].model


def test_of_an_edited_function_the_recorded_lines_keep_their_record(work: Work):
    work.human({"a.py": PRICES})
    record("a.py", model="gpt-5.2", repo=work.root)
    before = work.scan().manifest.files["a.py"]
    work.human({"a.py": PRICES.replace("> 10", "> 20")})

    after = work.scan().manifest.files["a.py"]

    assert {name: one for name, one in before.items() if name != "total"} == {
        n: o for n, o in after.items() if n != "total"
    }
    assert ("mixed", before["total"].generation) == (after["total"].contributor, after["total"].generation)
    assert 0.5 <= after["total"].ai_lines < 1
    assert before["total"].code_hash != after["total"].code_hash


def test_a_share_that_falls_below_the_limit_makes_it_mixed():
    before = [b"line %d" % number for number in range(100)]
    now = [*before[:96], *(b"other %d" % number for number in range(4))]

    left = _left(Record("ai", "g", 0.96, "h"), before, now)

    assert left == Record("mixed", "g", 0.9216, "h")


@pytest.mark.parametrize("committed", [True, False])
def test_a_rewritten_function_keeps_its_old_hash(work: Work, *, committed: bool):
    if committed:
        work.human({"a.py": PRICES})
    else:
        work.write("a.py", PRICES)  # the recorded version is in no commit, so nobody can say which lines are left
    record("a.py::total", model="gpt-5.2", repo=work.root)
    before = work.scan().manifest.files["a.py"]
    rewritten = "def total(cart):\n    return cart.sum_of_prices(rounded=True)\n"
    changed = rewritten if committed else PRICES.replace("> 10", "> 20")
    work.human({"a.py": changed})

    assert before == work.scan().manifest.files["a.py"]


def test_an_edited_function_with_line_evidence_takes_it(work: Work):
    work.human({"a.py": PRICES})
    record("a.py", model="gpt-5.2", repo=work.root)
    work.ai({"a.py": PRICES.replace("> 10", "> 20")})

    manifest = work.scan().manifest

    assert "trailers" == manifest.generations[manifest.files["a.py"]["total"].generation].evidence
    assert "record" == manifest.generations[manifest.files["a.py"]["shipping"].generation].evidence


@pytest.mark.parametrize(
    ("edit", "path", "qualname"),
    [
        (lambda w: w.git("mv", "a.py", "b.py"), "b.py", "total"),
        (lambda w: w.write("a.py", PRICES.replace("def total", "def sum_up")), "a.py", "sum_up"),
        (lambda w: (w.write("a.py", HUMAN), w.write("c.py", PRICES[13:])), "c.py", "total"),
    ],
    ids=["file renamed", "function renamed", "function moved"],
)
def test_a_record_moves_along_with_its_code(work: Work, edit, path, qualname):
    work.human({"a.py": PRICES})
    record("a.py::total", model="gpt-5.2", repo=work.root)
    edit(work)
    work.human()

    files = work.scan().manifest.files

    assert {path: [qualname]} == {p: list(functions) for p, functions in files.items()}


def test_a_record_with_two_places_to_go_goes_nowhere(work: Work):
    work.human({"a.py": PRICES})
    record("a.py::total", model="gpt-5.2", repo=work.root)
    (work.root / "a.py").unlink()
    work.human({"b.py": PRICES, "c.py": PRICES})

    assert {} == work.scan().manifest.files


def test_records_of_deleted_functions_and_files_go(work: Work):
    work.human({"a.py": PRICES, "b.py": HUMAN})
    record(["a.py", "b.py"], model="gpt-5.2", repo=work.root)
    (work.root / "b.py").unlink()
    work.human({"a.py": "import math\n"})

    assert {"a.py": ["<module>"]} == {p: list(functions) for p, functions in work.scan().manifest.files.items()}


def test_a_record_from_commits_that_a_squash_left_behind_stays(work: Work):
    work.human({"a.py": "X = 1\n"})
    work.git("checkout", "-q", "-b", "topic")
    work.ai({"b.py": PRICES})
    before = work.scan().manifest
    work.git("checkout", "-q", "main")
    work.git("checkout", "topic", "--", "b.py")
    work.git("branch", "-q", "-D", "topic")
    work.human()

    assert before == work.scan().manifest


def test_a_file_that_does_not_parse_is_reported_and_its_records_stay(work: Work):
    work.ai({"a.py": PRICES, "b.py": HUMAN})
    before = work.scan().manifest.files["a.py"]
    work.write("a.py", PRICES + "\n<<<<<<< HEAD\n")

    found = work.scan()

    assert before == found.manifest.files["a.py"]
    assert [f"a.py: not valid {PYTHON}: invalid syntax"] == list(found.unreadable)


def test_only_commits_after_since_count(work: Work):
    first = work.ai({"a.py": HUMAN})
    work.ai({"b.py": PRICES}, trailer=CODEX)

    assert ["b.py"] == list(work.scan(since=first).manifest.files)


def test_an_unknown_since_is_one_clear_line(work: Work):
    work.human({"a.py": HUMAN})

    with pytest.raises(
        UsageError, match=r"^--since no\\u001bwhere: no such commit here; give a commit, tag or branch$"
    ):
        work.scan(since="no\x1bwhere")


def test_a_shallow_clone_is_refused_unless_since_is_inside(work: Work, tmp_path: Path):
    work.human({"a.py": HUMAN})
    inside = work.human({"a.py": HUMAN + "\nX = 1\n"})
    work.ai({"b.py": PRICES})
    work.git("clone", "-q", "--depth=2", f"file://{work.root}", str(tmp_path / "clone"))
    clone = Work(tmp_path / "clone")

    with pytest.raises(UsageError, match="shallow"):
        clone.scan()
    assert ["b.py"] == list(clone.scan(since=inside).manifest.files)


def test_a_clone_with_a_filter_is_refused_until_it_has_what_it_lacks(work: Work, tmp_path: Path):
    work.human({"a.py": HUMAN})
    work.ai({"a.py": HUMAN.replace("words", "parts")})
    work.git("config", "uploadpack.allowFilter", "true")
    work.git("clone", "-q", "--filter=blob:none", f"file://{work.root}", str(tmp_path / "clone"))
    clone = Work(tmp_path / "clone")

    with pytest.raises(
        UsageError, match=r"^this clone was made with a filter .*: run `git fetch --refetch --no-filter`$"
    ):
        clone.scan()
    clone.git("fetch", "-q", "--refetch", "--no-filter")
    assert {"a.py::greet": "mixed"} == clone.marks()


def test_lines_that_a_note_gives_to_a_person_make_a_human_record_as_long_as_it_is_there(work: Work):
    commit = work.ai({"a.py": HUMAN})
    metadata = f'{{"schema_version": "authorship/3.0.0", "base_commit_sha": "{commit}", "prompts": {{}}}}'
    note = f"a.py\n  h_1 1-3\n---\n{metadata}"
    work.git("notes", "--ref=ai", "add", "-m", note)

    assert {"a.py::greet": "human"} == work.marks()
    other = work.ai({"b.py": HUMAN})
    work.git("notes", "--ref=ai", "remove", commit)
    work.git("notes", "--ref=ai", "add", "-m", note.replace("a.py", "b.py"), other)
    assert {"a.py::greet": "ai", "b.py::greet": "human"} == work.marks()


def test_a_repository_of_sha256_and_a_detached_head_are_read(tmp_path: Path):
    work = Work(tmp_path)
    work.git("init", "-q", "--object-format=sha256")
    work.ai({"a.py": HUMAN})
    work.git("checkout", "-q", "--detach")

    assert {"a.py::greet": "ai"} == work.marks()


def test_hostile_file_names_are_left_out_and_counted(work: Work):
    for name in ('a"b.py', "a\nb.py", "a\\b.py", "-rf.py", "--help.py", "ok.py", ":(top)x.py", "ü.py", "a b.py"):
        work.write(name, f"def f():\n    return {name!r}\n")
    with open(bytes(work.root) + b"/\xff.py", "w") as file:  # noqa: PTH123  # a name that is no text
        file.write("def f(): pass\n")
    work.ai({})

    found = work.scan()

    assert ["--help.py", "-rf.py", ":(top)x.py", "a b.py", "ok.py", "ü.py"] == sorted(found.manifest.files)
    assert (4, ()) == (found.unnameable, found.unreadable)


def test_hostile_source_and_messages_end_in_results(work: Work):
    long = "f" * 1100
    deep = "(" * 5000 + ")" * 5000
    work.ai(
        {
            "long.py": f"def {long}():\n    return 1\n",
            "deep.py": deep,
            "nul.py": "x = 1\0\n",
            "cr.py": "def f():\r  return 1\r",
        }
    )
    work.commit(f"x\n\nCo-authored-by: aider (claude-{'a' * 240}-1) <aider@aider.chat>\n", {"a.py": HUMAN})
    work.commit("\x01\x1b]0;x\x07\n\nAssisted-by: \x1b[31mClaude\n", {"b.py": HUMAN})

    found = work.scan()

    assert ["a.py", "cr.py"] == sorted(found.manifest.files)
    assert (2, 1) == (len(found.unreadable), len(found.ignored))


def test_a_commit_at_no_time_of_any_calendar_is_read(work: Work):
    work.write("a.py", HUMAN)
    work.git("add", "-A")
    tree = work.git("write-tree")
    text = f"tree {tree}\nauthor x (aider) <> 99999999999999999 +0000\ncommitter x <> 1 +0000\n\nmessage\n"
    commit = work.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=text.encode())
    work.git("update-ref", "refs/heads/main", commit)

    (generation,) = work.scan().manifest.generations.values()

    assert ("aider", None) == (generation.tool, generation.generated_at)


def test_a_sparse_checkout_keeps_the_records_of_files_that_are_not_there(work: Work):
    work.human({"in/a.py": HUMAN, "out/b.py": HUMAN})
    record(["in/a.py", "out/b.py"], model="o3", repo=work.root)
    work.human()
    before = work.scan().manifest
    work.git("sparse-checkout", "set", "in", ".aiprov")

    assert not (work.root / "out").exists()
    assert before == work.scan().manifest


def test_a_file_split_in_two_by_a_person_stays_the_models(work: Work):
    cut = PRICES.index("def shipping")
    work.ai({"src/all.py": PRICES})
    (work.root / "src/all.py").unlink()
    work.human(
        {
            "src/a.py": PRICES[:cut],
            "lib/b.py": "import math\n\n\n" + PRICES[cut:].replace("ceil(weight", "ceil( weight"),
        }
    )

    files = work.scan().manifest.files

    assert ("ai", "ai") == (files["src/a.py"]["total"].contributor, files["lib/b.py"]["shipping"].contributor)


def test_lines_from_both_sides_of_a_merge_keep_their_writers(work: Work):
    work.human({"a.py": HUMAN})
    work.git("checkout", "-q", "-b", "topic")
    work.ai({"a.py": HUMAN + "\n\ndef added():\n    return 1\n"})
    work.git("checkout", "-q", "main")
    work.human({"a.py": "X = 1\n\n\n" + HUMAN})
    work.git("merge", "-q", "--no-edit", "topic")

    assert {"a.py::added": "ai"} == work.marks()


def test_links_are_not_followed(work: Work, tmp_path: Path):
    (tmp_path / "secret.py").write_text(PRICES)
    (work.root / "link.py").symlink_to(tmp_path / "secret.py")
    work.ai({"a.py": HUMAN})

    assert ["a.py"] == list(work.scan().manifest.files)


def test_nothing_of_a_person_reaches_the_manifest(work: Work):
    message = (
        "Write\n\nCo-authored-by: Jane's Claude <noreply@anthropic.com>\nSigned-off-by: Jane Doe <jane@example.com>\n"
        "Claude-Session: https://claude.ai/code/session_0123\n"
    )
    work.commit(message, {"a.py": HUMAN})
    work.scan()

    text = (work.root / MANIFEST_PATH).read_text()
    assert not [word for word in ("Jane", "example.com", "anthropic.com", "session", "https:") if word in text]


def test_an_interrupted_scan_leaves_the_manifest_as_it_was(work: Work):
    work.ai({"a.py": PRICES})

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(Repository(work.root), progress=interrupt)
    assert not (work.root / MANIFEST_PATH).exists()


def test_a_human_record_stays(work: Work):
    work.ai({"a.py": HUMAN})
    found = work.scan().manifest
    files = {"a.py": {"greet": Record("human", code_hash=found.files["a.py"]["greet"].code_hash)}}
    from aiprov.provenance import write_manifest
    from aiprov_runtime._manifest import Manifest

    write_manifest(work.root, Manifest({}, files))

    assert "human" == work.scan().manifest.files["a.py"]["greet"].contributor


def test_a_file_that_is_too_large_is_told(work: Work):
    work.ai({"a.py": PRICES, "big.py": "x = 1\n" + "#" * (16 << 20) + "\n"})

    found = work.scan()

    assert ("big.py: larger than 16 MiB",) == found.unreadable
    assert ["a.py"] == list(found.manifest.files)
