"""What each file was before `init` changed it, kept below the git directory, so that it can be put back exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from aiprov.setup._files import Edit

_MAX_BYTES = 64 * 1024 * 1024


class Was(msgspec.Struct, frozen=True):
    """A file before, None where there was none, and a digest of what `init` made of it."""

    before: bytes | None
    after: str


def path_in(git: Path) -> Path:
    return git / "aiprov" / "init.json"


def load(git: Path) -> dict[str, Was]:
    """Empty where there is none or it is garbled: then only marked parts are taken out."""
    path = path_in(git)
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return {}
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Was])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def original(known: Mapping[str, Was], name: str, current: bytes) -> Was | None:
    """What the file was, where nobody has changed it since."""
    was = known.get(name)
    return was if was is not None and was.after == digest(current) else None


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def edit(git: Path, known: Mapping[str, Was], changed: Mapping[str, Was | None]) -> Edit:
    """The journal itself as one more file to write; None forgets a file."""
    path = path_in(git)
    kept: Iterable[tuple[str, Was | None]] = ({**known, **changed}).items()
    left = {name: was for name, was in sorted(kept) if was is not None}
    before = path.read_bytes() if path.is_file() else None
    after = msgspec.json.encode(left) + b"\n" if left else None
    return Edit(path, "aiprov/init.json", before, after, mode=0o600)  # it holds copies of what may be private
