from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov import hook
from aiprov.git import Repository
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.edits import _journal
from aiprov.provenance.edits._edits import Edit, digests
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps, load

TOTAL = "def total(prices):\n    return sum(prices)\n"
REDUCE = (
    "\n\ndef reduce_price(price, percent):\n    reduced = price - price * percent / 100\n    return max(reduced, 0)\n"
)
NOW = datetime(2026, 11, 2, 10, 0, 30, tzinfo=UTC)


@pytest.fixture
def shop(work: Work) -> Work:
    work.human({"shop.py": TOTAL})
    (work.root / ".aiprov").mkdir()
    work.write("shop.py", TOTAL + REDUCE)
    return work


def call(work: Work, *, tool: str = "claude-code", **payload: object) -> str:
    """What the hook prints on standard output and error, run in this process."""
    return send(json.dumps({"cwd": str(work.root), **payload}).encode(), tool=tool)


def send(data: bytes, *, tool: str = "claude-code") -> str:
    assert hook.run([tool], stdin=io.BytesIO(data), clock=lambda: NOW) == 0
    return ""


def claude(work: Work, **more: object) -> dict[str, Any]:
    given = {"file_path": str(work.root / "shop.py"), "old_string": TOTAL, "new_string": TOTAL + REDUCE}
    return {"hook_event_name": "PostToolUse", "tool_name": "Edit", "tool_input": given, **more}


def edits(work: Work) -> list[Edit]:
    return list(_journal.read(work.root / ".git"))


def manifest(work: Work) -> Manifest:
    return load((work.root / ".aiprov" / "manifest.yaml").read_bytes())


def hashes(work: Work) -> dict[str, str]:
    return {name: region.code_hash for name, region in regions((work.root / "shop.py").read_bytes()).items()}


def by(tool: str, model: str | None = None, raw: str | None = None, prompt: str | None = None) -> Generation:
    return Generation(
        model=model,
        raw_model=raw,
        tool=tool,
        prompt_hash=prompt_hash(prompt) if prompt else None,
        generated_at="2026-11-02T10:00:30Z",
        evidence="hook",
    )


REPLACED = {"old_string": TOTAL, "new_string": TOTAL + REDUCE}
PATCH = (
    "*** Begin Patch\n*** Update File: shop.py\n@@\n" + "".join(f"+{x}\n" for x in REDUCE.split("\n")) + "*** End Patch"
)


@pytest.mark.parametrize(
    ("tool", "payload", "generation"),
    [
        (
            "claude-code",
            {"hook_event_name": "PostToolUse", "tool_name": "Edit", "tool_input": REPLACED},
            by("claude-code"),
        ),
        (
            "codex",
            {
                "hook_event_name": "PostToolUse",
                "tool_name": "apply_patch",
                "tool_input": {"command": PATCH},
                "model": "gpt-5.1-codex",
            },
            by("codex", "openai/gpt-5.1-codex", "gpt-5.1-codex"),
        ),
        (
            "cursor",
            {
                "hook_event_name": "afterFileEdit",
                "edits": [REPLACED],
                "model": "gpt-5.1",
                "workspace_roots": ["ROOT"],
                "cwd": None,
            },
            by("cursor", "openai/gpt-5.1", "gpt-5.1"),
        ),
        (
            "claude-code",
            {"hook_event_name": "afterFileEdit", "edits": [REPLACED], "cursor_version": "2.4", "model": "default"},
            by("cursor"),
        ),
        (
            "gemini-cli",
            {"hook_event_name": "AfterTool", "tool_name": "replace", "tool_input": REPLACED},
            by("gemini-cli"),
        ),
        (
            "windsurf",
            {
                "agent_action_name": "post_write_code",
                "model_name": "Claude Sonnet 4.5",
                "tool_info": {"edits": [REPLACED]},
            },
            by("windsurf", "anthropic/claude-sonnet-4-5", "Claude Sonnet 4.5"),
        ),
        (
            "copilot-cli",
            {
                "toolName": "edit",
                "toolArgs": json.dumps({"path": "shop.py", "old_str": TOTAL, "new_str": TOTAL + REDUCE}),
                "toolResult": {"resultType": "success"},
            },
            by("copilot-cli"),
        ),
        (
            "copilot",
            {
                "hook_event_name": "PostToolUse",
                "tool_name": "replace_string_in_file",
                "tool_input": {"filePath": "shop.py", "oldString": TOTAL, "newString": TOTAL + REDUCE},
            },
            by("copilot"),
        ),
    ],
)
def test_every_editors_edit_goes_into_the_journal(
    shop: Work, tool: str, payload: dict[str, Any], generation: Generation
) -> None:
    path = str(shop.root / "shop.py")
    payload = copy.deepcopy(payload)
    for place in (payload.get("tool_input"), payload.get("tool_info"), payload if "edits" in payload else None):
        if isinstance(place, dict) and "command" not in place and "filePath" not in place:
            place["file_path"] = path
    text = json.dumps({"cwd": str(shop.root), **payload}).replace('"ROOT"', json.dumps(str(shop.root)))

    send(text.encode(), tool=tool)

    assert [Edit("shop.py", generation, (tuple(digests(REDUCE)),))] == edits(shop)


@pytest.mark.parametrize(
    ("tool", "payload"),
    [
        ("claude-code", {"hook_event_name": "PreToolUse"}),
        ("claude-code", {"tool_name": "Read"}),
        ("claude-code", {"tool_input": {"file_path": "/etc/passwd", "new_string": "root"}}),
        ("claude-code", {"tool_input": 7}),
        ("copilot-cli", {"tool_name": "edit", "toolResult": {"resultType": "failure"}}),
        ("gemini-cli", {"hook_event_name": "AfterTool", "tool_name": "replace", "tool_response": {"error": "no"}}),
        ("windsurf", {"agent_action_name": "pre_write_code"}),
        ("cursor", {"hook_event_name": "beforeSubmitPrompt"}),
    ],
)
def test_what_is_no_edit_of_a_file_here_leaves_no_trace(shop: Work, tool: str, payload: dict[str, Any]) -> None:
    call(shop, tool=tool, **{**claude(shop), **payload})

    assert edits(shop) == []
    assert not (shop.root / ".git" / "aiprov").exists()


def test_a_replacement_inside_of_a_line_is_the_whole_line(shop: Work) -> None:
    given = {"file_path": str(shop.root / "shop.py"), "old_string": "min(", "new_string": "max("}

    call(shop, **claude(shop, tool_input=given))

    assert [(tuple(digests("return max(reduced, 0)")),)] == [edit.blocks for edit in edits(shop)]


# Whose work it was


def transcript(path: Path, *lines: Mapping[str, object]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return str(path)


def said(text: str, **more: object) -> dict[str, object]:
    return {"type": "user", "message": {"content": text}, **more}


def model(name: str, identity: str = "") -> dict[str, object]:
    content = [{"type": "tool_use", "id": identity}]
    return {"type": "assistant", "message": {"model": name, "content": content}}


def test_claudes_model_and_prompt_come_from_its_transcript(shop: Work, tmp_path: Path) -> None:
    result = {"type": "user", "message": {"content": [{"type": "tool_result", "content": "x" * 1_500_000}]}}
    models = model("claude-opus-4-6", "t1"), model("claude-haiku-4-5", "t2")
    path = transcript(tmp_path / "s.jsonl", said("Reduce prices"), result, *models)

    call(shop, **claude(shop, transcript_path=path, tool_use_id="t1"))

    [edit] = edits(shop)
    assert by("claude-code", "anthropic/claude-opus-4-6", "claude-opus-4-6", "Reduce prices") == edit.generation


def test_a_subagents_model_comes_from_its_own_transcript(shop: Work, tmp_path: Path) -> None:
    path = transcript(tmp_path / "s.jsonl", said("Reduce prices"), model("claude-opus-4-6"))
    transcript(tmp_path / "s" / "subagents" / "agent-a1.jsonl", said("Do it"), model("claude-haiku-4-5"))

    call(shop, **claude(shop, transcript_path=path, agent_id="a1"))

    [edit] = edits(shop)
    assert by("claude-code", "anthropic/claude-haiku-4-5", "claude-haiku-4-5", "Reduce prices") == edit.generation


@pytest.mark.parametrize("path", ["", "/nowhere", "/dev/zero", "/", "a\0b", "x" * 5000])
def test_without_a_transcript_nothing_is_guessed(shop: Work, path: str) -> None:
    call(shop, **claude(shop, transcript_path=path))

    assert [by("claude-code")] == [edit.generation for edit in edits(shop)]


def test_codexs_prompt_comes_from_its_rollout(shop: Work, tmp_path: Path) -> None:
    prompt = {"type": "event_msg", "payload": {"type": "user_message", "message": "Reduce prices"}}
    path = transcript(tmp_path / "r.jsonl", {"type": "turn_context", "payload": {"model": "gpt-5.1-codex"}}, prompt)

    call(shop, tool="codex", tool_name="apply_patch", tool_input={"command": PATCH}, transcript_path=path)

    [edit] = edits(shop)
    assert by("codex", "openai/gpt-5.1-codex", "gpt-5.1-codex", "Reduce prices") == edit.generation


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_geminis_model_and_prompt_come_from_its_chat(shop: Work, tmp_path: Path, suffix: str) -> None:
    lines = [{"type": "user", "content": "Reduce prices"}, {"type": "gemini", "model": "gemini-2.5-pro"}]
    path = transcript(tmp_path / f"session-1.{suffix}", *([{"messages": lines}] if suffix == "json" else lines))
    given = {"file_path": str(shop.root / "shop.py"), **REPLACED}

    call(shop, tool="gemini-cli", tool_name="replace", tool_input=given, transcript_path=path)

    [edit] = edits(shop)
    assert by("gemini-cli", "google/gemini-2.5-pro", "gemini-2.5-pro", "Reduce prices") == edit.generation


# The manifest


def test_the_functions_that_an_edit_wrote_are_recorded(shop: Work) -> None:
    call(shop, **claude(shop))

    generation = by("claude-code")
    record = Record("ai", generation.id, 1.0, hashes(shop)["reduce_price"])
    found = manifest(shop)
    assert {"shop.py": {"reduce_price": record}} == found.files
    assert {generation.id: generation} == found.generations


def test_a_function_that_it_wrote_in_part_is_mixed(shop: Work) -> None:
    line = "    reduced = price - price * percent / 100"
    given = {"file_path": str(shop.root / "shop.py"), "old_string": "    reduced = price", "new_string": line}

    call(shop, **claude(shop, tool_input=given))

    record = manifest(shop).files["shop.py"]["reduce_price"]
    assert ("mixed", 0.3333) == (record.contributor, record.ai_lines)


def hold(work: Work, functions: dict[str, Record], generation: Generation) -> None:
    data = dumps(Manifest({generation.id: generation}, {"shop.py": functions}))
    (work.root / ".aiprov" / "manifest.yaml").write_bytes(data)


def test_other_records_stay_as_they_are(shop: Work) -> None:
    older = Generation(model="openai/gpt-5", evidence="record")
    held = {"total": Record("ai", older.id, 1.0, "0" * 16), "gone": Record("ai", older.id, 1.0, "1" * 16)}
    hold(shop, held, older)

    call(shop, **claude(shop))

    assert held == {name: r for name, r in manifest(shop).files["shop.py"].items() if name != "reduce_price"}


def test_what_is_known_of_a_functions_other_lines_stays_known(shop: Work) -> None:
    older = Generation(model="openai/gpt-5", evidence="record")
    line = "    reduced = price - price * percent / 100"
    before = TOTAL + REDUCE.replace(line, "    reduced = price")
    hold(shop, {"reduce_price": Record("ai", older.id, 1.0, regions(before)["reduce_price"].code_hash)}, older)
    given = {"file_path": str(shop.root / "shop.py"), "old_string": "    reduced = price\n", "new_string": line + "\n"}

    call(shop, **claude(shop, tool_input=given))

    newer = by("claude-code")
    record = Record("ai", older.id, 1.0, hashes(shop)["reduce_price"], (newer.id,))
    assert {"reduce_price": record} == manifest(shop).files["shop.py"]


def test_a_record_that_had_gone_stale_vouches_for_nothing(shop: Work) -> None:
    older = Generation(model="openai/gpt-5", evidence="record")
    hold(shop, {"reduce_price": Record("ai", older.id, 1.0, "0" * 16)}, older)
    line = "    reduced = price - price * percent / 100"
    given = {"file_path": str(shop.root / "shop.py"), "old_string": "    reduced = price", "new_string": line}

    call(shop, **claude(shop, tool_input=given))

    record = Record("mixed", by("claude-code").id, 0.3333, hashes(shop)["reduce_price"])
    assert {"reduce_price": record} == manifest(shop).files["shop.py"]


def test_a_file_that_does_not_parse_at_the_moment_waits_for_the_scan(shop: Work) -> None:
    shop.write("shop.py", TOTAL + REDUCE + "def half(:\n")

    call(shop, **claude(shop))

    assert len(edits(shop)) == 1
    assert not (shop.root / ".aiprov" / "manifest.yaml").exists()


def test_a_file_that_takes_long_to_parse_waits_for_the_scan(shop: Work) -> None:
    shop.write("shop.py", TOTAL + REDUCE + "".join(f"VALUE_{number} = {number}\n" for number in range(2500)))

    call(shop, **claude(shop))

    assert len(edits(shop)) == 1
    assert not (shop.root / ".aiprov" / "manifest.yaml").exists()


def test_the_first_edit_of_a_repository_begins_its_manifest(shop: Work) -> None:
    (shop.root / ".aiprov").rmdir()

    call(shop, **claude(shop))

    assert ["reduce_price"] == list(manifest(shop).files["shop.py"])


def test_an_edit_that_no_function_holds_begins_no_manifest(shop: Work) -> None:
    (shop.root / ".aiprov").rmdir()
    shop.write("notes.txt", REDUCE)

    call(shop, **claude(shop, tool_input={"file_path": str(shop.root / "notes.txt"), **REPLACED}))

    assert len(edits(shop)) == 1
    assert not (shop.root / ".aiprov").exists()


@pytest.mark.parametrize("target", ["nowhere", "elsewhere"])
def test_a_manifests_folder_that_is_a_link_is_not_followed(shop: Work, tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (shop.root / ".aiprov").rmdir()
    (shop.root / ".aiprov").symlink_to(tmp_path / target)

    call(shop, **claude(shop))

    assert len(edits(shop)) == 1
    assert ["elsewhere", "repo"] == sorted(path.name for path in tmp_path.iterdir())
    assert [] == list((tmp_path / "elsewhere").iterdir())


def test_a_damaged_manifest_is_left_alone(shop: Work) -> None:
    path = shop.root / ".aiprov" / "manifest.yaml"
    path.write_text("aiprov: {")

    call(shop, **claude(shop))

    assert path.read_text() == "aiprov: {"
    assert len(edits(shop)) == 1


def test_a_linked_work_tree_has_its_own_manifest_and_the_same_journal(shop: Work, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shop.git("worktree", "add", "-q", str(tree))
    (tree / ".aiprov").mkdir()
    (tree / "shop.py").write_text(TOTAL + REDUCE)

    call(shop, **claude(shop, tool_input={"file_path": str(tree / "shop.py"), **REPLACED}))

    assert ["shop.py"] == [edit.path for edit in edits(shop)]
    assert "reduce_price" in (tree / ".aiprov" / "manifest.yaml").read_text()


def test_a_scan_after_the_commit_agrees(shop: Work) -> None:
    call(shop, **claude(shop))
    before = manifest(shop).files

    commit = shop.human()
    from aiprov.provenance import scan
    from aiprov.provenance.sources.hook import Hook

    after = scan(Repository(shop.root), jobs=1, commit_sources=(Hook(),)).manifest

    [record] = after.files["shop.py"].values()
    assert before["shop.py"]["reduce_price"]._replace(generation=record.generation) == record
    assert record.generation is not None
    assert by("claude-code")._replace(commit=commit) == after.generations[record.generation]


WHOLE = TOTAL + REDUCE


@pytest.mark.parametrize(
    ("tool", "payload"),
    [
        ("claude-code", {"tool_name": "Write", "tool_input": {"file_path": "shop.py", "content": WHOLE}}),
        ("cursor", {"tool_name": "Write", "tool_input": {"path": "shop.py", "contents": WHOLE}}),
        (
            "cursor",
            {
                "hook_event_name": "afterFileEdit",
                "file_path": "shop.py",
                "edits": [{"old_string": "", "new_string": WHOLE}],
            },
        ),
        ("gemini-cli", {"tool_name": "write_file", "tool_input": {"file_path": "shop.py", "content": WHOLE}}),
        ("copilot-cli", {"toolName": "create", "toolArgs": {"path": "shop.py", "file_text": WHOLE}}),
    ],
)
def test_a_file_written_as_a_whole_leaves_people_what_they_committed(
    shop: Work, tool: str, payload: dict[str, Any]
) -> None:
    call(shop, tool=tool, **payload)

    assert ["reduce_price"] == list(manifest(shop).files["shop.py"])
    [edit] = edits(shop)
    assert edit.blocks == (tuple(filter(None, digests(REDUCE))),)


@pytest.mark.parametrize("path", ["shop.py", "new.py"])
def test_a_file_written_as_a_whole_leaves_other_tools_what_they_wrote(shop: Work, path: str) -> None:
    half = "\n\ndef half(price):\n    halved = price / 2\n    return round(halved, 2)\n"
    shop.write(path, TOTAL + REDUCE)
    call(shop, **claude(shop, tool_input={"file_path": path, **REPLACED}))
    shop.write(path, TOTAL + REDUCE + half)
    given = {"path": path, "contents": TOTAL + REDUCE + half}

    call(shop, tool="cursor", tool_name="Write", tool_input=given, model="gpt-5.1")

    found = manifest(shop)
    records = {name: found.generations[r.generation or ""].tool for name, r in found.files[path].items()}
    assert ("claude-code", "cursor") == (records["reduce_price"], records["half"])


def test_a_new_file_written_as_a_whole_is_the_tools(shop: Work) -> None:
    shop.write("new.py", WHOLE)

    call(shop, tool_name="Write", tool_input={"file_path": "new.py", "content": WHOLE})

    assert ["reduce_price", "total"] == sorted(manifest(shop).files["new.py"])


# What may go wrong


@given(st.binary(max_size=100))
@pytest.mark.parametrize("tool", hook.TOOLS)
def test_no_input_makes_it_fail(tool: str, data: bytes) -> None:
    send(data, tool=tool)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=10), inside, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["tool_input", "tool_info", "tool_response", "toolArgs", "edits", "file_path", "cwd"]), JSON
    ),
    st.dictionaries(st.sampled_from(["file_path", "path", "edits", "new_string", "content", "patch"]), JSON),
)
@pytest.mark.parametrize("tool", hook.TOOLS)
def test_no_shape_makes_it_fail(tool: str, payload: dict[str, Any], given: dict[str, Any]) -> None:
    names = {"codex": "apply_patch", "gemini-cli": "replace", "copilot": "create_file"}
    events = {"cursor": "afterFileEdit", "gemini-cli": "AfterTool"}
    fixed = {"tool_name": names.get(tool, "Edit"), "hook_event_name": events.get(tool, "PostToolUse")}
    whole = {"tool_input": given, **payload, **fixed, "agent_action_name": "post_write_code"}
    send(json.dumps(whole).encode(), tool=tool)


def program(*arguments: str, data: bytes, home: Path, env: Mapping[str, str] | None = None) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of the real command."""
    done = subprocess.run(
        [sys.executable, "-m", "aiprov", "hook", *arguments],
        input=data,
        capture_output=True,
        cwd=home,
        env={"PATH": os.environ["PATH"], **({"HOME": str(home)} if env is None else env)},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_records_and_is_silent(shop: Work, tmp_path: Path) -> None:
    data = json.dumps({"cwd": str(shop.root), **claude(shop)}).encode()

    assert program("claude-code", data=data, home=tmp_path) == (0, b"", b"")

    assert len(edits(shop)) == 1
    assert "reduce_price" in manifest(shop).files["shop.py"]


@pytest.mark.parametrize(
    ("arguments", "data", "said"),
    [
        (
            (),
            b"{}",
            b"aiprov hook: name one of claude-code, codex, copilot, copilot-cli, cursor, gemini-cli, windsurf\n",
        ),
        (
            ("vim",),
            b"{}",
            b"aiprov hook: name one of claude-code, codex, copilot, copilot-cli, cursor, gemini-cli, windsurf\n",
        ),
        (("claude-code",), b"", b"aiprov hook: standard input is not a JSON object; nothing recorded\n"),
        (("claude-code",), b"[" * 200_000, b"aiprov hook: standard input is not a JSON object; nothing recorded\n"),
        (
            ("claude-code",),
            b" " * (hook.MAX_INPUT + 1),
            b"aiprov hook: more than 32 MiB on standard input; nothing recorded\n",
        ),
        (("claude-code",), b"{}", b""),
    ],
)
def test_what_is_wrong_is_one_line_and_never_an_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], data: bytes, said: bytes
) -> None:
    assert program(*arguments, data=data, home=tmp_path) == (0, b"", said)


def test_without_a_home_it_records_all_the_same(shop: Work, tmp_path: Path) -> None:
    payload = {"toolName": "create", "toolArgs": {"path": "shop.py", "file_text": WHOLE}, "sessionId": "x"}
    data = json.dumps({"cwd": str(shop.root), **payload}).encode()

    assert program("copilot-cli", data=data, home=tmp_path, env={}) == (0, b"", b"")

    assert len(edits(shop)) == 1


def test_a_file_that_was_deleted_meanwhile_is_recorded_from_the_call(shop: Work, tmp_path: Path) -> None:
    (shop.root / "shop.py").unlink()
    data = json.dumps({"cwd": str(shop.root), **claude(shop)}).encode()

    assert program("claude-code", data=data, home=tmp_path) == (0, b"", b"")

    assert len(edits(shop)) == 1


def test_a_git_directory_that_cannot_be_written_is_one_line(shop: Work, tmp_path: Path) -> None:
    (shop.root / ".git" / "aiprov").write_text("in the way")
    data = json.dumps({"cwd": str(shop.root), **claude(shop)}).encode()

    code, out, err = program("claude-code", data=data, home=tmp_path)

    assert (code, out) == (0, b"")
    assert err.count(b"\n") == 1
    assert b"Traceback" not in err


def test_twenty_at_once_lose_nothing(shop: Work, tmp_path: Path) -> None:
    texts = [REDUCE.replace("reduce_price", f"reduce_{n}").replace("percent", f"percent_{n}") for n in range(20)]
    shop.write("shop.py", TOTAL + "".join(texts))
    running = []
    for text in texts:
        given = {"file_path": str(shop.root / "shop.py"), "old_string": "", "new_string": text}
        data = json.dumps({"cwd": str(shop.root), **claude(shop, tool_input=given)}).encode()
        process = subprocess.Popen(
            [sys.executable, "-m", "aiprov", "hook", "claude-code"], stdin=subprocess.PIPE, cwd=tmp_path
        )
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.close()
        running.append(process)

    assert {process.wait() for process in running} == {0}
    assert len(edits(shop)) == 20
    assert manifest(shop).files["shop.py"].keys() <= {f"reduce_{n}" for n in range(20)}
