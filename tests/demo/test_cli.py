"""`aiprov demo`, as a newcomer types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aiprov.demo import find_example

DEMO = (sys.executable, "-m", "aiprov", "demo")
CULPRIT = "shop/discounts.py::coupon_discount"


def environment(tmp_path: Path) -> dict[str, str]:
    """A user whose git would sign, run hooks and read another repository, and who has a manifest elsewhere."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[core]\nhooksPath = {hooks}\nautocrlf = true\n[commit]\ngpgSign = true\n[tag]\ngpgSign = true\n"
        "[user]\nuseConfigOnly = true\n[init]\ndefaultBranch = trunk\n[blame]\nignoreRevsFile = nowhere\n"
    )
    return {
        **{name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")},
        "TMPDIR": str(temporary),
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_DIR": "/nowhere",
        "AIPROV_MANIFEST": "/nowhere.yaml",
        "AIPROV_DISABLED": "1",
        "HOME": str(tmp_path),
    }


def running_in(directory: Path) -> list[str]:
    """Command lines of processes that work below a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(directory):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run for a person who pipes it into a file, and the directory that it had for temporary files."""
    tmp_path = tmp_path_factory.mktemp("told")
    done = subprocess.run(
        DEMO,
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, tmp_path / "temporary"


def test_the_story_ends_well(told):
    done, _ = told

    assert done.stderr == ""
    assert done.returncode == 0
    assert "The error rate is back at its baseline.\n" in done.stdout


def test_it_leaves_nothing_behind(told):
    _, temporary = told

    assert list(temporary.iterdir()) == []
    assert running_in(temporary) == []


def test_it_names_the_function_its_model_and_its_prompt(told):
    done, _ = told

    for fact in (CULPRIT, "anthropic/claude-opus-4-6", "sha256:", f"aiprov revert '{CULPRIT}'", "--branch hotfix"):
        assert fact in done.stdout


def test_it_fits_80_columns_without_colour_in_a_pipe(told):
    done, _ = told

    # One line of `aiprov revert` to a person, which names the files, is folded by the terminal.
    assert [line for line in done.stdout.splitlines() if len(line) > 80 and not line.startswith("committed to")] == []
    assert "\x1b" not in done.stdout


def test_json_and_keep(tmp_path):
    kept = tmp_path / "new" / "kept"

    done = subprocess.run(
        [*DEMO, "--json", "--keep", kept],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)

    assert done.returncode == 0
    assert next(iter(answer)) == "schema"
    assert answer["schema"] == "aiprov.demo/1"
    assert answer["before"]["errors"] == answer["after"]["errors"] < answer["during"]["errors"]
    assert {answer[phase]["requests"] for phase in ("before", "during", "after")} == {1500}
    assert answer["suspect"]["function"] == CULPRIT
    assert answer["event"]["tags"]["aiprov.prompt_hash"] == answer["suspect"]["prompt_hash"]
    assert answer["event"]["tags"]["aiprov.state"] == "verified"
    assert answer["reverted"] == [CULPRIT]
    assert len(answer["changed"]) > 10
    assert (answer["recovered"], answer["kept"]) == (True, str(kept))
    assert {path.name for path in kept.iterdir()} >= {"shop", "errors.jsonl", "example", "deployed"}
    assert (kept / "example" / "bug" / "discounts.py").is_file()
    assert running_in(tmp_path) == []
    tags = subprocess.run(["git", "tag"], cwd=kept / "shop", capture_output=True, text=True, check=True).stdout.split()
    assert tags == ["v1.0.0", "v1.1.0", "v1.2.0", "v1.2.1"]


@pytest.mark.parametrize("what", ["a file", "a directory in use"])
def test_keep_takes_only_a_new_or_empty_directory(tmp_path, what):
    target = tmp_path / "target"
    if what == "a file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")

    done = subprocess.run([*DEMO, "--keep", target], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "name a new or empty directory" in done.stderr
    assert sorted(path.name for path in target.parent.rglob("*")) in (["target"], ["mine", "target"])


def test_keep_is_not_inside_of_what_it_copies():
    target = find_example() / "kept"

    done = subprocess.run([*DEMO, "--keep", target], capture_output=True, text=True, check=False)

    assert (done.returncode, target.exists()) == (2, False)
    assert "name a directory elsewhere" in done.stderr


def test_from_takes_only_a_copy_of_the_example(tmp_path):
    done = subprocess.run([*DEMO, "--from", tmp_path], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == f"aiprov: {tmp_path}/history.toml: no such file; start from a copy of examples/shop\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_service_and_removes_everything(tmp_path, number):
    settings = environment(tmp_path)
    with subprocess.Popen(
        [*DEMO, "--json"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        while not demo.stderr.readline().startswith("v1.1.0"):
            pass
        while not any("-m shop" in command for command in running_in(tmp_path)):
            assert demo.poll() is None
        demo.send_signal(number)
        rest = demo.stderr.read()
    assert (demo.returncode, rest) == (130, "")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert running_in(tmp_path) == []


def test_the_example_is_found_in_the_tree():
    assert (find_example() / "shop" / "app.py").is_file()
