from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiprov.revert._patch import diff


def test_a_patch_names_both_sides_and_three_lines_around():
    before = b"".join(b"%d\n" % n for n in range(20))

    assert (
        b"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n"
        b"@@ -8,7 +8,8 @@\n 7\n 8\n 9\n-10\n+ten\n+and\n 11\n 12\n 13\n"
    ) == diff("x.py", before, before.replace(b"10\n", b"ten\nand\n"))


def test_changes_far_apart_are_hunks_of_their_own_and_near_ones_share():
    before = b"".join(b"%d\n" % n for n in range(60))
    far = before.replace(b"\n5\n", b"\nfive\n").replace(b"\n50\n", b"\nfifty\n")
    near = before.replace(b"\n5\n", b"\nfive\n").replace(b"\n12\n", b"\ntwelve\n")

    assert (2, 1) == tuple(diff("x", before, after).count(b"@@ -") for after in (far, near))


def test_nothing_differs():
    assert b"" == diff("x.py", b"a\n", b"a\n")


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("a b.py", b"diff --git a/a b.py b/a b.py\n--- a/a b.py\t\n+++ b/a b.py\t\n"),
        ('a"\t.py', b'diff --git "a/a\\"\\t.py" "b/a\\"\\t.py"\n--- "a/a\\"\\t.py"\n+++ "b/a\\"\\t.py"\n'),
        ("\u00e9.py", "diff --git a/\u00e9.py b/\u00e9.py\n--- a/\u00e9.py\n+++ b/\u00e9.py\n".encode()),
    ],
)
def test_odd_paths_are_written_as_git_reads_them(path, header, tmp_path):
    (tmp_path / path).write_bytes(b"a\n")
    patch = diff(path, b"a\n", b"b\n")

    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True)

    assert patch.startswith(header)
    assert b"b\n" == (tmp_path / path).read_bytes()


LINES = st.lists(st.sampled_from([b"", b"a", b"b", b"c", b"d\r", b"\xff\x0c", b"-- x", b"@@ -1 +1 @@"]), max_size=40)
FILES = st.tuples(LINES, st.sampled_from([b"", b"\n"])).map(lambda f: b"\n".join(f[0]) + f[1])


@settings(max_examples=60, deadline=None)
@given(FILES, FILES)
def test_git_turns_one_file_into_the_other(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("p")
    before, after = before or b"x", after or b"y"
    (folder / "f.py").write_bytes(before)
    patch = diff("f.py", before, after)
    if patch:
        subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], input=patch, cwd=folder, check=True)

    assert after == (folder / "f.py").read_bytes()
