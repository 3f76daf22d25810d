from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from provenance._work import Work

from aiprov import hook
from aiprov.cli import run
from aiprov.config import rows
from aiprov.setup import PARTS
from aiprov.setup._git import ATTRIBUTES, with_driver
from aiprov.setup._parts import TOOLS

OPTIONS = {part.name: ["--ci", "github"] if part.name == "ci" else [f"--{part.name}"] for part in PARTS}
ALL = [option for options in OPTIONS.values() for option in options]
FILES = {
    "config": "pyproject.toml",
    "merge-driver": ".gitattributes",
    "git-hooks": ".git/hooks/pre-push",
    "pre-commit": ".pre-commit-config.yaml",
    "claude-code": ".claude/settings.json",
    "codex": ".codex/hooks.json",
    "copilot-cli": ".github/hooks/aiprov.json",
    "cursor": ".cursor/hooks.json",
    "gemini-cli": ".gemini/settings.json",
    "windsurf": ".windsurf/hooks.json",
    "ci": ".github/workflows/aiprov.yml",
}
HELD = {
    "config": '[project]\r\nname = "shop"\r\n\r\n[tool.ruff]\r\nline-length = 120 # wide',
    "merge-driver": "*.png binary",
    "git-hooks": '#!/usr/bin/env bash\nset -e\nexec "$0".local "$@"\n',
    "pre-commit": "repos:\n- repo: meta # one\n  hooks:\n  - id: identity\n\n# the end",
    "claude-code": '\ufeff{\n\t"hooks": {},\n\t"permissions": {"allow": ["Bash(ls:*)"]}\n}',
    "cursor": '{"version":1,"hooks":{"afterFileEdit":[]}}\n',
    "ci": "# Written by `aiprov init --ci github`.\nname: mine\n",
}


def init(work: Work, *options: str) -> int:
    return run(["init", *options, "--repo", str(work.root)])


def tree(work: Work) -> dict[str, bytes]:
    """Every file but git's own objects, with the permission to run it."""
    skipped = {"objects", "logs", "refs"}
    files = [path for path in work.root.rglob("*") if path.is_file() and not skipped & set(path.parts)]
    return {f"{path.relative_to(work.root)} {os.access(path, os.X_OK)}": path.read_bytes() for path in sorted(files)}


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w.*-]+", text))


def test_without_options_it_shows_the_default_and_offers_the_rest(
    work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(work)
    code = init(work)

    shown = capsys.readouterr()
    assert 0 == code
    assert before == tree(work)
    assert f"+{ATTRIBUTES}\n" in shown.out
    assert "+[tool.aiprov]\n" in shown.out
    assert [] == [part.name for part in PARTS if f"--{part.name}" not in shown.err]


@pytest.mark.parametrize("part", OPTIONS)
def test_every_part_is_undone_to_the_byte(work: Work, part: str) -> None:
    before = tree(work)
    assert init(work, *OPTIONS[part], "--apply") == 0
    assert before != tree(work)
    assert init(work, *OPTIONS[part], "--remove", "--apply") == 0

    assert before == tree(work)


@pytest.mark.parametrize("part", [part for part in HELD if part != "ci"])
def test_what_was_there_is_kept_and_left_as_it_was(work: Work, part: str) -> None:
    path = work.root / FILES[part]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(HELD[part].encode())
    before = tree(work)
    assert init(work, *OPTIONS[part], "--apply") == 0

    made = path.read_bytes()
    newline = b"\r\n" if b"\r\n" in before[f"{FILES[part]} False"] else b"\n"
    assert made.count(b"\n") == made.count(newline)
    assert made.startswith(b"\xef\xbb\xbf") == HELD[part].startswith("\ufeff")
    assert words(HELD[part]) <= words(made.decode())
    assert init(work, "--remove", "--apply") == 0
    assert before == tree(work)


def test_all_parts_together_twice_are_once_and_are_undone_in_pieces(work: Work) -> None:
    before = tree(work)
    assert init(work, *ALL, "--apply") == 0
    once = tree(work)
    assert init(work, *ALL, "--apply") == 0
    assert once == tree(work)
    for options in OPTIONS.values():
        assert init(work, *options, "--remove", "--apply") == 0

    assert before == tree(work)


def test_copies_of_what_was_there_are_for_nobody_else(work: Work) -> None:
    assert init(work, "--config", "--apply") == 0

    assert 0o600 == (work.root / ".git/aiprov/init.json").stat().st_mode & 0o777


CHANGES: dict[str, Callable[[str], str]] = {
    "config": lambda text: text + "[tool.black]\n",
    "merge-driver": lambda text: f"# ours\n{text}*.py diff=python\n",
    "git-hooks": lambda text: text + "make test\n",
    "pre-commit": lambda text: text + "  - repo: meta\n    hooks:\n      - id: identity\n",
    "claude-code": lambda text: text.replace("{", '{"model": "opus",', 1),
    "cursor": lambda text: text.replace("{", '{"other": {"command": "theirs"},', 1),
}


@pytest.mark.parametrize("part", CHANGES)
def test_of_a_file_changed_since_only_our_part_goes(work: Work, part: str) -> None:
    path = work.root / FILES[part]
    had = path.read_text() if path.exists() else ""
    assert init(work, *OPTIONS[part], "--apply") == 0
    ours = words(path.read_text()) - words(had)
    changed = CHANGES[part](path.read_text())
    path.write_text(changed)
    assert init(work, "--remove", "--apply") == 0

    left = path.read_text()
    assert "aiprov" not in left
    assert words(changed) - ours <= words(left)
    assert init(work, "--remove", "--apply") == 0
    assert left == path.read_text()


def test_another_clone_takes_the_shared_parts_out(work: Work, tmp_path: Path) -> None:
    before = {name: data for name, data in tree(work).items() if not name.startswith(".git/")}
    assert init(work, *ALL, "--apply") == 0
    work.commit("Set up")
    work.git("clone", "-q", str(work.root), str(tmp_path / "clone"))
    clone = Work(tmp_path / "clone")
    assert init(clone, "--remove", "--apply") == 0

    assert before == {name: data for name, data in tree(clone).items() if not name.startswith(".git/")}


def test_an_edited_workflow_is_kept(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(work, "--ci", "github", "--apply") == 0
    path = work.root / FILES["ci"]
    path.write_text(path.read_text() + "# mine\n")
    capsys.readouterr()
    assert init(work, "--remove", "--apply") == 0

    assert path.read_text().endswith("# mine\n")
    assert "nothing to undo" in capsys.readouterr().err


UNFIT: dict[str, Callable[[Path], object]] = {
    "a symbolic link": lambda path: path.symlink_to("elsewhere.json"),
    "a link on the way": lambda path: (path.parent.rmdir(), path.parent.symlink_to(path.parent.parent.parent)),
    "comments": lambda path: path.write_text("{\n  // mine\n}\n"),
    "a trailing comma": lambda path: path.write_text('{"a": 1,}'),
    "no UTF-8": lambda path: path.write_bytes(b'{"a": "\xff"}'),
    "mixed line ends": lambda path: path.write_bytes(b'{\r\n"a": 1\n}'),
    "read-only": lambda path: (path.write_text("{}"), path.chmod(0o444)),
    "a directory": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "huge": lambda path: path.write_bytes(b" " * 1_048_577),
    "a list": lambda path: path.write_text("[]"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_file_that_must_not_be_touched_stops_everything(
    work: Work, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = work.root / ".claude/settings.json"
    path.parent.mkdir()
    UNFIT[kind](path)
    code = init(work, "--merge-driver", "--claude-code", "--apply")

    said = capsys.readouterr()
    assert (2, "", 1) == (code, said.out, said.err.count("\n"))
    assert said.err.startswith("aiprov: .claude")
    assert not (work.root / ".gitattributes").exists()
    assert "aiprov" not in (work.root / ".git/config").read_text()


def test_a_write_that_fails_puts_back_what_was_written(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    work.write(".github/workflows", "a file where a folder should be")
    before, folders = tree(work), {path for path in work.root.rglob("*") if path.is_dir()}
    code = init(work, *ALL, "--apply")

    assert 2 == code
    assert before == tree(work)
    assert folders == {path for path in work.root.rglob("*") if path.is_dir()}
    assert 1 == capsys.readouterr().err.count("\n")


@pytest.mark.parametrize(
    ("files", "settings", "expected"),
    [
        ({".git/hooks/pre-push": "#!/usr/bin/env python3\n"}, {}, "no shell script"),
        ({".git/hooks/pre-push": "\x7fELF\x00"}, {}, "no shell script"),
        (
            {".git/hooks/pre-push": "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n"},
            {},
            "use `aiprov init --pre-commit`",
        ),
        ({".git/hooks/pre-push": '#!/bin/sh\nlefthook run pre-push "$@"\n'}, {}, "lefthook.yml"),
        ({".git/hooks/pre-push": '#!/bin/sh\n. "$(dirname "$0")/_/husky.sh"\n'}, {}, ".husky/pre-push"),
        ({}, {"core.hooksPath": ".husky/_"}, ".husky/pre-push"),
        ({}, {"core.hooksPath": "/etc/git/hooks"}, "outside of this repository"),
    ],
)
def test_hooks_that_another_tool_manages_are_left_alone(
    work: Work, files: dict[str, str], settings: dict[str, str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        work.write(name, text)
    for name, text in settings.items():
        work.git("config", name, text)
    before = tree(work)
    code = init(work, "--git-hooks", "--apply")

    assert 2 == code
    assert expected in capsys.readouterr().err
    assert before == tree(work)


def test_hooks_go_where_git_looks_for_them(work: Work) -> None:
    work.git("config", "core.hooksPath", ".githooks")
    assert init(work, "--git-hooks", "--apply") == 0

    assert os.access(work.root / ".githooks/pre-push", os.X_OK)


def test_a_push_is_checked(work: Work, tmp_path: Path) -> None:
    work.git("init", "-q", "--bare", str(tmp_path / "server"))
    work.git("remote", "add", "origin", str(tmp_path / "server"))
    work.ai({"a.py": "def f():\n    return 1\n"})
    work.scan()
    work.commit("Record provenance")
    assert init(work, "--git-hooks", "--apply") == 0
    work.git("push", "-q", "origin", "main")
    work.human({"a.py": "def f():\n    return 2\n"})
    with pytest.raises(subprocess.CalledProcessError) as caught:
        work.git("push", "-q", "origin", "main")

    assert b"a.py::f" in caught.value.stdout + caught.value.stderr
    work.scan()
    work.commit("Record provenance")
    work.git("push", "-q", "origin", "main")


@pytest.mark.parametrize("folder", ["/a b/bin", "/100%A/bin", '/it\'s/"quoted"/bin', "/back\\slash/$HOME;#x"])
def test_any_path_of_an_environment_reaches_the_shell(work: Work, folder: str) -> None:
    (work.root / ".git/config").write_text(with_driver("", folder=Path(folder)))
    command = work.git("config", "merge.aiprov.driver").replace("%%", "%")

    printed = command.partition(" aiprov merge-driver")[0] + '; printf %s "$PATH"'
    assert (
        f"{folder}:/usr/bin"
        == subprocess.run(
            ["sh", "-c", printed], env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=True
        ).stdout
    )


def test_the_driver_of_an_older_environment_is_replaced(work: Work) -> None:
    assert init(work, "--merge-driver", "--apply") == 0
    config = work.root / ".git/config"
    here = str(Path(sys.executable).parent)
    config.write_text(config.read_text().replace(here, "/old/venv/bin") + '[remote "x"]\n\turl = y\n')
    assert init(work, "--merge-driver", "--apply") == 0

    assert here in work.git("config", "--get-all", "merge.aiprov.driver")
    assert "y" == work.git("config", "remote.x.url")
    assert init(work, "--remove", "--apply") == 0
    assert "y" == work.git("config", "remote.x.url")
    assert "aiprov" not in config.read_text()


def test_the_json_holds_the_files_and_the_diff(work: Work, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(work, "--cursor", "--config", "--json") == 0

    found = json.loads(capsys.readouterr().out)
    diff = found.pop("diff")
    chosen = {"config", "cursor"}
    assert {
        "schema": "aiprov.init/1",
        "action": "add",
        "parts": [
            {"part": part.name, "help": part.help, "chosen": part.name in chosen, "changes": part.name in chosen}
            for part in PARTS
        ],
        "files": [{"file": "pyproject.toml", "action": "change"}, {"file": ".cursor/hooks.json", "action": "create"}],
        "written": False,
    } == found
    assert '+        "command": "aiprov hook cursor"\n' in diff


def test_the_workflow_is_yaml_that_checks_and_uploads(work: Work) -> None:
    assert init(work, "--ci", "github", "--apply") == 0
    found = yaml.safe_load((work.root / FILES["ci"]).read_text())

    steps = found["jobs"]["check"]["steps"]
    assert "aiprov check --format sarif > aiprov.sarif" == steps[3]["run"]
    assert {"sarif_file": "aiprov.sarif"} == steps[4]["with"]


def command(name: str, **more: object) -> dict[str, object]:
    return {"type": "command", "command": f"aiprov hook {name}", **more}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            "claude-code",
            {"PostToolUse": [{"matcher": "Edit|MultiEdit|Write", "hooks": [command("claude-code", timeout=10)]}]},
        ),
        ("codex", {"PostToolUse": [{"matcher": "apply_patch", "hooks": [command("codex", timeout=10)]}]}),
        (
            "copilot-cli",
            {"postToolUse": [{"type": "command", "bash": "aiprov hook copilot-cli", "timeoutSec": 10}]},
        ),
        ("cursor", {"afterFileEdit": [{"command": "aiprov hook cursor"}]}),
        (
            "gemini-cli",
            {"AfterTool": [{"matcher": "write_file|replace", "hooks": [command("gemini-cli", timeout=10_000)]}]},
        ),
        ("windsurf", {"post_write_code": [{"command": "aiprov hook windsurf", "show_output": False}]}),
    ],
)
def test_a_tools_settings_have_the_shape_that_it_documents(work: Work, tool: str, expected: object) -> None:
    assert init(work, f"--{tool}", "--apply") == 0

    found = json.loads((work.root / FILES[tool]).read_text())
    assert expected == found["hooks"]
    assert (1 if tool in {"copilot-cli", "cursor"} else None) == found.get("version")


def test_every_tool_whose_hook_is_understood_can_be_set_up() -> None:
    """Copilot in an editor reads its hooks from several places, none of them settled."""
    assert {part.name for part in TOOLS} == set(hook.TOOLS) - {"copilot"}


def test_outside_of_a_repository_it_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["init", "--repo", str(tmp_path)])

    assert 2 == code
    assert "not a git repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "[tool.aiprov]\n",
        "[tool.aiprov.policy]\n",
        "tool.aiprov = {}\n",
        "[tool]\naiprov.policy.require_tests = true\n",
        '["tool"."aiprov"]\n',
    ],
)
def test_a_table_that_is_there_is_left_alone(work: Work, text: str) -> None:
    work.write("pyproject.toml", text)
    assert init(work, "--config", "--apply") == 0

    assert text == (work.root / "pyproject.toml").read_text()


@pytest.mark.parametrize("text", ["[tool", "tool = {}\n", "tool = 5\n", 'x = """'])
def test_a_pyproject_that_takes_no_table_is_one_clear_line(
    work: Work, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work.write("pyproject.toml", text)
    code = init(work, "--config", "--apply")

    said = capsys.readouterr().err
    assert (2, 1) == (code, said.count("\n"))
    assert said.startswith("aiprov: pyproject.toml: ")
    assert text == (work.root / "pyproject.toml").read_text()


def test_without_a_pyproject_none_is_made(work: Work) -> None:
    (work.root / "pyproject.toml").unlink()
    assert init(work, "--apply") == 0

    assert not (work.root / "pyproject.toml").exists()
    assert (work.root / ".gitattributes").exists()


def test_every_key_that_can_be_set_is_listed_with_its_help(work: Work) -> None:
    assert init(work, "--config", "--apply") == 0

    text = (work.root / "pyproject.toml").read_text()
    assert [] == [row.name for row in rows() if f"# {row.name}: {row.help}\n" not in text]
    assert "# policy.require_reviewer: " in text


@pytest.mark.parametrize("text", [None, "[tool.aiprov]\n"])
def test_the_keys_are_told_where_no_table_is_added(
    work: Work, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (work.root / "pyproject.toml").unlink()
    if text is not None:
        work.write("pyproject.toml", text)
    assert init(work, "--config") == 0

    said = capsys.readouterr().err
    assert ("no pyproject.toml here" in said) == (text is None)
    assert [] == [row.name for row in rows() if f"  {row.name}: {row.help}\n" not in said]
