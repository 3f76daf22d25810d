"""What a team asks of AI-written code: the table `[tool.aiprov.policy]`. Nothing is asked by default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from aiprov.config import TABLE, Help, load_config, parse_table

REVIEWED_BY = "Reviewed-by"
_TRAILER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,60}")
Patterns = tuple[str, ...]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Annotated[
        str | None, Help(description="Where the policy begins: a revision; what was written up to it is left alone.")
    ] = None
    exclude: Annotated[
        Patterns, Help(description="Functions left alone: patterns of paths, or of `path::qualname`.")
    ] = ()
    allowed_models: Annotated[
        Patterns, Help(description="Patterns such as `anthropic/*`; without a slash the provider may be any.")
    ] = ()
    forbidden_models: Annotated[Patterns, Help(description="Patterns likewise; they go before the allowed ones.")] = ()
    allow_unknown_model: Annotated[
        bool, Help(description="Whether `allowed_models` lets a function pass whose model is not known.")
    ] = True
    require_reviewer: Annotated[
        bool | str,
        Help(description="Commits by a model need this trailer, naming somebody else; `true` means `Reviewed-by`."),
    ] = False
    require_tests: Annotated[
        bool, Help(description="The name of each function by a model must stand in the code of some test file.")
    ] = False
    forbid_same_model_tests: Annotated[
        bool, Help(description="Of the tests that name a function, not all may be by the model that wrote it.")
    ] = False
    max_unreviewed_ai_share: Annotated[
        float | None, Help(description="How much of all functions may be by a model and not reviewed, from 0 to 1.")
    ] = None

    def __post_init__(self) -> None:
        if isinstance(self.require_reviewer, str) and not _TRAILER.fullmatch(self.require_reviewer):
            raise ValueError(f"require_reviewer must be true, or the name of a trailer such as {REVIEWED_BY}")
        if self.max_unreviewed_ai_share is not None and not 0 <= self.max_unreviewed_ai_share <= 1:
            raise ValueError("max_unreviewed_ai_share must be a number from 0 to 1, such as 0.3")

    @property
    def trailer(self) -> str:
        """The one that counts as a review."""
        return self.require_reviewer if isinstance(self.require_reviewer, str) else REVIEWED_BY

    @property
    def asks_for_reviews(self) -> bool:
        return bool(self.require_reviewer) or self.max_unreviewed_ai_share is not None

    @property
    def asks_for_tests(self) -> bool:
        return self.require_tests or self.forbid_same_model_tests


def load_policy(root: Path) -> Policy:
    """From pyproject.toml; UsageError for a key or value that is none."""
    return parse_table(load_config(root).policy, Policy, name=f"{TABLE}.policy")
