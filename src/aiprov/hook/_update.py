"""The manifest's records of one file, brought up to an edit that has just been made.

All of it may be skipped: the journal holds the edit, and the next scan finds it there.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from aiprov.hook._place import Place
from aiprov.provenance import _journal
from aiprov.provenance._code import Code
from aiprov.provenance._edits import Edit
from aiprov.provenance._match import Added, AddedLine, Sought
from aiprov_runtime._manifest import MANIFEST_PATH, MAX_KEY, Generation, Manifest, ManifestError, Record, dumps, load

AI_SHARE = 0.95
MAX_OTHERS = 50
# What fits into the time that an editor may be kept waiting.
MAX_SOURCE = 128 * 1024
MAX_MANIFEST = 256 * 1024
MAX_JOURNAL = 1024 * 1024
_TRIES, _WAIT = 10, 0.0005

Tally = Counter[Generation]


def update(place: Place, text: str, edits: Sequence[Edit], *, before: str | None) -> None:
    """Records of the functions that these edits put lines into; only where a repository has a manifest's folder."""
    path = place.root / MANIFEST_PATH
    if not place.path.endswith(".py") or not text or len(text) > MAX_SOURCE or not _is_plain(path):
        return
    try:
        code = Code(text.encode("utf-8", "surrogateescape"))
    except SyntaxError:
        return  # in the middle of a change
    tallies, reached = _tallies(place, text, edits, code)
    if not reached or (descriptor := _lock(path.parent)) is None:
        return
    try:
        manifest = load(path.read_bytes()) if path.exists() else Manifest({}, {})
        known = manifest.files.get(place.path, {})
        # One without a record is what a hook left that found the manifest locked.
        due = {name: tally for name, tally in tallies.items() if name in reached or name not in known}
        _write(path, dumps(_updated(manifest, place.path, code, due, before=before)))
    except ManifestError:
        return  # the person sees it at the next command
    finally:
        os.close(descriptor)


def _is_plain(path: Path) -> bool:
    if path.is_symlink() or path.parent.is_symlink() or not path.parent.is_dir():
        return False
    return not path.exists() or (path.is_file() and path.stat().st_size <= MAX_MANIFEST)


def _tallies(place: Place, text: str, edits: Sequence[Edit], code: Code) -> tuple[dict[str, Tally], set[str]]:
    """How many lines of each function which act of the journal wrote; and the functions that these edits reach."""
    known = [*_journal.read(place.git, path=place.path, last=MAX_JOURNAL)]
    lines = [AddedLine(number, line, 0) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    added = Added(lines)
    sought = [Sought(edit) for edit in reversed(known)]
    added.match(sought, first=[True] * len(sought))
    latest: dict[Generation, str] = {}
    for edit in added.writers.values():
        act = edit.generation._replace(generated_at=None)
        latest[act] = max(latest.get(act, ""), edit.generation.generated_at or "")
    ours = {(edit.generation, edit.blocks) for edit in edits}
    reached: set[str] = set()
    tallies: dict[str, Tally] = defaultdict(Counter)
    for line, owner in code.counted():
        if writer := added.writers.get(line):
            act = writer.generation._replace(generated_at=None)
            tallies[owner][act._replace(generated_at=latest[act] or None)] += 1
            if (writer.generation, writer.blocks) in ours:
                reached.add(owner)
    return {name: tally for name, tally in tallies.items() if len(name) <= MAX_KEY}, reached


def _updated(manifest: Manifest, path: str, code: Code, tallies: dict[str, Tally], *, before: str | None) -> Manifest:
    functions = dict(manifest.files.get(path, {}))
    generations = dict(manifest.generations)
    totals = Counter(owner for _, owner in code.counted())
    trusted = _unchanged_until(functions, before)
    for name, tally in tallies.items():
        held = functions.get(name)
        share, others = 0.0, set[str]()
        if held and name in trusted:
            share, others = held.ai_lines or 0.0, {g for g in (held.generation, *held.other_generations) if g}
        lines = tally.total()
        counts = sorted(tally.items(), key=lambda item: (-item[1], item[0].id))
        by_id = {generation.id: generation for generation, _ in counts}
        order = [*by_id, *sorted(others - by_id.keys())]
        rest = (totals[name] - lines) * share
        if held and held.generation in order and name in trusted and rest > counts[0][1]:
            order.remove(held.generation)
            order.insert(0, held.generation)
        generations |= by_id
        whole = min(1.0, (lines + rest) / totals[name])
        functions[name] = Record(
            contributor="ai" if whole >= AI_SHARE else "mixed",
            generation=order[0],
            ai_lines=round(whole, 4),
            code_hash=code.code_hash(name),
            other_generations=tuple(sorted(order[1 : MAX_OTHERS + 1])),
        )
    files = {**manifest.files, path: functions}
    used = {g for found in files.values() for r in found.values() for g in (r.generation, *r.other_generations)}
    return Manifest({key: g for key, g in generations.items() if key in used}, files)


def _unchanged_until(functions: dict[str, Record], before: str | None) -> set[str]:
    """Functions whose record still fitted when the edit was made, so what it says of their other lines holds."""
    if before is None or not any(record.ai_lines for record in functions.values()):
        return set()
    try:
        old = Code(before.encode("utf-8", "surrogateescape"))
    except SyntaxError:
        return set()
    known = functions.keys() & old.functions.keys()
    return {name for name in known if functions[name].code_hash == old.code_hash(name)}


def _lock(folder: Path) -> int | None:
    """None where another writer keeps it for more than a few milliseconds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_WAIT)
        else:
            return descriptor
    os.close(descriptor)
    return None


def _write(path: Path, data: bytes) -> None:
    """In one step, and without waiting for the disk: what is lost with the power, the journal's next reader finds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if path.exists():
                os.fchmod(descriptor, path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
