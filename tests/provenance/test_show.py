from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from aiprov.cli import run
from aiprov.provenance import write_manifest
from aiprov.provenance.ask._links import prompt_link
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record

CART = "class Cart:\n    def total(self):\n        return 1\n\n    def add(self):\n        return 2\n"
CODE = CART + "\n\ndef f():\n    pass\n"
LONG = "a_function_with_a_name_" + "x" * 100
MAIN = Generation(model="openai/o3", tool="codex", prompt_hash="sha256:" + "a" * 64, evidence="transcript")
OTHER = Generation(models=("a/b", "c/d"), evidence="trailers", commit="1" * 40, generated_at="2026-11-02T10:11:12Z")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/cart.py").write_text(CODE)
    hashes = {name: region.code_hash for name, region in regions(CODE).items()}
    total = Record("mixed", MAIN.id, 0.6, hashes["Cart.total"], (OTHER.id,))
    files = {
        "shop/cart.py": {
            "Cart.total": total,
            "Cart.add": Record("human", None, 0.0, hashes["Cart.add"]),
            "Old.method": total,
        },
        "shop/gone.py": {LONG: total},
        "top.py": {"f": total},
    }
    write_manifest(tmp_path, Manifest({MAIN.id: MAIN, OTHER.id: OTHER}, files))
    return tmp_path


def call(root: Path, *arguments: str) -> int:
    return run(["show", *arguments, "--repo", str(root)])


def shown(root: Path, target: str, capsys) -> list[list[str]]:
    assert 0 == call(root, target)
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_every_generation_that_wrote_part_of_a_function_is_told(root, capsys):
    (root / "pyproject.toml").write_text('[tool.aiprov]\nprompt_url = "https://prompts.example/{prompt_hash}"\n')
    call(root, "shop/cart.py::Cart.total")

    assert [
        "shop/cart.py::Cart.total",
        "  by       mixed, 60 % of its lines",
        "  model    openai/o3",
        "  tool     codex",
        "  prompt   sha256:" + "a" * 64,
        "  link     https://prompts.example/sha256%3A" + "a" * 64,
        "  evidence transcript",
        "  state    verified",
        "  and in part",
        "    model    a/b or c/d",
        "    when     2026-11-02T10:11:12Z",
        "    commit   " + "1" * 40,
        "    evidence trailers",
    ] == capsys.readouterr().out.splitlines()


def test_the_newest_of_other_generations_goes_first(root, capsys):
    made = [Generation(tool=f"t{day}", generated_at=f"2026-11-0{day}T00:00:00Z") for day in (2, 3, 1)]
    record = Record("mixed", None, 0.5, None, tuple(sorted(one.id for one in made)))
    write_manifest(root, Manifest({one.id: one for one in made}, {"shop/cart.py": {"f": record}}))
    call(root, "shop/cart.py::f", "--json")

    found = json.loads(capsys.readouterr().out)["functions"][0]
    assert (None, ["t3", "t2", "t1"]) == (found["generation"], [part["tool"] for part in found["generations"]])


def test_a_class_is_all_its_methods(root, capsys):
    assert [
        ["shop/cart.py::Cart.total", "mixed", "openai/o3 +2", "60 %", "verified"],
        ["shop/cart.py::Cart.add", "human", "", "0 %", "verified"],
    ] == shown(root, "shop/cart.py::Cart", capsys)


@pytest.mark.parametrize("target", ["shop/cart.py::Old", "shop/cart.py::Old.method"])
def test_a_deleted_function_still_has_its_record(root, capsys, target):
    call(root, target)

    assert "  state    stale: the function is no longer there" in capsys.readouterr().out


def test_a_deleted_file_still_has_its_record(root, capsys):
    call(root, "shop/gone.py", "--json")

    assert [(False, "stale")] == [
        (one["live"], one["state"]) for one in json.loads(capsys.readouterr().out)["functions"]
    ]


@pytest.mark.parametrize(("target", "files"), [("shop", 2), ("shop/", 2), (".", 3)])
def test_a_folder_is_every_recorded_function_below_it(root, capsys, target, files):
    found = shown(root, target, capsys)

    assert files == len({row[0].partition("::")[0] for row in found})
    assert "shop/cart.py::f" not in {row[0] for row in found}


def test_a_folder_that_is_gone_is_found_by_its_records(root, capsys):
    (root / "shop/cart.py").unlink()
    (root / "shop").rmdir()

    assert ["gone"] * 4 == [row[-1] for row in shown(root, "shop", capsys)]


def test_a_folder_without_records_says_so(root, capsys):
    (root / "empty").mkdir()

    assert 0 == call(root, "empty")
    out, err = capsys.readouterr()
    assert ("", "nothing is recorded below empty: unknown, which does not mean that people wrote it\n") == (out, err)


def test_piped_a_long_name_stays_in_one_piece(root, capsys):
    assert f"shop/gone.py::{LONG}" == shown(root, "shop", capsys)[-1][0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.symlink_to("shop/cart.py"), "is a symbolic link; make it a plain file or directory"),
        (lambda path: path.write_bytes(b"#" * (17 << 20)), "is larger than 16 MiB"),
        (os.mkfifo, "is not a file; name Python files or path::function"),
    ],
)
def test_what_is_no_plain_python_file_is_called_what_it_is(root, capsys, make, said):
    make(root / "odd.py")

    assert 2 == call(root, "odd.py")
    assert ("", f"aiprov: odd.py {said}\n") == capsys.readouterr()


def test_a_link_to_a_folder_is_not_followed(root, capsys):
    (root / "link").symlink_to("shop")

    assert 2 == call(root, "link")
    assert ("", "aiprov: link is a symbolic link; name what it points to\n") == capsys.readouterr()


def test_a_name_that_only_records_of_a_deleted_file_could_have(root, capsys):
    assert 2 == call(root, "shop/gone.py::<module>")
    assert 1 == capsys.readouterr().err.count("\n")


def test_at_a_terminal_no_line_is_wider_than_it(root):
    leader, follower = pty.openpty()
    env = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "aiprov", "show", "shop"]
    done = subprocess.run(command, cwd=root, stdout=follower, stderr=subprocess.DEVNULL, env=env, check=False)
    os.close(follower)
    lines = os.read(leader, 65536).decode().splitlines()
    os.close(leader)

    assert (0, True) == (done.returncode, all(len(line) <= 80 for line in lines))
    assert ["shop/cart.py", "shop/gone.py"] == [line for line in lines if line.startswith("shop/")]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (None, None),
        ("https://p.example/{prompt_hash}", "https://p.example/sha256%3Aab"),
        ("https://p.example/?g={generation}&h={prompt_hash}", "https://p.example/?g=0f%2F&h=sha256%3Aab"),
    ],
)
def test_a_link_holds_quoted_values(template, expected):
    assert expected == prompt_link(template, prompt_hash="sha256:ab", generation="0f/")


def test_no_link_where_a_value_is_not_known():
    assert prompt_link("https://p.example/{prompt_hash}", prompt_hash=None, generation="0f") is None
