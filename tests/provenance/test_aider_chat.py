from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._sources import read_source
from provenance._work import Work

from aiprov.provenance._prompts import prompt_hash
from aiprov.provenance.sources import Line, LineEvidence
from aiprov.provenance.sources.aider_chat import FILE, AiderChat, Said, parse
from aiprov_runtime._manifest import Generation

START = "\n# aider chat started at 2026-11-02 10:00:00\n\n> Aider v0.86.1  \n"
MODEL = (
    "> Main model: gemini/gemini-2.5-pro with diff-fenced edit format, 32k think tokens  \n> Weak model: gpt-5-mini  \n"
)
BY_AIDER = {"GIT_AUTHOR_NAME": "Jane Doe (aider)", "GIT_COMMITTER_NAME": "Jane Doe (aider)"}
COMMITTED_BY_AIDER = {"GIT_COMMITTER_NAME": "Jane Doe (aider)"}
FIRST = "0123456"


def said(text: str) -> list[Said]:
    return list(parse(text.replace("COMMIT", f"> Commit {FIRST} feat: a total  ")))


def test_a_commit_has_its_sessions_model_and_the_last_prompt() -> None:
    text = f"{START}{MODEL}\n#### Add a total  \n#### with tests  \n\nSure.\n\n> Applied edit to cart.py  \nCOMMIT\n"

    assert [
        Said(FIRST, "feat: a total", ("gemini/gemini-2.5-pro",), prompt_hash("Add a total\nwith tests"), is_edit=True)
    ] == said(text)


@pytest.mark.parametrize(
    ("lines", "models"),
    [
        ("> Models: gpt-4o with diff edit format, weak model gpt-4o-mini", ("gpt-4o",)),
        (
            "> Model: anthropic/claude-3-haiku-20240307⚡ with ♾️ whole edit format",
            ("anthropic/claude-3-haiku-20240307",),
        ),
        (
            "> Main model: o1 with architect edit format\n> Editor model: gpt-4o with editor-diff edit format",
            ("o1", "gpt-4o"),
        ),
        ("> Main model: o1 with diff edit format\n> Main model: gpt-5 with diff edit format", ("gpt-5",)),
        ("Main model: o1 with diff edit format", ()),
    ],
)
def test_models_are_those_that_the_chat_announced_last(lines: str, models: tuple[str, ...]) -> None:
    assert [models] == [one.models for one in said(f"{START}{lines}\nCOMMIT")]


def test_a_new_session_knows_nothing_of_the_one_before() -> None:
    (one,) = said(f"{START}{MODEL}\n#### Add a total\n\n{START}COMMIT")

    assert ((), None) == (one.models, one.prompt_hash)


@pytest.mark.parametrize(
    ("prompt", "hashed"),
    [
        ("/add cart.py", "Add a total"),
        ("!pytest", "Add a total"),
        ("/code Rename it", "Rename it"),
        ("# Fix any errors below, if possible.\n#### \n#### ## Running: ruff", "Add a total"),
        ("Rename it", "Rename it"),
        ("", "Add a total"),
    ],
)
def test_a_prompt_is_what_the_user_asked_for(prompt: str, hashed: str) -> None:
    (one,) = said(f"{START}#### Add a total\n\n#### {prompt}\n\nCOMMIT")

    assert prompt_hash(hashed) == one.prompt_hash


def test_an_edit_counts_for_the_next_commit_only() -> None:
    text = f"{START}#### Add a total\n\nCOMMIT\n> Applied edit to cart.py\nCOMMIT\nCOMMIT\n"

    assert [False, True, False] == [one.is_edit for one in said(text)]


@given(st.text(alphabet=st.sampled_from(">#/ \nCommit 0123abcdef Main model: with edit format"), max_size=300))
def test_any_text_is_parsed(text: str) -> None:
    list(parse(text))


@given(st.text(max_size=300))
def test_any_unicode_is_parsed(text: str) -> None:
    list(parse(f"# aider chat started at {text}\n> Commit {FIRST} {text}"))


def commit(work: Work, *, env: dict[str, str] | None = None, message: str = "feat: a total\n") -> str:
    return work.commit(message, {"cart.py": f"x = {work.minute}\n"}, env=env)


def read(work: Work, *lines: str) -> tuple[dict[str, LineEvidence], tuple[str, ...]]:
    work.write(FILE, START + MODEL + "".join(f"{line}\n" for line in lines))
    found = read_source(work, AiderChat())
    return dict(found.evidence), found.ignored


def line_for(identity: str, subject: str = "feat: a total") -> str:
    return f"> Commit {identity[:7]} {subject}  "


def test_a_commit_by_aider_gets_its_model_and_prompt(work: Work) -> None:
    made = commit(work, env=BY_AIDER)

    evidence, ignored = read(work, "#### Add a total", "", line_for(made))

    generation = Generation(
        model="google/gemini-2.5-pro",
        raw_model="gemini/gemini-2.5-pro",
        tool="aider",
        prompt_hash=prompt_hash("Add a total"),
        generated_at="2026-11-02T10:01:00Z",
        commit=made,
        evidence="aider-chat",
    )
    assert Line(generation) == evidence[made].at("cart.py", 1)
    assert () == ignored


def test_the_model_in_the_trailer_is_the_one_that_wrote(work: Work) -> None:
    made = commit(work, message="feat: a total\n\nCo-authored-by: aider (openai/gpt-5.2) <aider@aider.chat>\n")

    evidence, _ = read(work, "#### Add a total", "", line_for(made))

    line = evidence[made].at("cart.py", 1)
    assert line is not None
    assert line.generation is not None
    assert ("openai/gpt-5.2", prompt_hash("Add a total")) == (line.generation.model, line.generation.prompt_hash)


def test_work_of_people_that_aider_committed_is_not_aiders(work: Work) -> None:
    made = commit(work, env=COMMITTED_BY_AIDER)

    assert {} == read(work, "#### Add a total", "", "> Applied edit to cart.py", line_for(made))[0]


@pytest.mark.parametrize(("edit", "expected"), [("> Applied edit to cart.py", 1), ("> No edit", 0)])
def test_a_commit_without_a_mark_counts_where_the_chat_shows_its_edit(work: Work, edit: str, expected: int) -> None:
    made = commit(work)

    assert expected == len(read(work, "#### Add a total", "", edit, line_for(made))[0])


def test_a_commit_that_another_tool_signed_is_left_to_it(work: Work) -> None:
    made = commit(work, message="feat: a total\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n")

    assert {} == read(work, "> Applied edit to cart.py", line_for(made))[0]


@pytest.mark.parametrize("line", ["> Commit fffffff feat: a total", "> Commit {id} another subject"])
def test_a_line_that_fits_no_commit_is_told(work: Work, line: str) -> None:
    made = commit(work, env=BY_AIDER)

    assert ({}, (f"{FILE}: 1 of 1 commits it names are not in this history",)) == read(work, line.format(id=made[:7]))


def test_the_chat_is_read_from_head_where_the_work_tree_has_none(work: Work) -> None:
    made = commit(work, env=BY_AIDER)
    work.human({FILE: START + MODEL + line_for(made)})
    (work.root / FILE).unlink()

    assert [made] == list(read_source(work, AiderChat()).evidence)
