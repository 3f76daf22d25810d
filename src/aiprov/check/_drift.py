"""Records held against today's work tree: where the code was changed, moved, renamed or deleted since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aiprov.check._findings import Finding
from aiprov.check._lines import ManifestLines
from aiprov.check._tree import Tree
from aiprov.provenance._moves import Moved
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest

EDITED = "its code is not what was recorded"
DELETED = "no such function any more"
SCAN = "run `aiprov scan`"
_RECORD = "history does not say who changed it, so say it: `aiprov record`"


def edited(
    held: Manifest, found: Manifest | None, *, hashes: Mapping[str, Mapping[str, str]], tree: Tree
) -> Iterator[Finding]:
    """`hashes` are today's. What a scan leaves as it is, and `found` holds what it makes, takes somebody who knows."""
    for path, today in hashes.items():
        for qualname, record in held.files.get(path, {}).items():
            stays = found is not None and found.files.get(path, {}).get(qualname) == record
            problem = "its code is not what was recorded"
            if record.code_hash is None:
                if qualname not in today or not (stays or found is None):
                    continue  # deleted, or at odds with the evidence
                problem = "its record has no code_hash, as where two branches recorded it differently"
            elif today.get(qualname, record.code_hash) == record.code_hash:
                continue
            yield Finding(
                kind="edited",
                message=f"{problem}; {_RECORD if stays else SCAN}",
                function=f"{path}::{qualname}",
                path=path,
                line=tree.source(path).line(qualname),
            )


def displaced(moved: Moved, tree: Tree, lines: ManifestLines) -> Iterator[Finding]:
    """What is somewhere else now, or nowhere."""
    now = {origin: place for place, origin in moved.origins.items()}
    for path, qualname in moved.gone:
        if place := now.get((path, qualname)):
            yield _moved(path, qualname, to_path=place[0], to_name=place[1], line=tree.source(place[0]).line(place[1]))
        else:
            yield Finding(
                kind="deleted",
                message=f"{DELETED}; {SCAN}",
                function=f"{path}::{qualname}",
                path=MANIFEST_PATH,
                line=lines.record(path, qualname),
            )


def _moved(path: str, qualname: str, *, to_path: str, to_name: str, line: int | None) -> Finding:
    is_here = path == to_path
    where = to_name if is_here else f"{to_path}::{to_name}"
    return Finding(
        kind="renamed" if is_here else "moved",
        message=f"its code is now {where}; {SCAN}",
        function=f"{path}::{qualname}",
        path=to_path,
        line=line,
        to=f"{to_path}::{to_name}",
    )
