"""Who wrote a function, as the manifest of the revision that was running says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiprov.triage._codebase import Codebase
from aiprov.triage._responsibility import THIRD_PARTY, UNRESOLVED
from aiprov_runtime._manifest import Generation, Record

Kind = Literal["ai", "mixed", "human", "unknown", "third-party", "unresolved"]
_WORDS: dict[Kind, str] = {
    "human": "{}, which is recorded as written by people",
    "unknown": "{}, which has no record",
    "third-party": "third-party code, with no function of yours on the stack",
    "unresolved": "{}, which could not be matched to the repository",
}


@dataclass(frozen=True, slots=True)
class Provenance:
    codebase: Codebase
    revision: str | None

    def record(self, key: str) -> Record | None:
        manifest = None if self.revision is None else self.codebase.manifest(self.revision)
        path, _, qualname = key.partition("::")
        return None if manifest is None else manifest.files.get(path, {}).get(qualname)

    def generation(self, record: Record) -> Generation | None:
        manifest = None if self.revision is None else self.codebase.manifest(self.revision)
        return None if manifest is None or record.generation is None else manifest.generations.get(record.generation)

    def changed_by(self, record: Record, commit: str) -> tuple[bool | None, Generation | None]:
        """Whether a model's work is recorded for this commit, None where records name no commit; and what it was."""
        manifest = None if self.revision is None else self.codebase.manifest(self.revision)
        if manifest is None:
            return None, None
        known = [manifest.generations.get(id_) for id_ in (record.generation or "", *record.other_generations)]
        made = next((one for one in known if one and one.commit == commit), None)
        if made is None:
            return (False if all(one and one.commit for one in known) else None), None
        return True, made

    def kind(self, key: str) -> Kind:
        if key == THIRD_PARTY:
            return "third-party"
        if key.startswith(UNRESOLVED):
            return "unresolved"
        record = self.record(key)
        return "unknown" if record is None else record.contributor  # type: ignore[return-value]

    def is_ai(self, key: str) -> bool:
        return self.kind(key) in ("ai", "mixed")

    def words(self, key: str) -> str:
        """For a sentence about a function that no model is known to have written."""
        return _WORDS.get(self.kind(key), "{}").format(key.removeprefix(UNRESOLVED))
