from __future__ import annotations

import os

import pytest

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.revert import REFUSED, plan

ONE, TWO = "def f(): return 1\n", "def f(): return 2\n"


def refused(project, function: str, **options) -> str:
    found = plan(project.repository, [function], **options)

    assert [(REFUSED, (), b"")] == [(o.status, found.edits, found.patch) for o in found.outcomes]
    return found.outcomes[0].reason or ""


@pytest.mark.parametrize(
    "function",
    [
        "",
        "::",
        "m.py",
        "m.py::",
        "::f",
        "m.py:f",
        "a\x00.py::f",
        "m.py::f\x1b[31m",
        "m.py::\u202ef",
        "x" * 2000 + "::f",
    ],
)
def test_what_names_no_function_is_refused(project, function):
    project.commit("v1", m=ONE)

    assert "a function is named path::qualname" in refused(project, function)


@pytest.mark.parametrize(
    "function",
    ["/etc/passwd::f", "../m.py::f", "a/../m.py::f", "a//m.py::f", "..::f", "-m.py::f", "C:/m.py::f", "a\\m.py::f"],
)
def test_paths_outside_or_odd_are_refused(project, function):
    project.commit("v1", m=ONE)

    assert "path" in refused(project, function)


@pytest.mark.parametrize("qualname", ["<module>", "<lambda>", "f.<locals>.<lambda>", "f.<locals>.<listcomp>"])
def test_what_is_no_function_of_its_own_is_refused(project, qualname):
    project.commit("v1", m=ONE)

    assert "name" in refused(project, f"m.py::{qualname}")


def test_untracked_folders_and_missing_files_are_refused(project):
    project.commit("v1", d__m=ONE)
    project.write(untracked=ONE)

    assert "is not in the last commit" in refused(project, "untracked.py::f")
    assert "is not in the last commit" in refused(project, "nope.py::f")
    assert "d is a folder" in refused(project, "d::f")


def test_dirty_staged_and_deleted_files_are_refused(project):
    project.commit("v1", a=ONE, b=ONE, c=ONE, d=ONE)
    project.write(a=TWO, b=TWO)
    project.git("add", "b.py")
    project.path("c").unlink()
    project.git("rm", "-q", "--cached", "d.py")

    assert "a.py differs from the last commit" in refused(project, "a.py::f")
    assert "b.py has staged changes" in refused(project, "b.py::f")
    assert "c.py is not in the work tree" in refused(project, "c.py::f")
    assert "d.py has staged changes" in refused(project, "d.py::f")


def test_an_edit_that_git_does_not_look_at_is_still_seen(project):
    project.commit("v1", m=ONE)
    project.git("update-index", "--assume-unchanged", "m.py")
    project.write(m=TWO)

    assert "m.py differs from the last commit" in refused(project, "m.py::f")


def test_symbolic_links_are_refused_in_the_tree_and_in_the_work_tree(project, tmp_path):
    project.commit("v1", real__m=ONE, real2__m=ONE)
    (project.root / "link.py").symlink_to("real/m.py")
    (project.root / "dir").symlink_to("real")
    project.commit("v2", real__m=TWO, real2__m=TWO)
    outside = tmp_path / "outside"
    (project.root / "real2").rename(outside)
    (project.root / "real2").symlink_to(outside)

    assert "link.py is a symbolic link" in refused(project, "link.py::f")
    assert "dir is a symbolic link" in refused(project, "dir/m.py::f")
    assert "reached through a symbolic link" in refused(project, "real2/m.py::f")
    assert TWO == (outside / "m.py").read_text()


def test_submodules_are_refused(project):
    commit = project.commit("v1", m=ONE)
    project.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    project.git("commit", "-q", "-m", "sub")
    project.write(sub__m=ONE)

    assert "lies in the submodule sub; run aiprov inside it" in refused(project, "sub/m.py::f")


@pytest.mark.parametrize("marker", ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"])
def test_nothing_is_written_in_the_middle_of_something_else(project, marker):
    project.commit("v1", m=ONE)
    project.commit("v2", m=TWO)
    (project.root / ".git" / marker).write_text("x")

    with pytest.raises(UsageError, match="is under way in this repository"):
        plan(project.repository, ["m.py::f"], to="v1", writing=True)
    assert plan(project.repository, ["m.py::f"], to="v1").edits


def test_a_file_that_does_not_parse_today_is_refused(project):
    project.commit("v1", m=ONE)
    project.commit("v2", m="def f(:\n")

    assert "today's file does not parse (line 1" in refused(project, "m.py::f")


def test_a_revision_that_does_not_parse_is_refused(project):
    project.commit("v1", m="def f():\n    print 'x'\n")
    project.commit("v2", m=TWO)

    assert "does not parse (line 2" in refused(project, "m.py::f", to="v1")


def test_a_long_and_a_deep_file_end_in_an_answer(project):
    long = "".join(f"def f{n}(a):\n    b = a + {n}\n    return b\n\n" for n in range(12_500))
    deep = "x = " + "-" * 3000 + "1\n\n\ndef f(): return {}\n"
    project.commit("v1", long=long, deep=deep.format(1))
    project.commit("v2", long=long.replace("a + 7\n", "a - 7\n"), deep=deep.format(2))

    found = plan(project.repository, ["long.py::f7"], to="v1")
    nested = plan(project.repository, ["deep.py::f"], to="v1").outcomes[0]

    assert long == found.edits[0].after.decode()
    assert nested.reason is None or "nested" in nested.reason or "does not parse" in nested.reason


def test_latin_1_files_keep_their_bytes(project):
    text = b"# coding: latin-1\nx = '\xe9'\ndef f(): return '\xe8%d'\n"
    project.commit("v1", m=text.replace(b"%d", b"1"))
    project.commit("v2", m=text.replace(b"%d", b"2"))

    assert text.replace(b"%d", b"1") == plan(project.repository, ["m.py::f"]).edits[0].after


def test_files_that_git_checks_out_as_crlf_are_clean(project):
    project.commit("v1", m=ONE)
    project.commit("v2", m=TWO)
    project.git("config", "core.autocrlf", "true")
    project.path("m").write_bytes(os.fsencode(TWO.replace("\n", "\r\n")))

    edit = plan(project.repository, ["m.py::f"], to="v1").edits[0]

    assert (ONE.encode(), b"def f(): return 1\r\n") == (edit.after, edit.on_disk(edit.after))


def test_a_shallow_clone_is_not_taken_for_new_code(project, tmp_path):
    project.commit("v1", m=ONE)
    project.commit("v2", m=TWO)
    clone = tmp_path / "clone"
    project.git("clone", "-q", "--depth=1", project.root.as_uri(), str(clone))
    (outcome,) = plan(Repository.discover(clone), ["m.py::f"]).outcomes

    assert outcome.reason == (
        f"this clone is shallow and its history ends at {project.git('rev-parse', 'HEAD')[:12]}; "
        "run git fetch --unshallow, or name the revision with --to"
    )
