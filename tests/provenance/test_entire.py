from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._sources import read_source
from provenance._work import Work

from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.sources import Line, LineEvidence
from aiprov.provenance.sources.entire import BRANCH, checkpoints_in, edits_of_transcript, locator
from aiprov.provenance.sources.entire import Entire as Source
from aiprov_runtime._manifest import Generation

ID, OTHER = "8b5178853c65", "35dd7d024663"
BEFORE = "def empty():\n    return 0\n"
ADDED = "def total_of_cart(lines, discount):\n    return discount * sum(line.price * line.quantity for line in lines)\n"
PROMPT = "Add a total to the cart, please"


def a_transcript(path: str = "/Users/jane/shop/cart.py", *, session: str = "s", model: str = "claude-opus-4-6") -> str:
    call = {
        "type": "tool_use",
        "id": f"toolu_{session}",
        "name": "Write",
        "input": {"file_path": path, "content": ADDED},
    }
    result = {"type": "tool_result", "tool_use_id": f"toolu_{session}", "content": "ok"}
    lines: list[dict[str, Any]] = [
        {"type": "file-history-snapshot", "messageId": "x"},
        {"type": "user", "message": {"role": "user", "content": PROMPT}, "timestamp": "2026-11-02T10:00:10.000Z"},
        {"type": "assistant", "message": {"model": model, "content": [call]}, "timestamp": "2026-11-02T10:00:20.000Z"},
        {"type": "user", "message": {"content": [result]}, "timestamp": "2026-11-02T10:00:21.000Z"},
    ]
    return "".join(json.dumps({"cwd": "/Users/jane/shop", "sessionId": session, **line}) + "\n" for line in lines)


def a_checkpoint(identity: str = ID, /, transcript: str | None = None, **change: Any) -> dict[str, str]:
    metadata = {
        "checkpoint_id": identity,
        "session_id": f"s-{identity}",
        "created_at": "2026-11-02T10:01:00.5Z",
        "agent": "Claude Code",
        "files_touched": ["cart.py"],
        **change,
    }
    folder = f"{identity[:2]}/{identity[2:]}"
    files = {f"{folder}/metadata.json": '{"checkpoint_id": "x"}', f"{folder}/0/metadata.json": json.dumps(metadata)}
    files[f"{folder}/0/prompt.txt"] = PROMPT
    return files | ({f"{folder}/0/full.jsonl": transcript} if transcript else {})


def store(work: Work, files: dict[str, str], *, ref: str = f"refs/heads/{BRANCH}") -> None:
    blobs = {path: work.git("hash-object", "-w", "--stdin", data=text.encode()) for path, text in files.items()}
    index = {"GIT_INDEX_FILE": str(work.root / ".git" / "other-index")}
    work.git("read-tree", "--empty", env=index)
    for path, blob in blobs.items():
        work.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
    commit = work.git("commit-tree", work.git("write-tree", env=index), "-m", "Checkpoint")
    work.git("update-ref", ref, commit)


def commit_named(work: Work, *identities: str, text: str = ADDED + BEFORE) -> str:
    work.human({"cart.py": BEFORE})
    trailers = "".join(f"Entire-Checkpoint: {identity}\n" for identity in identities)
    return work.commit(f"Add a total\n\n{trailers}", {"cart.py": text})


def read(work: Work) -> tuple[dict[str, LineEvidence], tuple[str, ...]]:
    found = read_source(work, Source())
    return dict(found.evidence), found.ignored


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f"Subject\n\nEntire-Checkpoint: {ID}\n", (ID,)),
        (f"Squash (#1)\n\n* one\n\n  Entire-Checkpoint: {ID}\r\n\n* two\n\nEntire-Checkpoint: {OTHER}", (ID, OTHER)),
        (f"Entire-Checkpoint: {ID}0\n", ()),
        (f"see Entire-Checkpoint: {ID}\n", ()),
        ("Entire-Checkpoint: none", ()),
    ],
)
def test_checkpoints_are_named_by_lines_of_their_own(message: str, expected: tuple[str, ...]) -> None:
    assert expected == checkpoints_in(message)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Users/jane/shop/src/cart.py", "src/cart.py"),
        ("C:\\work\\shop\\src\\cart.py", "src/cart.py"),
        ("cart.py", "src/cart.py"),
        ("/Users/jane/shop/other.py", None),
        ("", None),
    ],
)
def test_a_path_is_known_by_its_end(path: str, expected: str | None) -> None:
    assert expected == locator(["src/cart.py", "setup.py"])(path, "/Users/jane/shop/src")


def test_the_longest_end_of_a_path_counts() -> None:
    assert locator(["cart.py", "src/cart.py"])("/a/src/cart.py", "") == "src/cart.py"


def test_an_agents_transcript_that_is_not_known_is_none() -> None:
    assert edits_of_transcript(b"{}", agent="Another", locate=locator(["cart.py"])) is None


@pytest.mark.parametrize("agent", [None, "Claude Code", "Codex", "Copilot CLI", "Gemini CLI", "OpenCode"])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_as_a_transcript(agent: str | None, data: bytes) -> None:
    assert edits_of_transcript(data, agent=agent, locate=locator(["cart.py"])) == []


def a_chat(**change: Any) -> bytes:
    state = {"status": "completed", "time": {"end": 1793613621500}, "input": {"filePath": "cart.py", "content": ADDED}}
    call = {"type": "tool", "tool": "write", "state": state | change.pop("state", {})}
    asked = [{"type": "text", "text": "<file>", "synthetic": True}, {"type": "text", "text": PROMPT}]
    answer = {"role": "assistant", "modelID": "gpt-5.3-codex", "path": {"cwd": "/Users/jane/shop"}}
    messages = [{"info": {"role": "user"}, "parts": asked}, {"info": answer, "parts": [{"type": "text"}, call]}]
    return json.dumps({"info": change, "messages": messages}).encode()


@pytest.mark.parametrize(("parent", "prompt"), [("", prompt_hash(PROMPT)), ("ses_1", None)])
def test_a_session_of_opencode_has_edits_of_its_model(parent: str, prompt: str | None) -> None:
    edits = edits_of_transcript(a_chat(parentID=parent), agent="OpenCode", locate=locator(["cart.py"])) or []

    generation = Generation(
        model="openai/gpt-5.3-codex",
        raw_model="gpt-5.3-codex",
        tool="opencode",
        prompt_hash=prompt,
        generated_at="2026-11-02T10:00:21Z",
        evidence="entire",
    )
    assert [("cart.py", generation, 2)] == [(one.path, one.generation, len(one.blocks[0])) for one in edits]


def test_a_patch_of_opencode_is_read() -> None:
    added = "".join(f"+{line}\n" for line in ADDED.splitlines())
    patch = f"*** Begin Patch\n*** Add File: /Users/jane/shop/cart.py\n{added}*** End Patch"
    chat = a_chat(state={"input": {"patchText": patch}}).replace(b'"write"', b'"apply_patch"')

    assert ["cart.py"] == [
        one.path for one in edits_of_transcript(chat, agent="OpenCode", locate=locator(["cart.py"])) or []
    ]


def test_a_call_of_opencode_that_failed_is_no_edit() -> None:
    assert edits_of_transcript(a_chat(state={"status": "error"}), agent="OpenCode", locate=locator(["cart.py"])) == []


@pytest.mark.parametrize("ref", [f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}"])
def test_a_transcripts_edit_is_found_in_the_commit(work: Work, ref: str) -> None:
    commit = commit_named(work, ID)
    store(work, a_checkpoint(transcript=a_transcript()), ref=ref)

    evidence, ignored = read(work)

    generation = Generation(
        model="anthropic/claude-opus-4-6",
        raw_model="claude-opus-4-6",
        tool="claude-code",
        prompt_hash=prompt_hash(PROMPT),
        generated_at="2026-11-02T10:00:21Z",
        commit=commit,
        evidence="entire",
    )
    assert [Line(generation)] * 2 + [None] * 2 == [evidence[commit].at("cart.py", line) for line in (1, 2, 3, 4)]
    assert () == ignored


def test_a_file_that_the_checkpoint_did_not_touch_is_nobodys(work: Work) -> None:
    commit_named(work, ID)
    store(work, a_checkpoint(transcript=a_transcript(), files_touched=["other.py"]))

    assert {} == read(work)[0]


def test_a_checkpoint_that_no_commit_names_is_not_read(work: Work) -> None:
    commit_named(work)
    store(work, a_checkpoint(transcript=a_transcript()))

    assert ({}, ()) == read(work)


def test_of_a_session_with_two_checkpoints_the_longer_transcript_is_read(work: Work) -> None:
    commit = commit_named(work, ID, OTHER)
    short = a_checkpoint(OTHER, transcript="{}\n", session_id="s", files_touched=["other.py"])
    store(work, short | a_checkpoint(ID, transcript=a_transcript(), session_id="s"))

    assert commit in read(work)[0]


COUNTED = {"agent_percentage": 100, "total_committed": 2, "agent_lines": 2, "human_added": 0}


def test_without_a_transcript_the_checkpoints_own_count_is_believed_where_it_is_all(work: Work) -> None:
    commit = commit_named(work, ID)
    store(work, a_checkpoint(initial_attribution=COUNTED))

    evidence, _ = read(work)

    generation = Generation(
        tool="claude-code",
        prompt_hash=prompt_hash(PROMPT),
        generated_at="2026-11-02T10:01:00.500000Z",
        commit=commit,
        evidence="entire",
    )
    assert Line(generation) == evidence[commit].at("cart.py", 1)
    assert None is evidence[commit].at("other.py", 1)


@pytest.mark.parametrize(
    "counted",
    [None, COUNTED | {"agent_percentage": 99.5}, COUNTED | {"total_committed": 3}, COUNTED | {"total_committed": 0}],
)
def test_without_a_transcript_any_other_count_says_nothing(work: Work, counted: object) -> None:
    commit_named(work, ID)
    store(work, a_checkpoint(initial_attribution=counted))

    assert {} == read(work)[0]


def test_with_a_transcript_the_count_is_not_asked(work: Work) -> None:
    commit_named(work, ID)
    store(work, a_checkpoint(initial_attribution=COUNTED, transcript="{}"))

    assert {} == read(work)[0]


def test_a_commit_that_names_two_checkpoints_is_not_judged_by_the_count_of_one(work: Work) -> None:
    commit_named(work, ID, OTHER)
    store(work, a_checkpoint(ID, initial_attribution=COUNTED) | a_checkpoint(OTHER))

    assert {} == read(work)[0]


def test_several_prompts_are_no_prompt(work: Work) -> None:
    commit = commit_named(work, ID)
    files = a_checkpoint(initial_attribution=COUNTED)
    store(work, files | {f"{ID[:2]}/{ID[2:]}/0/prompt.txt": f"{PROMPT}\n\n---\n\nAnd more"})

    line = read(work)[0][commit].at("cart.py", 1)

    assert line is not None
    assert line.generation is not None
    assert None is line.generation.prompt_hash


def test_what_is_missing_or_garbled_is_told(work: Work) -> None:
    commit_named(work, ID, OTHER)
    store(work, a_checkpoint(ID, agent="Another", transcript="{}") | {f"{ID[:2]}/{ID[2:]}/1/metadata.json": "{{{"})

    assert read(work)[1] == (
        "entire/checkpoints/v1: 1 checkpoints that commits name are not there",
        "entire/checkpoints/v1: 1 metadata files cannot be read",
        "entire/checkpoints/v1: 1 transcripts left out: too large, not here, or of an agent that is not known",
    )


def test_a_repository_without_the_branch_says_nothing(work: Work) -> None:
    commit_named(work, ID)

    assert ({}, ()) == read(work)
