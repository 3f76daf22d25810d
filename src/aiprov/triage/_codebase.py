"""What triage asks of the code behind a release."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiprov.git import GitError, Repository
from aiprov.text import safe
from aiprov.triage import _revisions
from aiprov_runtime._functions import Region, regions
from aiprov_runtime._manifest import Manifest, ManifestError

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Change:
    """The last commit that touched a function."""

    commit: str
    date: str
    subject: str


class Codebase(Protocol):
    """Revisions are full commit ids; whatever is unknown is None or empty."""

    def head(self) -> str | None: ...
    def revision_of_release(self, release: str) -> str | None: ...
    def revision_of_manifest(self, digest: str) -> str | None: ...
    def paths(self, revision: str) -> Sequence[str]: ...
    def source(self, revision: str, path: str) -> bytes | None: ...
    def regions(self, revision: str, path: str) -> Mapping[str, Region] | None: ...
    def manifest(self, revision: str) -> Manifest | None: ...
    def renames(self, old: str, new: str) -> Mapping[str, str]:
        """The old path of each file that moved, by its new path."""

    def last_change(self, revision: str, path: str, region: Region) -> Change | None: ...


@dataclass(slots=True)
class GitCodebase:
    """A repository; files are parsed once per content, not once per revision."""

    repository: Repository
    problems: list[str] = field(default_factory=list)
    """Lines on manifests and sources that could not be read."""
    _parsed: dict[bytes, dict[str, Region] | None] = field(default_factory=dict)
    _found: dict[tuple[str, str], dict[str, Region] | None] = field(default_factory=dict)
    _manifests: dict[str, Manifest | None] = field(default_factory=dict)
    _releases: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _renames: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def head(self) -> str | None:
        return self.repository.resolve("HEAD")

    def revision_of_release(self, release: str) -> str | None:
        key = ("release", release)
        if key not in self._releases:
            self._releases[key] = _revisions.revision_of_release(self.repository, release)
        return self._releases[key]

    def revision_of_manifest(self, digest: str) -> str | None:
        key = ("manifest", digest)
        if key not in self._releases:
            self._releases[key] = _revisions.revision_of_manifest(self.repository, digest)
        return self._releases[key]

    def paths(self, revision: str) -> Sequence[str]:
        return self.repository.files(revision)

    def source(self, revision: str, path: str) -> bytes | None:
        return self.repository.read(revision, path)

    def regions(self, revision: str, path: str) -> Mapping[str, Region] | None:
        if (revision, path) not in self._found:
            source = self.repository.read(revision, path)
            self._found[revision, path] = None if source is None else self._parse(source)
            if source is not None and self._found[revision, path] is None:
                version = f"{sys.version_info[0]}.{sys.version_info[1]}"
                self.problems.append(
                    f"{safe(path)} at {revision[:12]}: not valid Python {version}, so its functions are not known; "
                    "run aiprov with the Python that the code is for"
                )
        return self._found[revision, path]

    def _parse(self, source: bytes) -> dict[str, Region] | None:
        key = hashlib.sha256(source).digest()
        if key not in self._parsed:
            try:
                self._parsed[key] = regions(source)
            except SyntaxError:
                self._parsed[key] = None
        return self._parsed[key]

    def manifest(self, revision: str) -> Manifest | None:
        if revision not in self._manifests:
            try:
                self._manifests[revision] = self.repository.manifest(revision)
            except ManifestError as error:
                self._manifests[revision] = None
                self.problems.append(str(error))
        return self._manifests[revision]

    def renames(self, old: str, new: str) -> Mapping[str, str]:
        if (old, new) not in self._renames:
            listed = self.repository.run("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", old, new)
            parts = listed.decode("utf-8", "surrogateescape").split("\0")
            self._renames[old, new] = {parts[i + 2]: parts[i + 1] for i in range(0, len(parts) - 2, 3)}
        return self._renames[old, new]

    def last_change(self, revision: str, path: str, region: Region) -> Change | None:
        spans = [f"-L{start},{end}:{path}" for start, end in region.spans]
        try:
            shown = self.repository.run("log", "-1", "--no-patch", "--format=%H%x00%cI%x00%s%x00", *spans, revision)
        except GitError:
            return None  # an empty file, or a span that git counts differently
        parts = shown.decode("utf-8", "replace").split("\0")
        return Change(parts[0].strip(), parts[1], parts[2]) if len(parts) >= _FIELDS else None
