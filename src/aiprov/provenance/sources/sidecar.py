"""`FILE.ai_metadata.json` beside a file: who generated it, and the hash of what was generated.

A sidecar is believed only where its hash fits the file as it is, or an earlier version of it in history; then it
covers those functions whose logic is still the one of that version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from aiprov.git import Repository
from aiprov.provenance import _times
from aiprov.provenance._models import normalise
from aiprov.provenance._text import MAX_SOURCE, plain_bytes
from aiprov.provenance.sources import Collected, FileEvidence
from aiprov.text import safe
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Generation

SUFFIX = ".ai_metadata.json"
MAX_BYTES = 64 * 1024
MAX_VERSIONS = 1000
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PROMPT_HASH = re.compile(r"(?:(?:hmac-)?sha256:)?[0-9a-f]{64}")


class Sidecar(msgspec.Struct):
    """Every field may be missing or null; without `code_hash` the file says nothing that could be checked."""

    code_hash: str | None = None
    file: str | None = None
    generated_at: str | None = None
    model: str | None = None
    prompt_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Sidecars:
    name: str = "sidecar"
    strength: int = 20

    def read(self, repository: Repository, files: Sequence[str]) -> Collected:
        evidence: list[FileEvidence] = []
        ignored: list[str] = []
        known = frozenset(files)
        for path in files:
            if path.endswith(SUFFIX):
                found = self._read_one(repository, path, known)
                if isinstance(found, str):
                    ignored.append(f"{safe(path)}: {found}")
                else:
                    evidence.append(found)
        return Collected(tuple(evidence), tuple(ignored))

    def _read_one(self, repository: Repository, path: str, known: frozenset[str]) -> FileEvidence | str:
        """The evidence, or in a few words why there is none."""
        data = plain_bytes(repository.root, path, limit=MAX_BYTES)
        if data is None:
            return "not a plain file of at most 64 KiB"
        try:
            sidecar = msgspec.json.decode(data, type=Sidecar)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "not a JSON object with the fields of a sidecar"
        wanted = _HASH.fullmatch((sidecar.code_hash or "").strip().lower())
        subject = _subject(path, sidecar, known)
        if wanted is None or subject is None:
            return "no code_hash, so it cannot be checked" if wanted is None else "its Python file is not there"
        source = next((text for text in _versions(repository, subject) if wanted[1] in _hashes(text)), None)
        try:
            hashes = {name: region.code_hash for name, region in regions(source or b"").items()}
        except SyntaxError:
            source = None
        if source is None:
            return "its code_hash fits no version of the file that is valid Python"
        return FileEvidence(subject, self._generation(sidecar), hashes)

    def _generation(self, sidecar: Sidecar) -> Generation:
        model, raw = normalise(sidecar.model or "")
        prompt = (sidecar.prompt_hash or "").strip().lower()
        if not _PROMPT_HASH.fullmatch(prompt):
            prompt = ""  # whatever it is, it may be the prompt itself
        elif ":" not in prompt:
            prompt = f"sha256:{prompt}"
        return Generation(
            model=model,
            raw_model=raw,
            prompt_hash=prompt or None,
            generated_at=_times.from_iso(sidecar.generated_at or ""),
            evidence=self.name,
        )


def _subject(path: str, sidecar: Sidecar, known: frozenset[str]) -> str | None:
    stem = path.removesuffix(SUFFIX)
    named = str(PurePosixPath(path).parent / PurePosixPath(sidecar.file or "").name)
    return next((p for p in (stem, f"{stem}.py", named) if p.endswith(".py") and p in known), None)


def _hashes(source: bytes) -> set[str]:
    """Line endings may have been changed by git since the sidecar was written."""
    unix = source.replace(b"\r\n", b"\n")
    return {hashlib.sha256(form).hexdigest() for form in (source, unix, unix.replace(b"\n", b"\r\n"))}


def _versions(repository: Repository, path: str) -> Iterator[bytes]:
    """The file as it is, then its earlier versions, the newest first."""
    today = plain_bytes(repository.root, path, limit=MAX_SOURCE)
    if today is not None:
        yield today
    if repository.resolve("HEAD") is None:
        return
    log = repository.run(
        *("log", "--format=", "--raw", "--no-abbrev", "-z", "--follow", "--diff-filter=AMR", f"-{MAX_VERSIONS}"),
        *("--no-show-signature", "HEAD", "--", path),
    )
    seen: set[str] = set()
    # `:<mode> <mode> <blob> <blob> <status>` NUL path NUL, and a second path for a rename.
    for entry in re.findall(rb":\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [AMR]", log):
        blob = entry[1].decode()
        if entry[0].startswith(b"100") and blob not in seen:
            seen.add(blob)
            yield repository.run("cat-file", "blob", blob, ok=(0, 128))
