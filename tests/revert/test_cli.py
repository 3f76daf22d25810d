from __future__ import annotations

import json
import os
import subprocess

import pytest

from aiprov.cli import run

ONE, TWO = "def f():\n    return 1\n", "def f():\n    return 2\n"


@pytest.fixture
def shop(project):
    project.commit("v1", m=ONE, pkg__n=ONE)
    project.commit("v2", m=TWO, pkg__n=TWO + "\n\nx = 1\n")
    return project


def aiprov(shop, *arguments: str) -> int:
    return run(["revert", "--repo", str(shop.root), *arguments])


def test_the_patch_goes_to_stdout_and_applies(shop, capfdbinary):
    code = aiprov(shop, "m.py::f", "pkg/n.py::f", "--to", "v1")
    out, err = capfdbinary.readouterr()

    subprocess.run(["git", "apply", "-"], input=out, cwd=shop.root, check=True)
    assert (0, ONE, ONE + "\n\nx = 1\n") == (code, shop.path("m").read_text(), shop.path("pkg__n").read_text())
    assert b"reverted to" in err
    assert b"Next: the same command with --apply or --branch NAME" in err


def test_printing_writes_nothing(shop):
    before = shop.git("count-objects", "-v"), shop.git("status", "--porcelain")
    aiprov(shop, "m.py::f")

    assert before == (shop.git("count-objects", "-v"), shop.git("status", "--porcelain"))


def test_apply_writes_the_file_and_keeps_its_mode(shop, capfd):
    shop.path("m").chmod(0o755)
    shop.git("config", "core.fileMode", "false")

    assert 0 == aiprov(shop, "m.py::f", "--to", "v1", "--apply")
    assert (ONE, 0o755) == (shop.path("m").read_text(), shop.path("m").stat().st_mode & 0o777)
    assert ["m.py"] == sorted(p.name for p in shop.root.iterdir() if p.is_file())
    assert "" == capfd.readouterr().out


def test_branch_commits_without_touching_the_work_tree(shop):
    shop.write(m__other="untracked = 1\n")
    head, before = shop.git("rev-parse", "HEAD"), (shop.root / ".git" / "index").read_bytes()

    assert 0 == aiprov(shop, "m.py::f", "pkg/n.py::f", "--to", "v1", "--branch", "fix/spike")

    assert [head, "main"] == [shop.git("rev-parse", "HEAD"), shop.git("branch", "--show-current")]
    assert before == (shop.root / ".git" / "index").read_bytes()
    assert TWO == shop.path("m").read_text()
    assert head == shop.git("rev-parse", "fix/spike^")
    assert ONE.strip() == shop.git("show", "fix/spike:m.py")
    assert "m.py\npkg/n.py" == shop.git("diff", "--name-only", "main", "fix/spike")
    assert "Revert 2 functions" == shop.git("log", "-1", "--format=%s", "fix/spike")


@pytest.mark.parametrize("name", ["main", "-x", "a..b", "", "HEAD", "a b", "x\x1b", "main/sub"])
def test_branch_names_that_are_taken_or_bad_are_refused(shop, capfd, name):
    refs = shop.git("for-each-ref")

    assert 2 == aiprov(shop, "m.py::f", "--to", "v1", f"--branch={name}")
    assert refs == shop.git("for-each-ref")
    assert "branch" in capfd.readouterr().err


def test_json_holds_everything(shop, capfd):
    code = aiprov(shop, "m.py::f", "--to", "v1", "--json")
    found = json.loads(capfd.readouterr().out)

    assert 0 == code
    assert ["schema", "to", "functions", "notes", "patch", "applied", "branch"] == list(found)
    assert ("aiprov.revert/1", shop.git("rev-parse", "v1"), False, None) == tuple(
        found[key] for key in ("schema", "to", "applied", "branch")
    )
    assert [
        {
            "function": "m.py::f",
            "status": "reverted",
            "to": shop.git("rev-parse", "v1"),
            "undone": None,
            "reason": None,
            "warnings": [],
            "added": [],
        }
    ] == found["functions"]
    assert found["patch"].startswith("diff --git a/m.py b/m.py\n")


def test_json_says_what_was_written(shop, capfd):
    aiprov(shop, "m.py::f", "--json", "--branch", "b")
    branched = json.loads(capfd.readouterr().out)
    aiprov(shop, "m.py::f", "--json", "--apply")
    applied = json.loads(capfd.readouterr().out)

    assert [(False, "b"), (True, None)] == [(f["applied"], f["branch"]) for f in (branched, applied)]


def test_a_refusal_writes_nothing_and_exits_with_2(shop, capfd):
    code = aiprov(shop, "m.py::f", "m.py::g\x1b[31m", "--to", "v1", "--apply")
    out, err = capfd.readouterr()

    assert (2, "", TWO) == (code, out, shop.path("m").read_text())
    assert "nothing was written" in err
    assert "\x1b" not in err


def test_nothing_to_revert_is_clean(shop, capfd):
    assert 0 == aiprov(shop, "m.py::f", "--to", "v2", "--apply")
    assert "nothing to revert" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--help::x"], ["m.py::f", "--apply", "--branch", "b"], ["m.py::f", "--to", ""]])
def test_usage_errors_exit_with_2(shop, capfd, arguments):
    assert 2 == aiprov(shop, *arguments)
    assert "" == capfd.readouterr().out


def test_neither_hooks_nor_filters_of_the_repository_run(shop, tmp_path):
    hook = shop.root / ".git" / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (shop.root / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    shop.git("config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    shop.git("config", "diff.evil.textconv", f"touch {tmp_path}/ran; cat")

    assert 0 == aiprov(shop, "m.py::f", "--to", "v1", "--branch", "b")
    assert not (tmp_path / "ran").exists()


def test_a_read_only_folder_is_one_line(shop):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (shop.root / "pkg").chmod(0o555)

    assert 2 == aiprov(shop, "pkg/n.py::f", "--to", "v1", "--apply")
    assert TWO + "\n\nx = 1\n" == shop.path("pkg__n").read_text()


def test_a_commit_id_is_not_said_twice_and_the_undo_can_be_pasted(shop, capsys):
    target = shop.git("rev-parse", "v1")[:12]
    aiprov(shop, "m.py::f", "--to", target, "--apply")
    err = capsys.readouterr().err

    assert f"reverted to {target}: m.py::f" in err
    assert "to undo: git restore -- m.py\n" in err
