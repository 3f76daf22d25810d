from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.edits._edits import Edit, digests
from aiprov.provenance.edits._transcripts import Places, objects
from aiprov.provenance.sources import CommitText
from aiprov.provenance.sources.claude_code import claude_code
from aiprov.provenance.sources.claude_code import parse as parse_claude
from aiprov.provenance.sources.codex import codex
from aiprov.provenance.sources.codex import parse as parse_codex
from aiprov.provenance.sources.copilot_cli import copilot_cli
from aiprov.provenance.sources.copilot_cli import parse as parse_copilot
from aiprov.provenance.sources.gemini_cli import gemini_cli
from aiprov.provenance.sources.gemini_cli import parse as parse_gemini
from aiprov_runtime._manifest import Generation

HOME = Places(("/home/jo/shop",))
REDUCE = "def reduce_price(price, percent):\n    reduced = price - price * percent / 100\n    return reduced\n"
WHEN = "2026-11-02T10:00:00Z"
PARSERS = [parse_claude, parse_codex, parse_copilot, parse_gemini]


def made(tool: str, model: str, prompt: str | None, when: str = WHEN) -> Generation:
    name, raw = f"{model.partition(' ')[0]}", model.partition("/")[2]
    hashed = prompt_hash(prompt) if prompt else None
    return Generation(
        model=name, raw_model=raw, tool=tool, prompt_hash=hashed, generated_at=when, evidence="transcript"
    )


def lines(edits: Iterable[Edit]) -> list[tuple[str, list[bytes]]]:
    return [(edit.path, [digest for block in edit.blocks for digest in block]) for edit in edits]


# Claude Code


def user(content: object, *, when: str = WHEN, **more: object) -> dict[str, Any]:
    return {"type": "user", "cwd": "/home/jo/shop", "timestamp": when, "message": {"content": content}, **more}


def calls(name: str, given: object, *, identity: str = "t1", model: str = "claude-opus-4-6") -> dict[str, Any]:
    block = {"type": "tool_use", "id": identity, "name": name, "input": given}
    message = {"role": "assistant", "model": model, "content": [block]}
    return {"type": "assistant", "cwd": "/home/jo/shop", "timestamp": WHEN, "message": message}


def answers(result: object, *, identity: str = "t1", **more: object) -> dict[str, Any]:
    return user([{"type": "tool_result", "tool_use_id": identity, **more}], toolUseResult=result)


EDIT = {"file_path": "/home/jo/shop/shop.py", "old_string": "pass", "new_string": REDUCE}


def claude(*session: dict[str, Any]) -> list[Edit]:
    return parse_claude(session, locate=HOME.locate, holds=HOME.holds)


def test_claudes_edit_is_the_models_answer_to_the_last_prompt() -> None:
    [edit] = claude(user("Reduce prices"), calls("Edit", EDIT), answers({"filePath": "/home/jo/shop/shop.py"}))

    expected = made("claude-code", "anthropic/claude-opus-4-6", "Reduce prices")
    assert Edit("shop.py", expected, (tuple(digests(REDUCE)),)) == edit


def test_whole_lines_of_the_patch_are_taken_where_the_result_has_it() -> None:
    patch = [{"lines": [" def a():", "-    return 1", "+    return 2  # two", "+    # more"]}]
    short = {**EDIT, "old_string": "1", "new_string": "2  # two\n    # more"}

    edits = claude(calls("Edit", short), answers({"structuredPatch": patch}))

    assert [("shop.py", digests("return 2  # two\n# more"))] == lines(edits)


@pytest.mark.parametrize(
    "result",
    [
        answers("Error: String to replace not found", is_error=True),
        answers({}, identity="another"),
        user("No, stop"),
    ],
)
def test_a_call_that_failed_or_was_not_answered_is_no_edit(result: dict[str, Any]) -> None:
    assert claude(calls("Edit", EDIT), result) == []


def test_a_written_file_is_all_of_it() -> None:
    call = calls("Write", {"file_path": "/home/jo/shop/shop.py", "content": REDUCE})

    edits = claude(call, answers({"type": "create", "content": REDUCE, "structuredPatch": [], "originalFile": None}))

    assert [("shop.py", digests(REDUCE))] == lines(edits)


def test_several_replacements_in_one_call_are_one_edit() -> None:
    several = [{"old_string": "", "new_string": REDUCE}, {"old_string": "", "new_string": "rate = 3"}]

    edits = claude(calls("MultiEdit", {"file_path": "shop.py", "edits": several}), answers({}))

    assert [("shop.py", digests(REDUCE + "rate = 3"))] == lines(edits)


def test_lines_that_the_user_changed_before_accepting_are_not_the_models() -> None:
    patch = [{"lines": ["+def reduce_price(price, percent):", "+    return 0  # by hand"]}]

    edits = claude(calls("Edit", EDIT), answers({"structuredPatch": patch, "userModified": True}))

    assert [("shop.py", digests("def reduce_price(price, percent):"))] == lines(edits)


def test_a_notebooks_cell_is_found_as_its_file_spells_it() -> None:
    call = calls("NotebookEdit", {"notebook_path": "/home/jo/shop/a.ipynb", "new_source": 'x = "é"\ny = 2'})

    assert [("a.ipynb", digests('"x = \\"é\\"\\n",\n"y = 2"'))] == lines(claude(call, answers({})))


def test_a_file_outside_of_the_repository_is_no_edit_here() -> None:
    for path in ("/home/jo/shopping/a.py", "/etc/passwd", "../a.py", "/home/jo/shop/../a.py", "", "a\0.py"):
        assert claude(calls("Edit", {**EDIT, "file_path": path}), answers({})) == []


def test_a_session_elsewhere_is_not_of_this_repository() -> None:
    elsewhere = {**answers({}), "cwd": "/home/jo/other"}

    assert claude(calls("Edit", EDIT), elsewhere) == []


def test_an_agents_own_work_tree_is_the_repository() -> None:
    given = {**EDIT, "file_path": "/home/jo/shop/.claude/worktrees/fix/src/shop.py"}

    assert ["src/shop.py"] == [edit.path for edit in claude(calls("Edit", given), answers({}))]


@pytest.mark.parametrize(
    ("content", "typed"),
    [
        ("Reduce prices", "Reduce prices"),
        ([{"type": "text", "text": "Reduce prices"}], "Reduce prices"),
        ("<system-reminder>Be brief</system-reminder>Reduce prices", "Reduce prices"),
        ([{"type": "text", "text": "<ide_opened_file>a.py</ide_opened_file>"}, {"text": "Go"}], "Go"),
        (
            "<command-message>fix</command-message><command-name>/fix</command-name><command-args>it</command-args>",
            "/fix it",
        ),
        ("<local-command-stdout>done</local-command-stdout>", "before"),
        ("[Request interrupted by user]", "before"),
        ([{"type": "tool_result", "tool_use_id": "x", "content": "Reduce"}], "before"),
        ("", "before"),
        (7, "before"),
    ],
)
def test_a_prompt_is_what_a_person_typed(content: object, typed: str) -> None:
    [edit] = claude(user("before"), user(content), calls("Edit", EDIT), answers({}))

    assert prompt_hash(typed) == edit.generation.prompt_hash


@pytest.mark.parametrize("mark", ["isMeta", "isSidechain", "isCompactSummary"])
def test_what_the_program_says_in_a_persons_place_is_no_prompt(mark: str) -> None:
    [edit] = claude(user("Typed"), user("Not typed", **{mark: True}), calls("Edit", EDIT), answers({}))

    assert prompt_hash("Typed") == edit.generation.prompt_hash


def test_a_model_that_is_none_stays_unknown() -> None:
    [edit] = claude(calls("Edit", EDIT, model="<synthetic>"), answers({}))

    assert edit.generation.model is None


# Codex

PATCH = """*** Begin Patch
*** Update File: shop.py
@@ def a():
 def a():
-    return 1
+    return 1
+    # more of it
*** Add File: new.py
+rate = 3
*** Delete File: gone.py
*** Update File: old.py
*** Move to: moved.py
@@
+moved = True
*** End Patch"""
PATCHED = [("shop.py", digests("# more of it")), ("new.py", digests("rate = 3")), ("moved.py", digests("moved = True"))]


def turn(**payload: object) -> dict[str, Any]:
    return {"timestamp": WHEN, "type": "response_item", "payload": payload}


META = {"type": "session_meta", "payload": {"cwd": "/home/jo/shop"}}
CONTEXT = {"type": "turn_context", "payload": {"cwd": "/home/jo/shop", "model": "gpt-5.1-codex"}}
DONE = turn(type="function_call_output", call_id="c", output='{"output":"Success.","metadata":{"exit_code":0}}')


@pytest.mark.parametrize(
    "call",
    [
        turn(type="function_call", name="apply_patch", call_id="c", arguments=json.dumps({"patch": PATCH})),
        turn(type="function_call", name="apply_patch", call_id="c", arguments=json.dumps({"input": PATCH})),
        turn(type="custom_tool_call", name="apply_patch", call_id="c", input=PATCH),
        turn(
            type="function_call",
            name="shell",
            call_id="c",
            arguments=json.dumps({"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF"]}),
        ),
        turn(
            type="function_call",
            name="shell_command",
            call_id="c",
            arguments=json.dumps({"command": f"apply_patch <<'EOF'\n{PATCH}\nEOF\n", "workdir": "/home/jo/shop"}),
        ),
        turn(type="local_shell_call", call_id="c", action={"command": ["apply_patch", PATCH]}),
    ],
)
def test_codex_patches_come_in_many_calls(call: dict[str, Any]) -> None:
    said = turn(type="message", role="user", content=[{"type": "input_text", "text": "Reduce prices"}])

    edits = parse_codex([META, CONTEXT, said, call, DONE], locate=HOME.locate)

    assert lines(edits) == PATCHED
    assert {edit.generation for edit in edits} == {made("codex", "openai/gpt-5.1-codex", "Reduce prices")}


@pytest.mark.parametrize(
    ("output", "edits"),
    [
        ({"output": "Exit code: 0\nOutput:\nSuccess. Updated the following files:\nM shop.py"}, 3),
        ({"output": "apply_patch verification failed: Failed to find expected lines"}, 0),
        ({"output": '{"output":"error","metadata":{"exit_code":1}}'}, 0),
        ({"output": {"content": "Success. Updated", "success": True}}, 3),
        ({"output": None, "success": False}, 0),
        ({"output": "aborted by user after 3s"}, 0),
    ],
)
def test_a_patch_that_did_not_apply_is_no_edit(output: dict[str, Any], edits: int) -> None:
    call = turn(type="custom_tool_call", name="apply_patch", call_id="c", input=PATCH)
    result = turn(type="custom_tool_call_output", call_id="c", **output)

    assert len(parse_codex([META, CONTEXT, call, result], locate=HOME.locate)) == edits


def test_what_codex_sends_in_a_persons_name_is_no_prompt() -> None:
    call = turn(type="custom_tool_call", name="apply_patch", call_id="c", input=PATCH)
    context = turn(type="message", role="user", content=[{"text": "<environment_context>x</environment_context>"}])

    edit, *_ = parse_codex([META, CONTEXT, context, call, DONE], locate=HOME.locate)

    assert edit.generation.prompt_hash is None


def test_a_patch_is_relative_to_the_folder_that_its_call_names() -> None:
    arguments = json.dumps({"command": f"apply_patch <<'EOF'\n{PATCH}\nEOF", "workdir": "/home/jo/shop/src"})
    call = turn(type="function_call", name="shell_command", call_id="c", arguments=arguments)

    edits = parse_codex([META, CONTEXT, call, DONE], locate=HOME.locate)

    assert ["src/shop.py", "src/new.py", "src/moved.py"] == [edit.path for edit in edits]


# Gemini CLI


def gemini(**call: object) -> dict[str, Any]:
    whole = {"id": "r1", "name": "replace", "args": EDIT, **call}
    return {"id": "m", "timestamp": WHEN, "type": "gemini", "model": "gemini-2.5-flash", "toolCalls": [whole]}


def test_geminis_replacement_is_an_edit_and_stands_once() -> None:
    said = {"type": "user", "content": "Reduce prices"}

    [edit] = parse_gemini([said, gemini(), gemini()], locate=HOME.locate)

    expected = made("gemini-cli", "google/gemini-2.5-flash", "Reduce prices")
    assert Edit("shop.py", expected, (tuple(digests(REDUCE)),)) == edit


def test_a_file_that_gemini_wrote_anew_is_what_it_changed() -> None:
    shown = {"originalContent": "a = 1\n", "newContent": "a = 1\nb_value = 2\n"}
    call = gemini(name="write_file", args={**EDIT, "content": "a = 1\nb_value = 2\n"}, resultDisplay=shown)

    assert [("shop.py", digests("b_value = 2"))] == lines(parse_gemini([call], locate=HOME.locate))


@pytest.mark.parametrize("call", [gemini(status="error"), gemini(status="cancelled"), gemini(name="read_file")])
def test_geminis_other_calls_are_no_edits(call: dict[str, Any]) -> None:
    assert parse_gemini([call], locate=HOME.locate) == []


# Copilot CLI


def event(kind: str, **data: object) -> dict[str, Any]:
    return {"type": kind, "timestamp": WHEN, "data": data}


STARTED = event("session.start", context={"cwd": "/home/jo/shop"})


def copilot(name: str, arguments: object, **done: object) -> list[Edit]:
    session = [
        STARTED,
        event("session.model_change", newModel="gpt-4.1"),
        event("user.message", content="Reduce prices"),
        event("tool.execution_start", toolCallId="t", toolName=name, arguments=arguments),
        event("tool.execution_complete", toolCallId="t", **done),
    ]
    return parse_copilot(session, locate=HOME.locate)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("create", {"path": "/home/jo/shop/shop.py", "file_text": REDUCE}),
        ("create", json.dumps({"path": "/home/jo/shop/shop.py", "file_text": REDUCE})),
        ("edit", {"path": "/home/jo/shop/shop.py", "old_str": "pass", "new_str": REDUCE}),
        (
            "apply_patch",
            f"*** Begin Patch\n*** Add File: shop.py\n+{REDUCE[:-1].replace(chr(10), chr(10) + '+')}\n*** End Patch",
        ),
    ],
)
def test_copilots_calls_are_edits(name: str, arguments: object) -> None:
    [edit] = copilot(name, arguments, result={"result_type": "success"})

    expected = made("copilot-cli", "openai/gpt-4.1", "Reduce prices")
    assert Edit("shop.py", expected, (tuple(digests(REDUCE)),)) == edit


@pytest.mark.parametrize("done", [{"success": False}, {"error": "x"}, {"result": {"result_type": "failure"}}])
def test_copilots_failed_calls_are_no_edits(done: dict[str, Any]) -> None:
    assert copilot("create", {"path": "/home/jo/shop/shop.py", "file_text": REDUCE}, **done) == []


# All of them

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=10), inside, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["type", "message", "content", "toolUseResult", "payload", "data", "toolCalls", "timestamp", "cwd", "arguments"]
)
LINES = st.lists(st.dictionaries(KEYS, JSON, max_size=6), max_size=6)


@pytest.mark.parametrize("parse", PARSERS)
@given(lines=LINES)
def test_no_line_makes_a_reader_fail(parse: Callable[..., list[Edit]], lines: list[dict[str, Any]]) -> None:
    parse(lines, locate=HOME.locate)


def spoilt(value: object, by: object) -> Iterable[object]:
    """The value with each of its parts in turn replaced."""
    yield by
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from ({**value, key: other} for other in spoilt(inside, by))
    elif isinstance(value, list):
        for place, inside in enumerate(value):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in spoilt(inside, by))


SESSIONS: list[tuple[Callable[..., list[Edit]], list[dict[str, Any]]]] = [
    (parse_claude, [user("Go"), calls("Edit", EDIT), answers({"structuredPatch": [{"lines": ["+a"]}]})]),
    (parse_claude, [calls("MultiEdit", {"file_path": "a.py", "edits": [EDIT]}), answers({})]),
    (parse_codex, [META, CONTEXT, turn(type="custom_tool_call", name="apply_patch", call_id="c", input=PATCH), DONE]),
    (parse_gemini, [{"type": "user", "content": [{"text": "Go"}]}, gemini(resultDisplay={"newContent": "a"})]),
    (
        parse_copilot,
        [
            STARTED,
            event("tool.execution_start", toolCallId="t", toolName="edit", arguments=EDIT),
            event("tool.execution_complete", toolCallId="t", result={"result_type": "success"}),
        ],
    ),
]


@pytest.mark.parametrize(("parse", "session"), SESSIONS)
@pytest.mark.parametrize("by", [None, 7, "", "x", [], {}, [None], "\ud83d", True])
def test_no_part_of_another_type_makes_a_reader_fail(
    parse: Callable[..., list[Edit]], session: list[dict[str, Any]], by: object
) -> None:
    for other in spoilt(session, by):
        parse([line for line in other if isinstance(line, dict)] if isinstance(other, list) else [], locate=HOME.locate)


def test_lines_that_are_cut_off_or_garbled_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"a": 1}\n\xff\xfe\n[1]\n\n{"b": "\xe9"}\n' + b"[" * 100_000 + b'\n{"c": 2}\n{"d": ')

    assert [{"a": 1}, {"c": 2}] == list(objects(file))


# In a home folder


def write(path: Path, session: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in session))


def at_home(session: object, root: Path) -> Any:
    return json.loads(json.dumps(session).replace("/home/jo/shop", str(root)))


def taken(work: Work) -> CommitText:
    work.human({"shop.py": "rate = 1\n"})
    return CommitText(work.human({"shop.py": "rate = 1\n" + REDUCE}), "", "", None, "")


CODEX_EDIT = "*** Begin Patch\n*** Update File: shop.py\n@@\n+" + REDUCE[:-1].replace("\n", "\n+") + "\n*** End Patch"


@pytest.mark.parametrize(
    ("source", "file", "session"),
    [
        (claude_code, "projects/{name}/s.jsonl", [user("Go"), calls("Edit", EDIT), answers({})]),
        (claude_code, "projects/{name}-src/s.jsonl", [user("Go"), calls("Edit", EDIT), answers({})]),
        (
            codex,
            "sessions/2026/11/02/rollout-2026-11-02-x.jsonl",
            [META, CONTEXT, turn(type="custom_tool_call", name="apply_patch", call_id="c", input=CODEX_EDIT), DONE],
        ),
        (gemini_cli, "tmp/0a1b/chats/session-1.jsonl", [gemini()]),
        (gemini_cli, "tmp/0a1b/chats/session-1.json", [{"messages": [gemini()]}]),
        (
            copilot_cli,
            "session-state/x/events.jsonl",
            [
                STARTED,
                event(
                    "tool.execution_start",
                    toolCallId="t",
                    toolName="edit",
                    arguments={**EDIT, "path": EDIT["file_path"]},
                ),
                event("tool.execution_complete", toolCallId="t", success=True),
            ],
        ),
    ],
)
def test_an_agents_folder_leads_to_the_commit(
    work: Work, tmp_path: Path, source: Callable[[Path], Any], file: str, session: list[dict[str, Any]]
) -> None:
    commit = taken(work)
    name = "".join(c if c.isalnum() else "-" for c in str(work.root))
    write(tmp_path / "agent" / file.format(name=name), at_home(session, work.root))
    write(tmp_path / "agent" / "projects" / "-other" / "s.jsonl", session)

    found = source(tmp_path / "agent").read(Repository(work.root), [commit])

    assert found.ignored == ()
    assert [2, 3, 4] == list(found.evidence[commit.id].lines["shop.py"])


def test_a_subagents_edit_answers_what_the_user_said_in_the_session(work: Work, tmp_path: Path) -> None:
    commit = taken(work)
    name = "".join(c if c.isalnum() else "-" for c in str(work.root))
    folder = tmp_path / "agent" / "projects" / name
    write(folder / "s.jsonl", at_home([user("Typed", when="2026-11-02T09:00:00Z")], work.root))
    task = [user("By the model", isSidechain=True), calls("Edit", EDIT, model="claude-haiku-4-5"), answers({})]
    write(folder / "s" / "subagents" / "agent-a1.jsonl", at_home(task, work.root))

    line = claude_code(tmp_path / "agent").read(Repository(work.root), [commit]).evidence[commit.id].at("shop.py", 2)

    assert line is not None
    assert line.generation is not None
    assert line.generation.model == "anthropic/claude-haiku-4-5"
    assert prompt_hash("Typed") == line.generation.prompt_hash


def test_a_session_that_was_resumed_in_another_file_counts_once(work: Work, tmp_path: Path) -> None:
    commit = taken(work)
    name = "".join(c if c.isalnum() else "-" for c in str(work.root))
    session = at_home([calls("Edit", EDIT), answers({})], work.root)
    write(tmp_path / "projects" / name / "one.jsonl", session)
    write(tmp_path / "projects" / name / "two.jsonl", [*session, {"type": "user"}])
    work.write("shop.py", "rate = 1\n" + REDUCE + REDUCE)

    assert [commit.id] == list(claude_code(tmp_path).read(Repository(work.root), [commit]).evidence)


def test_a_home_without_agents_has_nothing(work: Work, tmp_path: Path) -> None:
    commit = taken(work)

    for source in (claude_code, codex, gemini_cli, copilot_cli):
        assert source(tmp_path / "none").read(Repository(work.root), [commit]).evidence == {}


def test_a_linked_work_tree_is_the_same_repository(work: Work, tmp_path: Path) -> None:
    work.human()
    work.git("worktree", "add", "-q", str(tmp_path / "tree"))

    places = Places.of(Repository(work.root))

    assert places.locate(str(tmp_path / "tree" / "shop.py"), "") == "shop.py"
    assert places.locate("src/shop.py", str(work.root)) == "src/shop.py"
    assert places.locate(str(tmp_path / "shop.py"), "") is None
