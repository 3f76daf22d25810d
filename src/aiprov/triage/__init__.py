"""From grouped error events to ranked functions to revert."""

from __future__ import annotations

from aiprov.triage._codebase import Change, Codebase, GitCodebase
from aiprov.triage._resolve import Scope
from aiprov.triage._results import Period, Request, Spike, Suspect, Timeline, Unexplained
from aiprov.triage._spike import spike

__all__ = [
    "Change",
    "Codebase",
    "GitCodebase",
    "Period",
    "Request",
    "Scope",
    "Spike",
    "Suspect",
    "Timeline",
    "Unexplained",
    "spike",
]
