"""Real branches: what git makes of them with the driver, and what a scan says afterwards."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from provenance._work import Work

from aiprov.cli import run
from aiprov.provenance import record
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, dumps, load

F = "def f(a):\n    b = a + 1\n    return b\n"
G = "\n\ndef g(a):\n    c = a * 2\n    return c\n"
H = "\n\ndef h(a):\n    d = a - 3\n    return d\n"
SPACE = "\n\n# ---\n# ---\n# ---\n"
LONG = "def f(a):\n    b = a + 1\n    c = b * 2\n    d = c - 4\n    e = d + a\n    return e\n"
BASE = F + SPACE + G + SPACE + H


@pytest.fixture
def merging(work: Work) -> Work:
    """Three functions that one model wrote, recorded, with the driver at work."""
    assert run(["init", "--merge-driver", "--apply", "--repo", str(work.root)]) == 0
    work.ai({"a.py": BASE, "pad.py": "x = 1\n"})
    work.scan()
    work.commit("Record provenance")
    work.git("checkout", "-q", "-b", "topic")
    work.git("checkout", "-q", "main")
    return work


def read(work: Work) -> Manifest:
    return load((work.root / MANIFEST_PATH).read_bytes())


def models(work: Work) -> dict[str, list[str | None]]:
    """By function, the tools of all its generations."""
    found = read(work)
    return {
        f"{path}::{name}": sorted(found.generations[g].tool or "" for g in (r.generation, *r.other_generations) if g)
        for path, functions in found.files.items()
        for name, r in functions.items()
        if name != "<module>"
    }


def on(work: Work, branch: str, *, ai: dict[str, str] | None = None, trailer: str = "", move: str = "") -> None:
    """One more commit of a branch, and its scan."""
    work.git("checkout", "-q", branch)
    if move:
        work.git("mv", "a.py", move)
    if ai:
        work.ai(ai, **({"trailer": trailer} if trailer else {}))
    else:
        work.human()
    work.scan()
    work.commit("Record provenance")
    work.git("checkout", "-q", "main")


CODEX = "Co-authored-by: Codex <noreply@openai.com>"


def settled(work: Work) -> None:
    """What a scan would still change: nothing."""
    merged = (work.root / MANIFEST_PATH).read_bytes()
    work.scan()

    assert merged.decode() == (work.root / MANIFEST_PATH).read_text()


def test_both_branches_changed_different_functions(merging: Work) -> None:
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"a.py": BASE.replace("a - 3", "a - 30"), "new.py": G}, trailer=CODEX)
    merging.git("merge", "-q", "--no-edit", "topic")

    expected = {
        "a.py::f": ["claude-code", "codex"],
        "a.py::g": ["claude-code"],
        "a.py::h": ["claude-code", "codex"],
        "new.py::g": ["codex"],
    }
    assert expected == models(merging)
    settled(merging)


def test_the_outcome_is_the_same_from_either_side(merging: Work) -> None:
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"a.py": BASE.replace("a - 3", "a - 30"), "new.py": G})
    merging.git("checkout", "-q", "-b", "other", "topic")
    merging.git("merge", "-q", "--no-edit", "main")
    one = (merging.root / MANIFEST_PATH).read_bytes()
    merging.git("checkout", "-q", "main")
    merging.git("merge", "-q", "--no-edit", "topic")

    assert one == (merging.root / MANIFEST_PATH).read_bytes()


def test_a_file_renamed_on_one_branch_and_edited_on_the_other(merging: Work) -> None:
    on(merging, "main", move="moved.py")
    on(merging, "topic", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    merging.git("merge", "-q", "--no-edit", "topic")

    expected = {"f": ["claude-code", "codex"], "g": ["claude-code"], "h": ["claude-code"]}
    assert {f"moved.py::{name}": tools for name, tools in expected.items()} == models(merging)
    settled(merging)


def test_a_file_deleted_on_one_branch(merging: Work) -> None:
    merging.git("rm", "-q", "a.py")
    on(merging, "main")
    on(merging, "topic", ai={"new.py": F}, trailer=CODEX)
    merging.git("merge", "-q", "--no-edit", "topic")

    assert {"new.py::f": ["codex"]} == models(merging)
    settled(merging)


def test_a_rebase_and_a_cherry_pick_use_the_driver(merging: Work) -> None:
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"new.py": G}, trailer=CODEX)
    merging.git("checkout", "-q", "-b", "picked", "main")
    merging.git("cherry-pick", "topic~1", "topic")
    picked = models(merging)
    merging.git("checkout", "-q", "topic")
    merging.git("rebase", "-q", "main")

    expected = {"a.py::f": ["claude-code", "codex"], "a.py::g": ["claude-code"], "a.py::h": ["claude-code"]}
    assert {**expected, "new.py::g": ["codex"]} == models(merging) == picked


@pytest.mark.parametrize("order", [("one", "two", "three"), ("three", "one", "two")])
def test_branches_merged_one_after_the_other_in_any_order(merging: Work, order: tuple[str, ...]) -> None:
    """Git's octopus asks no driver: it refuses, as it does for any file that several branches changed."""
    for name in ("one", "two", "three"):
        merging.git("branch", name, "topic")
        on(merging, name, ai={f"{name}.py": F}, trailer=CODEX)
    for name in order:
        merging.git("merge", "-q", "--no-edit", name)

    expected = {f"a.py::{name}": ["claude-code"] for name in "fgh"}
    assert expected | {f"{name}.py::f": ["codex"] for name in order} == models(merging)
    settled(merging)


def test_a_function_that_both_branches_recorded_anew_claims_no_hash(merging: Work) -> None:
    for branch, new, model in (("main", "a + 10", "openai/gpt-5"), ("topic", "a + 20", "anthropic/claude-haiku-4-5")):
        merging.git("checkout", "-q", branch)
        merging.human({"a.py": BASE.replace("a + 1", new)})
        record("a.py::f", model=model, repo=merging.root)
        merging.commit("Record provenance")
    merging.git("checkout", "-q", "main")
    with pytest.raises(subprocess.CalledProcessError):
        merging.git("merge", "-q", "--no-edit", "topic")  # the code itself conflicts

    found = read(merging)
    merged = found.files["a.py"]["f"]
    known = {found.generations[g].model for g in merged.other_generations}
    assert (None, None, {"openai/gpt-5", "anthropic/claude-haiku-4-5"}) == (merged.generation, merged.code_hash, known)
    assert "a.py" == merging.git("diff", "--name-only", "--diff-filter=U")


def recorded(work: Work, code: str, target: str, model: str) -> None:
    work.human({"a.py": code})
    record(target, model=model, repo=work.root)
    work.commit("Record provenance")


def kinds(work: Work, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    capsys.readouterr()
    run(["check", "--json", "--repo", str(work.root)])
    return [(one["kind"], one["function"]) for one in json.loads(capsys.readouterr().out)["findings"]]


def test_code_that_both_branches_changed_is_found_until_somebody_says_whose_it_is(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init", "--merge-driver", "--apply", "--repo", str(work.root)])
    recorded(work, LONG, "a.py::f", "anthropic/claude-opus-4-6")
    work.git("branch", "topic")
    recorded(work, LONG.replace("a + 1", "a + 10"), "a.py::f", "openai/gpt-5")
    work.git("checkout", "-q", "topic")
    recorded(work, LONG.replace("d + a", "d - a"), "a.py::f", "anthropic/claude-haiku-4-5")
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "--no-edit", "topic")
    work.scan()

    assert [("edited", "a.py::f")] == kinds(work, capsys)
    record("a.py::f", model="openai/gpt-5", repo=work.root)
    assert [] == kinds(work, capsys)


def test_a_function_renamed_on_one_branch_and_recorded_anew_on_the_other(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["init", "--merge-driver", "--apply", "--repo", str(work.root)])
    recorded(work, LONG, "a.py::f", "anthropic/claude-opus-4-6")
    work.git("branch", "topic")
    work.human({"a.py": LONG.replace("def f", "def renamed")})
    work.scan()
    work.commit("Record provenance")
    work.git("checkout", "-q", "topic")
    recorded(work, LONG.replace("d + a", "d - a"), "a.py::f", "openai/gpt-5")
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "--no-edit", "topic")

    assert {("renamed", "a.py::f"), ("edited", "a.py::renamed")} == set(kinds(work, capsys))
    work.scan()
    assert [] == kinds(work, capsys)
    found = read(work)
    assert {"renamed": "openai/gpt-5"} == {
        name: found.generations[one.generation or ""].model for name, one in found.files["a.py"].items()
    }


def test_both_branches_add_the_first_manifest(work: Work) -> None:
    run(["init", "--merge-driver", "--apply", "--repo", str(work.root)])
    work.human({"a.py": F})
    work.git("branch", "topic")
    on(work, "main", ai={"b.py": G})
    on(work, "topic", ai={"c.py": H}, trailer=CODEX)
    work.git("merge", "-q", "--no-edit", "topic")

    assert {"b.py::g": ["claude-code"], "c.py::h": ["codex"]} == models(work)
    settled(work)


def test_a_manifest_that_cannot_be_read_becomes_a_conflict_that_git_shows(merging: Work) -> None:
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    merging.git("checkout", "-q", "topic")
    merging.write(MANIFEST_PATH, (merging.root / MANIFEST_PATH).read_text().replace('"ai"', '"robot"'))
    merging.commit("Edit by hand")
    merging.git("checkout", "-q", "main")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        merging.git("merge", "-q", "--no-edit", "topic")

    assert b"contributor must be one of" in caught.value.stderr
    assert MANIFEST_PATH == merging.git("diff", "--name-only", "--diff-filter=U")
    assert "<<<<<<< ours" in (merging.root / MANIFEST_PATH).read_text()


@pytest.mark.parametrize("instead", ["no-such-program", "sh -c 'exit 1' x", "sh -c 'exit 3' x"])
def test_where_the_program_is_gone_or_broken_git_merges_by_lines(merging: Work, instead: str) -> None:
    """Not ours alone without a conflict, which somebody would commit."""
    command = merging.git("config", "merge.aiprov.driver")
    merging.git("config", "merge.aiprov.driver", command.replace("aiprov merge-driver", instead))
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"a.py": BASE.replace("a * 2", "a * 20")}, trailer=CODEX)
    with pytest.raises(subprocess.CalledProcessError):
        merging.git("merge", "-q", "--no-edit", "topic")

    assert MANIFEST_PATH == merging.git("diff", "--name-only", "--diff-filter=U")
    assert 1 == (merging.root / MANIFEST_PATH).read_text().count("<<<<<<<")


def test_a_missing_program_does_not_hinder_a_merge_that_lines_can_do(merging: Work) -> None:
    command = merging.git("config", "merge.aiprov.driver")
    merging.git("config", "merge.aiprov.driver", command.replace("aiprov merge-driver", "no-such-program"))
    on(merging, "main", ai={"z.py": F}, trailer=CODEX)
    merging.git("checkout", "-q", "topic")
    merging.write("a.py", G + SPACE + H)
    on(merging, "topic")
    merging.git("merge", "-q", "--no-edit", "topic")

    assert {"a.py::g", "a.py::h", "z.py::f"} == models(merging).keys()


def test_without_the_driver_a_union_by_lines_can_be_read(merging: Work) -> None:
    merging.write(".gitattributes", f"{MANIFEST_PATH} merge=union\n")
    merging.commit("Merge by lines")
    merging.git("branch", "-f", "topic", "main")
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"a.py": BASE.replace("a - 3", "a - 30"), "new.py": G}, trailer=CODEX)
    merging.git("merge", "-q", "--no-edit", "topic")

    found = read(merging)
    assert {"a.py", "new.py"} == found.files.keys() - {"pad.py"}
    merging.scan()
    assert dumps(read(merging)) == (merging.root / MANIFEST_PATH).read_bytes()


def test_a_second_work_tree_uses_the_driver(merging: Work, tmp_path: Path) -> None:
    on(merging, "main", ai={"a.py": BASE.replace("a + 1", "a + 10")}, trailer=CODEX)
    on(merging, "topic", ai={"new.py": G}, trailer=CODEX)
    merging.git("worktree", "add", "-q", str(tmp_path / "second"), "topic")
    second = Work(tmp_path / "second", merging.minute)
    second.git("merge", "-q", "--no-edit", "main")

    assert {"a.py::f", "a.py::g", "a.py::h", "new.py::g"} == models(second).keys()
