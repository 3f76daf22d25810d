"""Whether a function's code differs between the revision of the baseline and the one that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aiprov.triage._codebase import Codebase
from aiprov.triage._responsibility import THIRD_PARTY, UNRESOLVED
from aiprov_runtime._functions import Region

State = Literal["changed", "new", "unchanged", "unknown"]
FACTOR: dict[State, float] = {"changed": 1.0, "new": 1.0, "unchanged": 0.1, "unknown": 0.5}


@dataclass(slots=True)
class Changes:
    codebase: Codebase
    baseline: str | None
    _known: dict[tuple[str, str | None], State] = field(default_factory=dict)

    def state(self, key: str, revision: str | None) -> State:
        if (key, revision) not in self._known:
            self._known[key, revision] = self._compare(key, revision)
        return self._known[key, revision]

    def factor(self, key: str, revision: str | None) -> float:
        return FACTOR[self.state(key, revision)]

    def _compare(self, key: str, revision: str | None) -> State:
        if self.baseline is None or revision is None or key == THIRD_PARTY or key.startswith(UNRESOLVED):
            return "unknown"
        if revision == self.baseline:
            return "unchanged"
        path, _, qualname = key.partition("::")
        now = self.region(key, revision)
        if now is None:
            return "unknown"
        if self.codebase.source(self.baseline, path) is None:
            path = self.codebase.renames(self.baseline, revision).get(path, path)
        functions = self.codebase.regions(self.baseline, path)
        if functions is None:
            return "new" if self.codebase.source(self.baseline, path) is None else "unknown"
        before = functions.get(qualname)
        if before is None:
            return "new"
        return "unchanged" if before.code_hash == now.code_hash else "changed"

    def region(self, key: str, revision: str) -> Region | None:
        path, _, qualname = key.partition("::")
        functions = self.codebase.regions(revision, path)
        return None if functions is None else functions.get(qualname)
