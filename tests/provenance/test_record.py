from __future__ import annotations

import hashlib
import hmac
import os
import stat
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aiprov
from aiprov.errors import UsageError
from aiprov.provenance import find_root, record
from aiprov.provenance._prompts import decode, is_guessable, normalise, prompt_hash
from aiprov.provenance._text import PYTHON
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, ManifestError, Record, load

CART = """\
class Cart:
    def total(self):
        def inner():
            return 1
        return inner()

    def add(self, item):
        self.items.append(item)


class Cartoon:
    def draw(self):
        return 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text(CART)
    return tmp_path


def written(root: Path) -> dict[str, list[str]]:
    files = load((root / MANIFEST_PATH).read_bytes()).files
    return {path: sorted(functions) for path, functions in files.items()}


def test_one_call_records_a_function_with_all_its_facts(root: Path):
    manifest = record(
        "shop/cart.py::Cart.add",
        model="Claude Opus 4.6",
        tool="claude-code",
        prompt="Write a cart",
        generated_at="2026-11-02T11:11:12+01:00",
        repo=root,
    )

    expected = Generation(
        model="anthropic/claude-opus-4-6",
        tool="claude-code",
        prompt_hash=f"sha256:{hashlib.sha256(b'Write a cart').hexdigest()}",
        generated_at="2026-11-02T10:11:12Z",
        evidence="record",
        raw_model="Claude Opus 4.6",
    )
    code_hash = regions(CART)["Cart.add"].code_hash
    assert {expected.id: expected} == manifest.generations
    assert {"shop/cart.py": {"Cart.add": Record("ai", expected.id, 1.0, code_hash)}} == manifest.files
    assert manifest[:2] == load((root / MANIFEST_PATH).read_bytes())[:2]


def test_the_package_offers_the_same_call():
    assert record is aiprov.record


def test_facts_that_nobody_gave_are_null(root: Path):
    (generation,) = record("shop/cart.py", repo=root).generations.values()

    assert Generation(evidence="record") == generation


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("shop/cart.py", ["<module>", "Cart.add", "Cart.total", "Cart.total.<locals>.inner", "Cartoon.draw"]),
        ("shop/cart.py::Cart", ["Cart.add", "Cart.total", "Cart.total.<locals>.inner"]),
        ("shop/cart.py::Cart.total", ["Cart.total", "Cart.total.<locals>.inner"]),
        ("shop/cart.py::Cart.total.<locals>.inner", ["Cart.total.<locals>.inner"]),
        ("shop/cart.py::<module>", ["<module>"]),
        ("./shop/../shop/cart.py::Cart.add", ["Cart.add"]),
    ],
)
def test_a_target_names_a_file_a_class_or_a_function(root: Path, target, expected):
    record(target, model="o3", repo=root)

    assert {"shop/cart.py": expected} == written(root)


def test_existing_entries_stay_and_generations_without_functions_go(root: Path):
    record("shop/cart.py::Cart.add", model="o3", repo=root)
    record("shop/cart.py::Cartoon", model="gpt-5.2", repo=root)
    manifest = record("shop/cart.py::Cart.add", model="gpt-5.4", repo=root)

    assert ["openai/gpt-5.2", "openai/gpt-5.4"] == sorted(g.model or "" for g in manifest.generations.values())
    assert {"shop/cart.py": ["Cart.add", "Cartoon.draw"]} == written(root)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.py", "nowhere.py: no such file"),
        ("shop", "shop is not a file; name Python files or path::function"),
        ("shop/data.txt", "shop/data.txt is not a Python file; only functions in .py files are recorded"),
        ("shop/bad.py", f"shop/bad.py:1: not valid {PYTHON}: invalid syntax"),
        ("shop/link.py", "shop/link.py is a symbolic link; make it a plain file or directory"),
        ("linked/cart.py", "linked is a symbolic link; make it a plain file or directory"),
        ("shop/cart.py::Cart.totl", "shop/cart.py has no function Cart.totl; did you mean Cart.total"),
        ("shop/cart.py:3", "shop/cart.py:3: name a function as path::qualname, not a line"),
        ("../out.py", "../out.py is outside of"),
        ("/etc/passwd", "/etc/passwd is outside of"),
        ("", " is outside of"),
        ("shop/cart.py::", "shop/cart.py::: no function is named after ::"),
        ("a\0b", "a\\u0000b is outside of"),
        ("\x1b[31m.py", "\\u001b[31m.py: no such file"),
    ],
)
def test_a_target_that_cannot_be_recorded_is_one_clear_line_and_nothing_is_written(root: Path, target, message):
    (root / "shop" / "data.txt").write_text("x")
    (root / "shop" / "bad.py").write_text("def f(:\n")
    (root / "shop" / "link.py").symlink_to("cart.py")
    (root / "linked").symlink_to("shop")

    with pytest.raises(UsageError) as caught:
        record(["shop/cart.py", target], model="o3", repo=root)

    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()
    assert not (root / ".aiprov").exists()


@pytest.mark.parametrize("name", ['a"b.py', "a\nb.py", "a\\b.py", b"\xff.py"])
def test_a_name_that_a_manifest_cannot_hold_is_refused(root: Path, name):
    text = os.fsdecode(name)
    (root / text).write_text(CART)

    with pytest.raises((UsageError, ManifestError)):
        record(text, model="o3", repo=root)
    assert not (root / MANIFEST_PATH).exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"prompt": " \r\n "},
        {"prompt": "\ud800"},
        {"generated_at": "yesterday"},
        {"generated_at": "2026-11-02T10:11:12"},
        {"tool": ""},
        {"tool": "x\x1b[0m"},
        {"model": "m" * 251},
        {"model": ""},
        {"model": "  "},
        {"contributor": "human"},
        {"commit": "HEAD"},
    ],
)
def test_facts_that_cannot_be_recorded_are_refused(root: Path, facts):
    with pytest.raises(UsageError):
        record("shop/cart.py", repo=root, **{"model": "o3", **facts})
    assert not (root / ".aiprov").exists()


def test_a_person_is_recorded_without_a_generation(root: Path):
    manifest = record("shop/cart.py::Cart.total", contributor="human", repo=root)

    found = manifest.files["shop/cart.py"]["Cart.total"]
    assert ("human", None, 0.0) == (found.contributor, found.generation, found.ai_lines)
    assert {} == manifest.generations


def test_a_broken_manifest_is_left_alone(root: Path):
    (root / ".aiprov").mkdir()
    (root / MANIFEST_PATH).write_text("aiprov: 99\n")

    with pytest.raises(ManifestError):
        record("shop/cart.py", model="o3", repo=root)
    assert "aiprov: 99\n" == (root / MANIFEST_PATH).read_text()


def test_a_manifest_that_is_no_file_is_refused_and_not_waited_for(root: Path):
    (root / ".aiprov").mkdir()
    os.mkfifo(root / MANIFEST_PATH)

    with pytest.raises(UsageError, match="is not a file; remove it or restore it from git"):
        record("shop/cart.py", model="o3", repo=root)


def test_a_manifest_behind_a_link_is_refused(root: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (root / ".aiprov").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UsageError, match="symbolic link"):
        record("shop/cart.py", model="o3", repo=root)


def test_the_file_keeps_its_mode_and_leaves_no_other_file(root: Path):
    record("shop/cart.py", model="o3", repo=root)
    (root / MANIFEST_PATH).chmod(0o640)
    record("shop/cart.py", model="gpt-5.2", repo=root)

    assert 0o640 == stat.S_IMODE((root / MANIFEST_PATH).stat().st_mode)
    assert ["manifest.yaml"] == [path.name for path in (root / ".aiprov").iterdir()]


def test_a_dry_run_writes_nothing(root: Path):
    manifest = record("shop/cart.py", model="o3", repo=root, dry_run=True)

    assert 5 == len(manifest.files["shop/cart.py"])
    assert not (root / ".aiprov").exists()


def test_many_writers_at_once_lose_nothing(root: Path):
    for number in range(8):
        (root / f"m{number}.py").write_text("def f(): pass\n")
    code = "import sys, aiprov; aiprov.record(sys.argv[1], model='o3')"
    running = [subprocess.Popen([sys.executable, "-c", code, f"m{n}.py"], cwd=root) for n in range(8)]

    assert [0] * 8 == [process.wait() for process in running]
    assert 8 == len(written(root))


def test_without_a_repository_the_folder_is_the_root(root: Path):
    assert root.resolve() == find_root(root)


def test_a_target_may_be_relative_to_a_folder_or_to_the_root(root: Path):
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    record(["cart.py::Cart.add", "shop/cart.py::Cartoon"], model="o3", repo=root / "shop")

    assert {"shop/cart.py": ["Cart.add", "Cartoon.draw"]} == written(root)


@pytest.mark.parametrize("prompt", ["Café\nnow", "  Cafe\u0301\r\nnow\n", "Cafe\u0301\rnow"])
def test_prompts_that_read_alike_hash_alike(prompt):
    text = unicodedata.normalize("NFC", "Café\nnow").encode()

    assert f"sha256:{hashlib.sha256(text).hexdigest()}" == prompt_hash(prompt)
    assert f"hmac-sha256:{hmac.new(b'k', text, 'sha256').hexdigest()}" == prompt_hash(prompt, key=b"k")


@given(st.text(st.characters(codec="utf-8")))
def test_normalising_twice_changes_nothing_more(prompt):
    assert normalise(prompt) == normalise(normalise(prompt))


def test_a_prompt_below_forty_characters_can_be_guessed():
    assert (True, False) == (is_guessable("x" * 39), is_guessable("x" * 40))


def test_a_prompt_file_that_is_no_text_is_refused_without_its_content():
    with pytest.raises(UsageError) as caught:
        decode(b"secret \xff")
    assert "secret" not in str(caught.value)
    assert "ä" == decode(b"\xef\xbb\xbf\xc3\xa4")
