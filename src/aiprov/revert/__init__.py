"""Revert one function at a time: plan, then print, apply or commit."""

from aiprov.revert._file import REFUSED, REVERTED, UNCHANGED, Outcome
from aiprov.revert._plan import Plan, plan
from aiprov.revert._source import Refusal
from aiprov.revert._write import Edit, apply, check_branch, commit_branch

__all__ = [
    "REFUSED",
    "REVERTED",
    "UNCHANGED",
    "Edit",
    "Outcome",
    "Plan",
    "Refusal",
    "apply",
    "check_branch",
    "commit_branch",
    "plan",
]
