"""Which commit a release name or a manifest digest stands for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from aiprov.git import Repository
from aiprov_runtime._manifest import MANIFEST_PATH

_HEX = re.compile(r"[0-9a-f]{7,40}")
_MAX_MANIFESTS = 5000
_MAX_NAME = 300


def revision_of_release(repository: Repository, release: str) -> str | None:
    """By tag, commit id, or the part after `+`; branches move, so their names do not count."""
    if len(release) > _MAX_NAME:
        return None
    name, _, build = release.partition("+")
    package, _, version = name.rpartition("@")
    exact = (*_tag(repository, release), *_commit(repository, release), *_built_from(repository, build))
    if exact:
        return exact[0]
    for candidate in _versions(package, version):
        for found in (*_tag(repository, candidate), *_commit(repository, candidate)):
            return found
    return None


def revision_of_manifest(repository: Repository, digest: str) -> str | None:
    """The newest commit whose committed manifest has this digest, or starts with it."""
    if not re.fullmatch(r"[0-9a-f]{12,64}", digest):
        return None
    log = repository.run("log", "--all", "HEAD", f"--max-count={_MAX_MANIFESTS}", "--format=%H", "--", MANIFEST_PATH)
    for commit in log.decode("ascii").split():
        data = repository.read(commit, MANIFEST_PATH)
        if data is not None and hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest().startswith(digest):
            return commit
    return None


def _versions(package: str, version: str) -> Iterator[str]:
    """Spellings that tags use for `package@version`."""
    bare = version.removeprefix("v")
    yield from (version, f"v{bare}", bare)
    if package:
        short = package.rpartition("/")[2]
        for owner in dict.fromkeys((package, short)):
            yield from (f"{owner}{join}{bare}" for join in ("@", "@v", "-", "-v", "/", "/v", "_", "=="))


def _built_from(repository: Repository, build: str) -> tuple[str, ...]:
    """A commit id in a version's build part: `+3f2a1bc`, `+g3f2a1bc.d20260102`, `+12.3f2a1bc`."""
    found = (_commit(repository, part.removeprefix("g")) for part in re.split(r"[.\-+_]", build))
    return next((commit for commit in found if commit), ())


def _tag(repository: Repository, name: str) -> tuple[str, ...]:
    found = repository.resolve(f"refs/tags/{name}") if name else None
    return (found,) if found else ()


def _commit(repository: Repository, name: str) -> tuple[str, ...]:
    """A short or full id; a branch that is spelt like one does not pass."""
    text = name.lower()
    found = repository.resolve(text) if _HEX.fullmatch(text) else None
    return (found,) if found and found.startswith(text) else ()
