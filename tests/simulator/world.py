"""A program without source text: functions, who wrote them, and what changed from release to release."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from aiprov.triage import Change
from aiprov_runtime._functions import MODULE, Region
from aiprov_runtime._manifest import Generation, Manifest, Record

FILES, FUNCTIONS, SPAN = 12, 9, 20
CLAUDE = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "ab" * 32)


@dataclass(frozen=True, slots=True)
class Function:
    path: str
    qualname: str
    start: int

    @property
    def key(self) -> str:
        return f"{self.path}::{self.qualname}"


@dataclass(slots=True)
class World:
    """A `Codebase` held in memory; revisions are 40 hex digits, releases are named after them."""

    functions: dict[str, Function]
    ai: set[str]
    recorded: set[str]
    changed: dict[str, set[str]] = field(default_factory=dict)
    """By revision: the functions whose code is not the first revision's."""
    absent: dict[str, set[str]] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    shift: int = 0
    """Lines by which every function of later revisions has moved down."""
    _regions: dict[tuple[str, str], dict[str, Region]] = field(default_factory=dict)
    _manifests: dict[str, Manifest] = field(default_factory=dict)

    @classmethod
    def build(cls, random: Random, *, ai_share: float = 0.4) -> World:
        functions = {}
        for file in range(FILES):
            for number in range(FUNCTIONS):
                function = Function(f"src/app/m{file}.py", f"f{file}_{number}", 10 + number * SPAN)
                functions[function.key] = function
        keys = sorted(functions)
        ai = {key for key in keys if random.random() < ai_share}
        return cls(functions, ai, set(keys))

    def release(self, name: str, *, changed: set[str], absent: set[str] = frozenset()) -> None:
        revision = f"{len(self.releases) + 1:040x}"
        self.releases[name] = revision
        self.changed[revision] = set(changed)
        self.absent[revision] = set(absent)

    def line(self, key: str, revision: str) -> int:
        return self.regions(revision, self.functions[key].path)[self.functions[key].qualname].start + 5

    def head(self) -> str | None:
        return max(self.releases.values(), default=None)

    def revision_of_release(self, release: str) -> str | None:
        return self.releases.get(release)

    def revision_of_manifest(self, digest: str) -> str | None:
        del digest

    def paths(self, revision: str) -> tuple[str, ...]:
        del revision
        return tuple(sorted({function.path for function in self.functions.values()}))

    def source(self, revision: str, path: str) -> bytes | None:
        return b"" if path in self.paths(revision) else None

    def regions(self, revision: str, path: str) -> dict[str, Region] | None:
        if (revision, path) not in self._regions:
            later = revision != min(self.releases.values())
            moved = self.shift if later else 0
            found = {MODULE: Region(MODULE, ((1, 10_000),), "module")}
            for key, one in self.functions.items():
                if one.path == path and key not in self.absent[revision]:
                    code = f"{key}@{revision}" if key in self.changed[revision] else key
                    spans = ((one.start + moved, one.start + moved + SPAN - 2),)
                    found[one.qualname] = Region(one.qualname, spans, code)
            self._regions[revision, path] = found
        return self._regions[revision, path]

    def manifest(self, revision: str) -> Manifest | None:
        if revision not in self._manifests:
            files: dict[str, dict[str, Record]] = {}
            for key in sorted(self.recorded):
                one = self.functions[key]
                by_model = key in self.ai
                record = Record("ai" if by_model else "human", CLAUDE.id if by_model else None)
                files.setdefault(one.path, {})[one.qualname] = record
            self._manifests[revision] = Manifest({CLAUDE.id: CLAUDE}, files, digest="0" * 64)
        return self._manifests[revision]

    def renames(self, old: str, new: str) -> dict[str, str]:
        del old, new
        return {}

    def last_change(self, revision: str, path: str, region: Region) -> Change | None:
        del revision, path, region
