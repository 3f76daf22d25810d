"""One thing that is not as it should be, and where a person looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["invalid", "edited", "moved", "renamed", "deleted", "unrecorded", "policy"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class About:
    severity: Severity
    title: str
    help: str


KINDS: dict[Kind, About] = {
    "invalid": About(
        severity="error",
        title="The manifest cannot be believed",
        help="An entry was written by hand, damaged, or is at odds with the evidence that it cites; that may be read "
        "anew after an upgrade of aiprov. Restore it from git, or run `aiprov scan` and review what it changes.",
    ),
    "edited": About(
        severity="warning",
        title="A recorded function's code has changed",
        help="The logic is not the one that was recorded; formatting and comments do not count. Run `aiprov scan`, "
        "or `aiprov record` where a tool made the change, and commit the manifest with the code.",
    ),
    "moved": About(
        severity="warning",
        title="A recorded function is in another file",
        help="The same code stands at another path now. Run `aiprov scan`: the record moves along.",
    ),
    "renamed": About(
        severity="warning",
        title="A recorded function has another name",
        help="The same code stands under another name in its file. Run `aiprov scan`: the record moves along.",
    ),
    "deleted": About(
        severity="warning",
        title="A recorded function is gone",
        help="No code in the work tree fits the record. Run `aiprov scan`: the record goes.",
    ),
    "unrecorded": About(
        severity="error",
        title="A model's code has no record",
        help="Commits or other records in the repository say that a model wrote it, and the manifest does not. "
        "Run `aiprov scan` and commit the manifest.",
    ),
    "policy": About(
        severity="error",
        title="The project's policy is not met",
        help="The rule stands in [tool.aiprov.policy] of pyproject.toml; the message says what would mend it.",
    ),
}
"""In the order of reports."""

_ORDER = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    kind: Kind
    message: str
    function: str | None = None
    """As `path::qualname`, where the record has it; None where no single function is concerned."""
    path: str | None = None
    """The file to look at, None where no file is concerned."""
    line: int | None = None
    to: str | None = None
    """As `path::qualname`, where the code of a moved or renamed function is now."""
    commit: str | None = None
    rule: str | None = None
    """The policy's key."""

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity

    @property
    def sort_key(self) -> tuple[int, str, str, int, str, str]:
        where = (self.path or "", self.line or 0, self.function or "")
        return (_ORDER[self.kind], self.rule or "", *where, self.commit or self.message)

    @property
    def identity(self) -> tuple[str, ...]:
        """What stays the same while the finding does, wherever its lines go."""
        about = (self.function, self.to, self.rule, self.commit, self.message if self.kind == "invalid" else None)
        return (self.kind, *(part or "" for part in about))
