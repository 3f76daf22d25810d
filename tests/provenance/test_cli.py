from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from provenance._work import CLAUDE, Work

from aiprov.cli import run
from aiprov_runtime._manifest import MANIFEST_PATH

CODE = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 2\n"
PROMPT = "Write the two functions that the shop needs, with tests"


@pytest.fixture
def shop(work: Work) -> Work:
    work.human({"shop.py": CODE})
    return work


def call(work: Work, *arguments: str) -> int:
    return run([*arguments, "--repo", str(work.root)])


def test_record_prints_the_function_and_says_where_it_wrote(shop: Work, capsys):
    (shop.root / "prompt.txt").write_text(PROMPT)
    code = call(shop, "record", "shop.py::f", "--model", "o3", "--prompt-file", str(shop.root / "prompt.txt"))

    out, err = capsys.readouterr()
    assert (0, "1 function by openai/o3\n  shop.py::f\nprompt sha256:") == (code, out[: out.index("sha256:") + 7])
    assert f"wrote {MANIFEST_PATH}; commit it with the code\n" == err


def test_record_as_json(shop: Work, capsys):
    code = call(shop, "record", "shop.py", "--model", "o3", "--commit", "HEAD", "--json", "--dry-run", "--sidecar")

    payload = json.loads(capsys.readouterr().out)
    assert (0, "aiprov.record/1", False) == (code, payload["schema"], payload["written"])
    assert ["shop.py::<module>", "shop.py::f", "shop.py::g"] == payload["functions"]
    assert shop.git("rev-parse", "HEAD") == payload["generation"]["commit"]
    assert ["shop.py"] == sorted(p.name for p in shop.root.iterdir() if p.name != ".git")


@pytest.mark.parametrize("option", ["--prompt", "--prompt-file"])
@pytest.mark.parametrize("text", [PROMPT, PROMPT * 100, "a\nb", "/"])
def test_a_prompt_in_place_of_a_file_is_refused_without_repeating_it(shop: Work, capsys, option, text):
    code = call(shop, "record", "shop.py", "--model", "o3", option, text)

    out, err = capsys.readouterr()
    assert (2, "") == (code, out)
    assert "aiprov: --prompt-file takes a readable file, or - for stdin, never the prompt itself\n" == err


def test_a_prompt_comes_from_standard_input_with_a_key_from_the_environment(shop: Work):
    command = [
        sys.executable,
        "-m",
        "aiprov",
        "record",
        "shop.py",
        "--model",
        "o3",
        "--prompt",
        "-",
        "--prompt-key",
        "K",
    ]
    done = subprocess.run(
        command, cwd=shop.root, input=b"short", capture_output=True, env={**os.environ, "K": "k"}, check=False
    )

    assert (0, True) == (done.returncode, b"\nprompt hmac-sha256:" in done.stdout)
    assert b"guessed" not in done.stderr


def test_a_missing_key_is_refused_without_repeating_it(shop: Work, capsys):
    assert 2 == call(shop, "record", "shop.py", "--model", "o3", "--prompt-key", "not-a-name-but-the-key")
    assert "not-a-name" not in capsys.readouterr().err


def test_a_short_prompt_without_a_key_is_noted(shop: Work, tmp_path: Path, capsys):
    (tmp_path / "p").write_text("short")
    call(shop, "record", "shop.py", "--model", "house-model", "--prompt", str(tmp_path / "p"))

    assert [
        "note: the plain hash of so short a prompt can be guessed; --prompt-key makes a keyed one",
        "note: no model is known by that name; it is kept as written, without a provider",
    ] == capsys.readouterr().err.splitlines()[:2]


def test_scan_counts_by_model_and_a_second_scan_has_nothing_to_write(shop: Work, capsys):
    shop.commit(f"x\n\n{CLAUDE}\n", {"more.py": CODE})

    assert (0, 0) == (call(shop, "scan"), call(shop, "scan", "--jobs", "1"))
    out, err = capsys.readouterr()
    assert ["model", "ai", "mixed", "anthropic/claude-opus-4-6", "2", "0"] == out.split()[:6]
    assert f"wrote {MANIFEST_PATH}; review it with git diff, then commit it" in err
    assert err.endswith(f"{MANIFEST_PATH} is up to date\n")


def test_scan_without_a_mark_says_so(shop: Work, capsys):
    assert 0 == call(shop, "scan", "--dry-run")
    out, err = capsys.readouterr()
    expected = ["evidence on 0 of 1 commits; Python files: 1", "no function is marked"]
    assert ("", expected) == (out, err.splitlines()[:2])
    assert not (shop.root / ".aiprov").exists()


def test_scan_as_json(shop: Work, capsys):
    shop.commit(f"x\n\n{CLAUDE}\n", {"more.py": CODE})
    call(shop, "scan", "--json")

    assert {
        "schema": "aiprov.scan/1",
        "commits": 2,
        "ai_commits": 1,
        "files": 2,
        "functions": {"ai": 2},
        "models": [{"model": "anthropic/claude-opus-4-6", "ai": 2, "mixed": 0}],
        "moved": 0,
        "unnameable": 0,
        "unreadable": [],
        "ignored": [],
        "manifest": MANIFEST_PATH,
        "written": True,
    } == json.loads(capsys.readouterr().out)


def test_scan_outside_a_repository_is_one_line(tmp_path: Path, capsys):
    assert 2 == run(["scan", "--repo", str(tmp_path)])
    assert 1 == capsys.readouterr().err.count("\n")


def test_show_gives_one_function_in_full(shop: Work, capsys):
    call(shop, "record", "shop.py::f", "--model", "o3", "--tool", "codex", "--generated-at", "2026-11-02T10:11:12Z")
    capsys.readouterr()
    act = {
        "model": "openai/o3",
        "tool": "codex",
        "prompt_hash": None,
        "prompt_url": None,
        "generated_at": "2026-11-02T10:11:12Z",
        "evidence": "record",
        "commit": None,
    }

    assert 0 == call(shop, "show", "shop.py:2", "--json")
    payload = json.loads(capsys.readouterr().out)
    generation = payload["functions"][0]["generation"]
    expected = {
        **act,
        "function": "shop.py::f",
        "contributor": "ai",
        "models": ["openai/o3"],
        "ai_lines": 1.0,
        "state": "verified",
        "live": True,
        "generation": generation,
        "generations": [{**act, "generation": generation, "models": [], "raw_model": "o3"}],
    }
    assert {"schema": "aiprov.show/1", "functions": [expected]} == payload
    call(shop, "show", "shop.py::f")
    assert [
        "shop.py::f",
        "  by       ai, 100 % of its lines",
        "  model    openai/o3",
        "  tool     codex",
        "  when     2026-11-02T10:11:12Z",
        "  evidence record",
        "  state    verified",
    ] == capsys.readouterr().out.splitlines()


def test_show_of_a_file_has_every_function_and_its_state_today(shop: Work, capsys):
    call(shop, "record", "shop.py", "--model", "o3")
    shop.write("shop.py", CODE.replace("+ 1", "+ 3") + "\n\ndef h():\n    pass\n")
    capsys.readouterr()
    call(shop, "show", "shop.py", "--json")

    functions = json.loads(capsys.readouterr().out)["functions"]
    assert [("<module>", "stale"), ("f", "stale"), ("g", "verified"), ("h", None)] == [
        (function["function"].partition("::")[2], function["state"]) for function in functions
    ]
    shop.write("shop.py", "def f(:\n")
    call(shop, "show", "shop.py", "--json")
    assert {"unverified"} == {function["state"] for function in json.loads(capsys.readouterr().out)["functions"]}


@pytest.mark.parametrize("target", ["nowhere.py", "shop.py:99", "shop.py::h", "shop.py:0", "\x1b[2J", "/etc/passwd"])
def test_show_of_what_is_not_there_is_one_clear_line(shop: Work, capsys, target):
    assert 2 == call(shop, "show", target)
    out, err = capsys.readouterr()
    assert ("", 1, True) == (out, err.count("\n"), err.rstrip("\n").isprintable())


def test_a_name_that_looks_like_a_line_or_a_function_goes_first(shop: Work, capsys):
    shop.write("odd::f.py", CODE)
    assert 0 == call(shop, "show", "odd::f.py", "--json")
    assert "odd::f.py::g" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "content"), [("style.css", "a {}\n"), ("broken.py", "def f(:\n"), ("nul.py", "\0")])
def test_show_of_a_file_without_readable_functions_is_one_clear_line(shop: Work, capsys, name, content):
    (shop.root / name).write_text(content)

    assert 2 == call(shop, "show", name)
    assert ("", f"aiprov: {name}: no functions can be read from it; name a valid Python file\n") == capsys.readouterr()


def test_an_interrupted_scan_at_a_terminal_shows_progress_and_changes_nothing(work: Work):
    for number in range(60):
        work.write(f"m{number}.py", CODE * 40)
    work.ai({})
    leader, follower = pty.openpty()
    scan = subprocess.Popen(
        [sys.executable, "-m", "aiprov", "scan"], cwd=work.root, stderr=follower, stdout=subprocess.DEVNULL
    )
    os.close(follower)
    seen = b""
    while b"blame" not in seen:
        seen += os.read(leader, 4096)
    scan.send_signal(signal.SIGINT)
    try:
        while os.read(leader, 4096):
            pass
    except OSError:
        pass  # the terminal closes with its last user

    assert 130 == scan.wait()
    assert not (work.root / MANIFEST_PATH).exists()
