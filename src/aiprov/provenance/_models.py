"""A model's many spellings brought to `provider/model`; a version is never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MAX = 250

# Whose model a name is, by how it begins.
_FAMILIES = (
    ("anthropic", re.compile(r"claude-")),
    ("openai", re.compile(r"gpt-|chatgpt-|codex-|o[1-9](?:-|$)")),
    ("google", re.compile(r"gemini-|gemma-")),
    ("xai", re.compile(r"grok-")),
    ("mistral", re.compile(r"(?:mistral|codestral|devstral|magistral)-")),
    ("deepseek", re.compile(r"deepseek-")),
    ("alibaba", re.compile(r"(?:qwen|qwq)")),
    ("meta", re.compile(r"llama-")),
    ("moonshotai", re.compile(r"kimi-")),
    ("zai", re.compile(r"glm-")),
    ("minimax", re.compile(r"minimax-")),
    ("xiaomi", re.compile(r"mimo-")),
    ("cursor", re.compile(r"composer-")),
)
PROVIDERS = frozenset(provider for provider, _ in _FAMILIES)
# Who passes requests on without having made the model, and other names of those who made it.
_ROUTERS = frozenset(
    {
        *("openrouter", "vertex_ai", "vertex", "google-vertex", "bedrock", "bedrock_converse", "amazon-bedrock"),
        *("azure", "azure_ai", "github", "github_copilot", "github-copilot", "copilot", "litellm", "litellm_proxy"),
        *("gemini", "cursor", "opencode", "opencode-go", "openai-codex", "models"),
        *("x-ai", "z-ai", "mistralai", "meta-llama", "qwen", "minimaxai"),
    }
)
_NOTHING = frozenset(
    {
        *("", "unknown", "unknown-model", "default", "auto", "tab", "none", "null", "n/a", "synthetic", "<synthetic>"),
        *("claude", "claude code", "gpt", "chatgpt", "gemini", "codex", "copilot", "cursor", "aider", "model", "ai"),
    }
)
_PLACEHOLDERS = frozenset({"unknown", "unknown-model", "default", "auto", "tab", "none", "null", "<synthetic>"})
_PROVIDER_AND_MODEL = re.compile(r"[a-z0-9][a-z0-9_.-]*/[a-zA-Z0-9][\w.:@/+-]*", re.ASCII)
_BEDROCK = re.compile(
    r"(?:(?:global|us|us-gov|eu|apac|ap|jp|au|ca)\.)?([a-z0-9]+)\.([a-z0-9][\w.-]*?)(?:-v\d+)?(?::\d+)?",
    re.ASCII,
)
_ID = re.compile(r"[a-z][a-z0-9._:-]*[a-z0-9]")
_CONTEXT = re.compile(r"\s*(?:\(\d+[km](?: context)?\)|\[\d+[km]\])$", re.ASCII)
_IN_BRACKETS = re.compile(r"[a-z][a-z ]{0,40} \(([^()]+)\)")
_CLAUDE_NAME = re.compile(
    r"claude[ -](?:([a-z]+)[ -](\d+(?:[.-]\d+)*)|(\d+(?:[.-]\d+)*)[ -]([a-z]+))"
    r"(?:-(?:low|medium|high|xhigh|max))?(?:-thinking)?",
    re.ASCII,
)
# How hard a model was told to think is no part of which model it is.
_EFFORT = re.compile(
    r"(gpt-\d[\w.]*(?:-(?:codex|mini|nano|max|pro|sol))*|o\d(?:-mini|-pro)?)-(?:minimal|low|medium|high|xhigh)",
    re.ASCII,
)
_SELLER = re.compile(r"^(?:openai|anthropic|google)[ :]+(?=[a-z])")
_FAMILY_LAST = 3
_HAS_VERSION = re.compile(r"[0-9]")


def normalise(raw: str) -> tuple[str | None, str | None]:
    """The model as `provider/model`, or None where the text names none; and the text itself where it says more."""
    text = raw.strip().strip("\"'`").strip()
    if len(raw) > _MAX or not text.isprintable() or text.lower() in _NOTHING:
        return None, None
    model = _model(text)
    if model and len(model) > _MAX:
        return None, None
    said = raw.strip()
    return model, None if said == model else said


def _model(text: str) -> str | None:
    prefix, slash, rest = text.partition("/")
    if not slash:
        return _by_name(_SELLER.sub("", _CONTEXT.sub("", text.lower())))
    if prefix.lower() in _ROUTERS:
        return _model(rest)
    if prefix.lower() in PROVIDERS and (same := _model(rest)) and same.startswith(f"{prefix.lower()}/"):
        return same
    placeholder = rest.lower() in _PLACEHOLDERS
    return text if _PROVIDER_AND_MODEL.fullmatch(text) and not placeholder else None


def _by_name(lower: str) -> str | None:
    if inside := _IN_BRACKETS.fullmatch(lower):
        return _model(inside[1])
    if (hosted := _BEDROCK.fullmatch(lower)) and hosted[1] in PROVIDERS:
        return _model(f"{hosted[1]}/{hosted[2]}") if _HAS_VERSION.search(hosted[2]) else None
    if name := _CLAUDE_NAME.fullmatch(lower):
        family, version = (name[1], name[2]) if name[1] else (name[4], name[3])
        version = version.replace(".", "-")
        # Up to version 3 the family stood last: claude-3-5-sonnet.
        first = name[1] or int(version.partition("-")[0]) > _FAMILY_LAST
        return f"anthropic/claude-{family}-{version}" if first else f"anthropic/claude-{version}-{family}"
    if effort := _EFFORT.fullmatch(lower):
        lower = effort[1]
    return _by_family(re.sub(r"\s+", "-", lower).replace("@", "-"))


def _by_family(name: str) -> str | None:
    if not _ID.fullmatch(name) or not _HAS_VERSION.search(name):
        return None
    for provider, begins in _FAMILIES:
        if begins.match(name):
            return f"{provider}/{name.replace('.', '-') if provider == 'anthropic' else name}"
    return None


def said_of(model: str | None, models: Sequence[str]) -> str:
    """`a or b` where it may be any of them; where only one of several is known it may be another; empty for nothing."""
    if model:
        return model
    return f"{models[0]} or another" if len(models) == 1 else " or ".join(models)
