from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov.provenance import normalise


@pytest.mark.parametrize(
    ("raw", "model"),
    [
        ("Claude Opus 4.6", "anthropic/claude-opus-4-6"),
        ("Claude Opus 4.8 (1M context)", "anthropic/claude-opus-4-8"),
        ("Claude Fable 5", "anthropic/claude-fable-5"),
        ("Claude 3.5 Sonnet", "anthropic/claude-3-5-sonnet"),
        ("claude-3-opus", "anthropic/claude-3-opus"),
        ("claude-opus-4.6", "anthropic/claude-opus-4-6"),
        ("claude-sonnet-4-5[1m]", "anthropic/claude-sonnet-4-5"),
        ("claude-opus-4-5-20251101", "anthropic/claude-opus-4-5-20251101"),
        ("claude-opus-4-5@20251101", "anthropic/claude-opus-4-5-20251101"),
        ("Claude (claude-opus-4-5)", "anthropic/claude-opus-4-5"),
        ("Claude (global.anthropic.claude-opus-4-5-20251101-v1:0)", "anthropic/claude-opus-4-5-20251101"),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "anthropic/claude-opus-4-5-20251101"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic/claude-sonnet-4-20250514"),
        ("anthropic.claude-v2:1", None),
        ("bedrock/anthropic.claude-3-haiku-20240307-v1:0", "anthropic/claude-3-haiku-20240307"),
        ("vertex_ai/gemini-2.5-pro-exp-03-25", "google/gemini-2.5-pro-exp-03-25"),
        ("vertex_ai/claude-opus-4-5@20251101", "anthropic/claude-opus-4-5-20251101"),
        ("gemini/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("Gemini 2.5 Pro", "google/gemini-2.5-pro"),
        ("openai/gpt-5.2", "openai/gpt-5.2"),
        ("gpt-5.4", "openai/gpt-5.4"),
        ("GPT-5.2-Codex", "openai/gpt-5.2-codex"),
        ('"gpt-5"', "openai/gpt-5"),
        ("o3", "openai/o3"),
        ("o4-mini", "openai/o4-mini"),
        ("azure/gpt-4o", "openai/gpt-4o"),
        ("openrouter/tencent/hy3:free", "tencent/hy3:free"),
        ("qwen3-coder:30b", "alibaba/qwen3-coder:30b"),
        ("anthropic/claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("acme/house-model_7", "acme/house-model_7"),
        ("claude-4.5-sonnet-thinking", "anthropic/claude-sonnet-4-5"),
        ("claude-4.6-opus-max-thinking", "anthropic/claude-opus-4-6"),
        ("claude-3.5-sonnet", "anthropic/claude-3-5-sonnet"),
        ("anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"),
        ("openrouter/anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4-5"),
        ("anthropic:claude-opus-4-6", "anthropic/claude-opus-4-6"),
        ("OpenAI GPT 5.5", "openai/gpt-5.5"),
        ("gpt-5-high", "openai/gpt-5"),
        ("gpt-5.1-codex-max", "openai/gpt-5.1-codex-max"),
        ("gpt-5.1-codex-max-xhigh", "openai/gpt-5.1-codex-max"),
        ("gpt-5.6-sol", "openai/gpt-5.6-sol"),
        ("openai-codex/gpt-5.4", "openai/gpt-5.4"),
        ("opencode-go/glm-5", "zai/glm-5"),
        ("x-ai/grok-4", "xai/grok-4"),
        ("composer-2.5", "cursor/composer-2.5"),
    ],
)
def test_a_known_spelling_becomes_provider_and_model(raw, model):
    assert model == normalise(raw)[0]


@pytest.mark.parametrize(
    "raw", ["unknown", "default", "<synthetic>", "tab", "unknown-model", "Claude", "claude code", "", " "]
)
def test_a_placeholder_names_no_model_and_leaves_no_text(raw):
    assert (None, None) == normalise(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "ChatGPT",
        "claude-opus",
        "Daimon (Claude)",
        "openrouter/auto",
        "openai/default",
        "Jane Doe",
        "a/b/c d",
        "code-supernova-1-million",
        "test-model",
    ],
)
def test_a_version_or_provider_is_never_guessed(raw):
    assert None is normalise(raw)[0]


def test_a_hostile_name_takes_no_long():
    assert None is normalise("gpt-5" + "." * 243 + "!")[0]


def test_the_own_words_are_kept_only_where_they_differ():
    assert ("openai/o3", "o3") == normalise(" o3 ")
    assert ("openai/o3", None) == normalise("openai/o3")
    assert (None, "house-model") == normalise("house-model")


@given(
    st.text(max_size=300)
    | st.from_regex(r"(?:(?:openrouter|vertex_ai|us\.anthropic\.)[/.]?){0,9}(?:claude|gpt|o3)[-. \w:()\[\]@]{0,60}")
)
def test_any_text_gives_a_bounded_answer_that_is_its_own_normal_form(raw):
    model, said = normalise(raw)

    assert (model, None) == (normalise(model) if model else (None, None))
    assert all(text is None or (0 < len(text) <= 250 and text.isprintable()) for text in (model, said))
