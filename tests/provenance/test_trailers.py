from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.provenance.sources import CommitText
from aiprov.provenance.sources.trailers import ACCOUNTS, EMAILS, Trailers
from aiprov_runtime._manifest import Generation

BOTS = {
    "copilot-swe-agent[bot]": "198982749+Copilot@users.noreply.github.com",
    "devin-ai-integration[bot]": "158243242+devin-ai-integration[bot]@users.noreply.github.com",
}


def read(message: str = "", *, name: str = "Jane Doe", email: str = "jane@example.com") -> Generation | None:
    said = Trailers().read_one(CommitText("c" * 40, name, email, "2026-11-02T10:11:12Z", message))
    return said.line.generation if said else None


def said(message: str) -> tuple[str | None, str | None] | None:
    found = read(message)
    return (found.tool, found.model) if found else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>", ("claude-code", "anthropic/claude-opus-4-6")),
        (
            "Co-Authored-By: Claude Opus 4.8 (1M context) <noreply@anthropic.com>",
            ("claude-code", "anthropic/claude-opus-4-8"),
        ),
        ("Co-Authored-By: Claude <noreply@anthropic.com>", ("claude-code", None)),
        (
            "Co-Authored-By: Claude (claude-opus-4-5) <noreply@anthropic.com>",
            ("claude-code", "anthropic/claude-opus-4-5"),
        ),
        ("Co-Authored-By: Daimon (Claude) <noreply@anthropic.com>", ("claude-code", None)),
        ("co-authored-by: claude[bot] <209825114+claude[bot]@users.noreply.github.com>", ("claude-code", None)),
        ("co-authored-by: claude[bot] <41898282+claude[bot]@users.noreply.github.com>", ("claude-code", None)),
        ("Co-authored-by: Claude <claude@anthropic.com>", ("claude-code", None)),
        ("Claude-Session: https://claude.ai/code/session_01ab", ("claude-code", None)),
        ("🤖 Generated with [Claude Code](https://claude.com/claude-code)", ("claude-code", None)),
        ("Generated with Claude Code", ("claude-code", None)),
        ("Co-authored-by: Codex <noreply@openai.com>", ("codex", None)),
        ("Co-authored-by: Codex <codex@example.com>", ("codex", None)),
        ("Co-authored-by: Copilot <copilot@github.com>", ("copilot", None)),
        ("Co-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>", ("copilot", None)),
        ("Co-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>", ("copilot", None)),
        (
            "Co-authored-by: copilot-swe-agent[bot] <198982749+copilot-swe-agent[bot]@users.noreply.github.com>",
            ("copilot", None),
        ),
        (
            "Agent-Logs-Url: https://github.com/o/r/sessions/875adb66-d7b7-462d-9c4f-dc073c5269ec",
            ("copilot", None),
        ),
        ("Co-authored-by: Cursor <cursoragent@cursor.com>", ("cursor", None)),
        ("Co-authored-by: Cursor Agent <cursoragent@cursor.com>", ("cursor", None)),
        ("Made-with: Cursor", ("cursor", None)),
        (f"Co-authored-by: Devin <{BOTS['devin-ai-integration[bot]']}>", ("devin", None)),
        ("Co-authored-by: jules <161369871+google-labs-jules[bot]@users.noreply.github.com>", ("jules", None)),
        ("Co-authored-by: Amp <amp@ampcode.com>", ("amp", None)),
        ("Amp-Thread-ID: https://ampcode.com/threads/T-0b1c", ("amp", None)),
        ("Co-Authored-By: opencode <noreply@opencode.ai>", ("opencode", None)),
        ("🤖 Generated with [opencode](https://opencode.ai)", ("opencode", None)),
        ("Co-authored-by: gemini-cli <218195315+gemini-cli@users.noreply.github.com>", ("gemini-cli", None)),
        ("Co-authored-by: Junie <201638009+jetbrains-junie[bot]@users.noreply.github.com>", ("junie", None)),
        ("Co-authored-by: aider (gpt-5.2) <aider@aider.chat>", ("aider", "openai/gpt-5.2")),
        (
            "Co-authored-by: aider (vertex_ai/gemini-2.5-pro-exp-03-25) <noreply@aider.chat>",
            ("aider", "google/gemini-2.5-pro-exp-03-25"),
        ),
        ("Co-authored-by: aider (unknown-model) <noreply@aider.dev>", ("aider", None)),
        ("Assisted-by: Claude:claude-3-opus coccinelle sparse", ("claude-code", "anthropic/claude-3-opus")),
        ("Assisted-by: Claude Sonnet 4.6", (None, "anthropic/claude-sonnet-4-6")),
        ("Assisted-by: gpt-5.5", (None, "openai/gpt-5.5")),
        ("Assisted-by: Google Antigravity", ("antigravity", None)),
        ("Assisted-by: generic LLM chatbot", ("llm", None)),
        ("Assisted-by: ChatGPTv5", ("chatgpt", None)),
        ("Assisted-by: GitHub Copilot (Claude Sonnet 4.5)", ("copilot", "anthropic/claude-sonnet-4-5")),
        ("Assisted-by: Claude Opus 4.6 <noreply@anthropic.com>", ("claude-code", "anthropic/claude-opus-4-6")),
        ("Generated-by: Claude Code", ("claude-code", None)),
        ("Generated-by: Claude Sonnet 4.6", (None, "anthropic/claude-sonnet-4-6")),
    ],
)
@pytest.mark.parametrize(
    "form", ["Subject\n\n{}\n", "Subject (#7)\n\n* one\n\n  {}\n\n* two\n\nSigned-off-by: J <j@x.org>\n"]
)
def test_each_dialect_is_read_at_the_end_and_in_the_middle_of_a_message(line, expected, form):
    assert expected == said(form.format(line))


@pytest.mark.parametrize(
    "message",
    [
        "Co-authored-by: Claude Monet <claude@monet.example>",
        "Co-authored-by: Devin Villarosa <devin@example.com>",
        "Co-authored-by: root <root@localhost>",
        "Co-authored-by: Kazuhiro Sera <seratch@openai.com>",
        "Co-authored-by: Someone <someone@anthropic.com>",
        "Co-authored-by: Claude",
        "Co-authored-by: Cursor <cursoragent@cursor.com.example.com>",
        "Co-authored-by: Copilotfan <12+copilotfan@users.noreply.github.com>",
        "Co-authored-by: x <199175422+chatgpt-codex-connector[bot]@users.noreply.github.com>",
        "Co-authored-by: x <176961590+gemini-code-assist[bot]@users.noreply.github.com>",
        "Co-authored-by: x <1+copilot-pull-request-reviewer[bot]@users.noreply.github.com>",
        "Co-authored-by: x <1+dependabot[bot]@users.noreply.github.com>",
        "Assisted-by: Claude Dupont <claude@dupont.example>",
        "Assisted-by: Devin Villarosa",
        "Assisted-by: Jules",
        "Assisted-by: Andrew Brookins",
        "Generated-by: protoc 27.1",
        "Generated-by: scripts/update.py",
        "Made-with: love",
        "Reviewed-by: Claude <noreply@anthropic.com>",
        "Drop the footer Generated with [Claude Code](https://claude.com/claude-code) from messages",
        "> Co-authored-by: Claude <noreply@anthropic.com>",
        "Agent-Logs-Url: https://example.com/o/r/sessions/1",
        "aider: describe the tool",
        "",
    ],
)
def test_people_reviewers_and_other_generators_mark_nothing(message):
    assert None is read(f"Subject\n\n{message}\n")


@pytest.mark.parametrize(
    "email", sorted(EMAILS) + [f"7+{account}@users.noreply.github.com" for account in sorted(ACCOUNTS)]
)
def test_an_author_with_a_tools_address_marks_the_commit(email):
    assert read(name="Anyone", email=email.upper()) is not None


def test_an_aider_author_marks_the_commit():
    assert "aider" == read(name="Jane Doe (aider)").tool
    assert None is read(name="aider")


def test_several_models_are_a_list_and_never_a_pick():
    found = read(
        "S\n\nCo-authored-by: Claude Opus 4.6 <noreply@anthropic.com>\nCo-authored-by: aider (o3) <aider@aider.chat>\n"
    )

    assert (None, ("anthropic/claude-opus-4-6", "openai/o3"), None) == (found.model, found.models, found.tool)


@pytest.mark.parametrize("other", ["Claude <noreply@anthropic.com>", "Codex <noreply@openai.com>"])
def test_a_known_model_beside_a_co_author_of_unknown_model_is_not_picked(other):
    found = read(f"S\n\nCo-authored-by: Claude Opus 4.6 <noreply@anthropic.com>\nCo-authored-by: {other}\n")

    assert (None, ("anthropic/claude-opus-4-6",)) == (found.model, found.models)


def test_a_footer_of_the_same_tool_leaves_the_model_as_it_is():
    found = read(
        "S\n\nGenerated with [Claude Code](https://x.y)\n\nCo-authored-by: Claude Opus 4.6 <noreply@anthropic.com>"
    )

    assert ("anthropic/claude-opus-4-6", "Claude Opus 4.6") == (found.model, found.raw_model)


def test_a_name_that_was_not_understood_is_not_kept():
    assert None is read("S\n\nCo-authored-by: Jane's helper <noreply@anthropic.com>").raw_model


PIECES = st.sampled_from(
    [
        "Co-authored-by: ",
        "Assisted-by:",
        "Claude ",
        "<noreply@anthropic.com>",
        "(aider)",
        "[Claude Code]",
        "\n",
        "  * ",
        ":",
        "(",
    ]
)


@given(st.lists(PIECES | st.text(max_size=20), max_size=60).map("".join), st.text(max_size=40), st.text(max_size=40))
def test_any_message_gives_an_answer_that_a_manifest_can_hold(message, name, email):
    found = read(message, name=name, email=email)

    assert found is None or found == Generation.from_leaf(found.as_leaf())


def test_a_huge_message_takes_no_long():
    assert None is read("Assisted-by: " + "claude (" * 200_000)
    assert None is read("\n".join(["Generated with " + "a " * 400] * 300))
