from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.lines._commits import read_texts
from aiprov.provenance.sources import UNTRACKED, Line, OnCommits
from aiprov.provenance.sources.git_ai import Agent, Entry, GitAi, Note, NoteError, NoteEvidence, parse_note
from aiprov_runtime._manifest import Generation

SESSION = "s_c9883b05a2487d"
PERSON = "h_31dce776f88375"
OPUS = Agent("claude-code", "anthropic/claude-opus-4-6", "claude-opus-4-6")
WHOSE = Generation(commit="c" * 40, evidence="git-ai", generated_at="2026-11-02T10:11:12Z")


def record(model: object = "claude-opus-4-6", tool: object = "claude", **more: object) -> dict[str, object]:
    return {"agent_id": {"tool": tool, "id": "conv_1", "model": model}, "human_author": "Jane <j@x.org>", **more}


def note(attested: str, **metadata: object) -> bytes:
    known: dict[str, object] = {
        "schema_version": "authorship/3.0.0",
        "base_commit_sha": "7" * 40,
        "prompts": {},
        "sessions": {SESSION: record()},
        "humans": {PERSON: {"author": "Jane <j@x.org>"}},
    }
    return f"{attested}---\n{json.dumps(known | metadata, indent=2)}".encode()


def entries(attested: str, **metadata: object) -> tuple[Entry, ...]:
    return parse_note(note(f"a.py\n{attested}", **metadata)).files["a.py"]


def agent(key: str, **metadata: object) -> Agent | None:
    (found,) = entries(f"  {key} 1\n", **metadata)
    return found.agent


def said(attested: str, **metadata: object) -> str:
    """What stands on lines 0 to 9: a for an agent that is known, ? for another, h for a person, a dot for nobody."""
    evidence = NoteEvidence(parse_note(note(f"a.py\n{attested}", **metadata)), WHOSE)

    def letter(line: Line | None) -> str:
        assert line is not None
        if line == UNTRACKED:
            return "."
        return "h" if line.generation is None else "a" if line.generation.model else "?"

    return "".join(letter(evidence.at("a.py", number)) for number in range(10))


def test_sessions_people_and_old_prompts_are_told_apart_by_their_keys():
    text = f"src/a.py\n  {SESSION}::t_9f8e7d6c5b4a32 1-3,7\n  {PERSON} 9-10\nb.py\n  abcd1234abcd1234 2\n"

    read = parse_note(note(text, prompts={"abcd1234abcd1234": record("gpt-5.4", "codex")}))

    codex = Agent("codex", "openai/gpt-5.4", "gpt-5.4")
    expected = Note(
        {
            "src/a.py": (Entry(OPUS, ((1, 3), (7, 7))), Entry(None, ((9, 10),))),
            "b.py": (Entry(codex, ((2, 2),)),),
        }
    )
    assert expected == read


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("src/a.py", "src/a.py"),
        ('"src/my file.py"', "src/my file.py"),
        ('"tab\there.py"', "tab\there.py"),
        ("-rf", "-rf"),
        ("caf\u00e9.py", "caf\u00e9.py"),
        ('a"b.py', 'a"b.py'),
    ],
)
def test_a_path_may_stand_in_quotes(line, path):
    assert [path] == list(parse_note(note(f"{line}\n  {SESSION}::t_1 1\n")).files)


def test_a_path_that_is_not_utf8_is_kept():
    data = note("X\n  h_1 1\n").replace(b"X", b"caf\xe9.py", 1)

    assert [b"caf\xe9.py".decode("utf-8", "surrogateescape")] == list(parse_note(data).files)


@pytest.mark.parametrize("key", ["abcdef0", "abcd1234abcd1234", "6ef2299e-a67f-432b-aa80-3d2fb4d28999"])
def test_old_keys_of_any_length_name_a_prompt(key):
    assert OPUS == agent(key, prompts={key: record()})


@pytest.mark.parametrize("key", ["s_00000000000000::t_1", "abcd1234abcd1234", "ai_agent", "abcdef0"])
def test_a_key_that_nothing_describes_is_an_unknown_agent(key):
    assert Agent() == agent(key)


def test_a_person_is_one_even_where_nothing_describes_them():
    assert None is agent("h_00000000000000", humans={})


def test_the_mark_of_an_unattested_checkpoint_says_nothing():
    assert {} == parse_note(note("a.py\n  human 1-4\n")).files
    assert ".aaa......" == said(f"  {SESSION}::t_1 1-3\n  human 1-4\n")


@pytest.mark.parametrize(
    ("spoken", "model", "raw"),
    [
        ("unknown", None, None),
        ("default", None, None),
        ("<synthetic>", None, None),
        ("tab", None, None),
        ('"gpt-5"', "openai/gpt-5", '"gpt-5"'),
        ("openai/gpt-5.4", "openai/gpt-5.4", None),
        ("openrouter/tencent/hy3:free", "tencent/hy3:free", "openrouter/tencent/hy3:free"),
        ("claude-4.5-opus-high-thinking", "anthropic/claude-opus-4-5", "claude-4.5-opus-high-thinking"),
        (None, None, None),
        (5, None, None),
        ("m\n" * 500, None, None),
    ],
)
def test_a_model_is_what_it_is_called_and_never_a_guess(spoken, model, raw):
    assert Agent("claude-code", model, raw) == agent(f"{SESSION}::t_1", sessions={SESSION: record(spoken)})


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("claude", "claude-code"),
        ("codex", "codex"),
        ("cursor", "cursor"),
        ("github-copilot-jetbrains", "copilot"),
        ("mock_ai", "mock_ai"),
        ("unknown", None),
        ("x\x1b[2J", None),
        (["claude"], None),
    ],
)
def test_a_tool_has_one_name_in_all_sources(tool, expected):
    found = agent(f"{SESSION}::t_1", sessions={SESSION: record(tool=tool)})

    assert found is not None
    assert expected == found.tool


def test_an_old_prompt_is_hashed_from_the_first_message_of_a_person():
    messages = [
        {"type": "assistant", "text": "Hello"},
        {"type": "tool_use", "name": "grep", "input": {"x": 1}},
        {"type": "user", "text": "  Write a cart \r\n"},
        {"type": "user", "text": "And tests"},
    ]
    found = agent("abcdef0", prompts={"abcdef0": record(messages=messages)})

    assert OPUS == Agent("claude-code", OPUS.model, OPUS.raw_model) == agent("abcdef0", prompts={"abcdef0": record()})
    assert found is not None
    assert prompt_hash("Write a cart") == found.prompt_hash


@pytest.mark.parametrize("messages", [None, [], "text", [5], [{"type": "user", "text": " "}], [{"type": "user"}]])
def test_without_a_prompt_there_is_no_hash_and_the_rest_stands(messages):
    assert OPUS == agent("abcdef0", prompts={"abcdef0": record(messages=messages)})


def test_unknown_fields_of_any_type_are_passed_over():
    more: Mapping[str, Any] = {"logical_commit_id": 7, "git_ai_version": None}
    session = record(custom_attributes={"active": True, "count": 42}, messages_url=9, total_additions="x")

    assert OPUS == agent(f"{SESSION}::t_1", sessions={SESSION: session}, **more)


@pytest.mark.parametrize("bad", [None, 5, "x", [], {SESSION: None}, {SESSION: {"agent_id": "claude"}}])
def test_a_broken_description_leaves_the_lines_to_an_unknown_agent(bad):
    assert Agent() == agent(f"{SESSION}::t_1", sessions=bad)


def test_lines_that_no_entry_names_are_nobodys():
    assert ".aaa.h...." == said(f"  {SESSION}::t_1 1-3\n  {PERSON} 5\n")


def test_a_file_that_a_note_does_not_name_is_nobodys():
    evidence = NoteEvidence(parse_note(note(f"a.py\n  {SESSION}::t_1 1-3\n")), WHOSE)

    assert UNTRACKED == evidence.at("b.py", 1)


def test_ranges_may_stand_in_any_order_and_be_empty():
    assert "..a.aaa..." == said(f"  {SESSION}::t_1 6,4-5,2,9-8,2\n")


def test_of_entries_that_overlap_the_later_one_counts():
    assert ".aahhaa..." == said(f"  {SESSION}::t_1 1-6\n  {PERSON} 3-4\n")
    assert ".aaaaaa..." == said(f"  {PERSON} 3-4\n  {SESSION}::t_1 1-6\n")


def test_an_entry_that_nothing_describes_yields_to_one_that_is_described():
    assert ".aaa??...." == said(f"  {SESSION}::t_1 1-3\n  abcdef0 2-5\n")


def test_a_file_may_be_named_twice():
    assert ".aa.h....." == said(f"  {SESSION}::t_1 1-2\na.py\n  {PERSON} 4\n")


def test_lines_carry_the_commit_and_its_time():
    evidence = NoteEvidence(parse_note(note(f"a.py\n  {SESSION}::t_1 1-3\n")), WHOSE)

    expected = WHOSE._replace(model=OPUS.model, raw_model=OPUS.raw_model, tool=OPUS.tool)
    assert Line(expected) == evidence.at("a.py", 2)


def test_the_old_layout_tells_agents_by_their_names():
    authors = [
        {"author": "Claude", "lines": [22, [3, 5]], "agent_metadata": None},
        {"author": "Jane Doe", "lines": [[1, 2]], "agent_metadata": None},
        {"author": "o3", "lines": [9], "agent_metadata": None},
        {"author": "Bot", "lines": [7], "agent_metadata": {"model": "gpt-5", "human_author": None}},
    ]
    old = {"files": {"a.py": {"file": "a.py", "authors": authors}}, "schema_version": "authorship/0.0.1"}

    expected = (
        Entry(Agent("claude-code"), ((22, 22), (3, 5))),
        Entry(Agent(None, "openai/o3", "o3"), ((9, 9),)),
        Entry(Agent(None, "openai/gpt-5", "gpt-5"), ((7, 7),)),
    )
    assert Note({"a.py": expected}) == parse_note(json.dumps(old).encode())


def test_the_old_layout_with_people_alone_says_nothing():
    old = {"files": {"a.py": {"authors": [{"author": "Jane Doe", "lines": [[1, 2]]}]}}}

    assert Note() == parse_note(json.dumps(old).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"---",
        b"---\n",
        b"---\n{}",
        b"a.py\n  s_1 1\n",
        b"---\n[]",
        b"---\n" + b"[" * 100_000,
        b"{" * 100_000,
        b'{"files": 5}',
        b'{"files": {}, "schema_version": "other/1"}',
        b'---\n{"schema_version": "other/1"}',
        note("  s_1 1\n"),
        note("a.py\n  s_1\n"),
        note("a.py\n  s_1 x\n"),
        note("a.py\n  s_1 1, 2\n"),
        note("a.py\n  s_1 99999999999999999999\n"),
        note("a.py\n  s_1 \u0661\n"),
        b"\xff\xfe---\n\x00",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_no_note_is_refused(data):
    with pytest.raises(NoteError):
        parse_note(data)


KEYS = st.sampled_from([f"{SESSION}::t_1", PERSON, "h_2", "human", "abcdef0", "ai_agent", ""])
LINES = st.lists(
    st.builds(lambda key, ranges: f"  {key} {ranges}\n", KEYS, st.from_regex(r"[0-9,-]{1,12}")), max_size=5
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["agent_id", SESSION, "x"]), inner),
    max_leaves=8,
)


@given(
    st.binary(max_size=200) | st.builds(lambda a, m: note(f"a.py\n{''.join(a)}", sessions=m, prompts=m), LINES, JSON)
)
def test_any_bytes_are_a_note_or_refused(data):
    try:
        read = parse_note(data)
    except NoteError:
        return
    evidence = NoteEvidence(read, WHOSE)
    for line in (0, 1, 5, 10**9):
        found = evidence.at("a.py", line)
        assert found is not None
        assert found.generation is None or found.generation == Generation.from_leaf(found.generation.as_leaf())


SPANS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.sampled_from([f"{SESSION}::t_1", PERSON, "ai_agent"]), SPANS), max_size=6))
def test_the_lines_are_those_of_the_last_entry_that_covers_them(attested):
    text = "".join(f"  {key} {','.join(f'{a}-{b}' for a, b in spans)}\n" for key, spans in attested)
    covering = [
        [key for key, spans in attested if any(first <= line <= last for first, last in spans)] for line in range(10)
    ]
    described = [[key for key in keys if key != "ai_agent"] or keys for keys in covering]

    letters = {f"{SESSION}::t_1": "a", PERSON: "h", "ai_agent": "?"}
    assert "".join(letters[keys[-1]] if keys else "." for keys in described) == said(text)


def read(work: Work) -> OnCommits:
    repository = Repository(work.root)
    commits = work.git("rev-list", "HEAD").split()
    return GitAi().read(repository, list(read_texts(repository, commits)))


def annotate(work: Work, commit: str, data: bytes, *, ref: str = "ai") -> None:
    blob = work.git("hash-object", "-w", "--stdin", data=data)
    work.git("notes", f"--ref={ref}", "add", "-f", "-C", blob, commit)


def test_notes_are_found_under_every_ref_that_git_ai_uses(work: Work):
    commits = [work.human({f"{n}.py": "x = 1\n"}) for n in range(4)]
    data = note(f"a.py\n  {SESSION}::t_1 1\n")
    annotate(work, commits[0], data)
    annotate(work, commits[1], data, ref="ai-remote/origin")
    annotate(work, commits[2], data, ref="fetched")
    work.git("update-ref", "refs/remotes/origin/notes/ai", "refs/notes/fetched")
    blob = work.git("hash-object", "-w", "--stdin", data=data)
    work.git("update-ref", f"refs/ai/authorship/{commits[3]}", blob)
    annotate(work, commits[0], data.replace(b"opus", b"else"), ref="ai-remote/origin")

    found = read(work)

    assert set(commits) == found.evidence.keys()
    line = found.evidence[commits[0]].at("a.py", 1)
    assert line is not None
    assert line.generation == WHOSE._replace(
        model=OPUS.model,
        raw_model=OPUS.raw_model,
        tool=OPUS.tool,
        commit=commits[0],
        generated_at="2026-11-02T10:01:00Z",
    )


def test_a_notes_tree_may_be_fanned_out(work: Work):
    commit = work.human({"a.py": "x = 1\n"})
    blob = work.git("hash-object", "-w", "--stdin", data=note(f"a.py\n  {SESSION}::t_1 1\n"))
    leaf = work.git("mktree", data=f"100644 blob {blob}\t{commit[4:]}\n".encode())
    middle = work.git("mktree", data=f"040000 tree {leaf}\t{commit[2:4]}\n".encode())
    top = work.git("mktree", data=f"040000 tree {middle}\t{commit[:2]}\n".encode())
    work.git("update-ref", "refs/notes/ai", work.git("commit-tree", top, "-m", "notes"))

    assert {commit} == read(work).evidence.keys()


def test_a_note_without_lines_leaves_the_commit_to_other_sources(work: Work):
    commit = work.human({"a.py": "x = 1\n"})
    annotate(work, commit, note(""))

    assert OnCommits() == read(work)


def test_garbage_is_counted_once_with_an_example(work: Work):
    commits = [work.human({"a.py": f"x = {n}\n"}) for n in range(3)]
    for commit in commits[:2]:
        annotate(work, commit, b"garbage\n")
    annotate(work, commits[2], note(f"a.py\n  {SESSION}::t_1 1\n"))

    found = read(work)

    assert {commits[2]} == found.evidence.keys()
    assert ("2 of 3 git-ai notes cannot be read, such as that of ",) == tuple(line[:-12] for line in found.ignored)


def test_a_note_that_this_clone_lacks_is_said_to_be_absent(work: Work):
    commit = work.human({"a.py": "x = 1\n"})
    tree = work.git("mktree", "--missing", data=f"100644 blob {'1' * 40}\t{commit}\n".encode())
    work.git("update-ref", "refs/notes/ai", work.git("commit-tree", tree, "-m", "notes"))

    assert (f"1 of 1 git-ai notes are not in this clone, such as that of {commit[:12]}",) == read(work).ignored


def test_a_ref_that_holds_no_notes_is_one_line(work: Work):
    work.human({"a.py": "x = 1\n"})
    work.git("update-ref", "refs/notes/ai", work.git("hash-object", "-w", "--stdin", data=b"x"))

    assert ("1 of git-ai's refs cannot be listed",) == read(work).ignored


def test_a_note_tells_the_lines_of_a_function_apart(work: Work):
    commit = work.ai({"a.py": "def total(prices):\n    a = 1\n    b = 2\n    return a + b\n"})
    annotate(work, commit, note(f"a.py\n  {SESSION}::t_1 1-2\n  {PERSON} 3-4\n"))

    found = read(work).evidence[commit]

    lines = [found.at("a.py", number) for number in range(1, 5)]
    assert [OPUS.model, OPUS.model, None, None] == [
        line and line.generation and line.generation.model for line in lines
    ]
