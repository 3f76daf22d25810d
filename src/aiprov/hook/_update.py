"""The manifest's records of one file, brought up to an edit that has just been made.

All of it may be skipped: the journal holds the edit, and the next scan finds it there.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from aiprov.hook._place import Place
from aiprov.provenance.edits import _journal
from aiprov.provenance.edits._edits import Edit
from aiprov.provenance.edits._match import ENOUGH, Added, AddedLine, Sought
from aiprov.provenance.lines._code import Code
from aiprov_runtime._manifest import (
    MANIFEST_PATH,
    MAX_KEY,
    VERSION,
    Document,
    Generation,
    Manifest,
    Record,
    dumps,
    read,
)

AI_SHARE = 0.95
MAX_OTHERS = 50
# What fits into the time that an editor may be kept waiting.
MAX_SOURCE = 40 * 1024
MAX_MANIFEST = 512 * 1024
MAX_JOURNAL = 512 * 1024
_TRIES, _WAIT = 10, 0.0005

Tally = Counter[Generation]


def update(place: Place, text: str, edits: Sequence[Edit], *, before: str | None) -> None:
    """Records of the functions that these edits put lines into; the first of a repository begins its manifest."""
    path = place.root / MANIFEST_PATH
    if not place.path.endswith(".py") or not text or len(text) > MAX_SOURCE or not _is_plain(path):
        return
    try:
        code = Code(text.encode("utf-8", "surrogateescape"))
    except SyntaxError:
        return  # in the middle of a change
    tallies, reached = _tallies(place, text, edits, code)
    if not reached:
        return
    path.parent.mkdir(exist_ok=True)
    if (descriptor := _lock(path.parent)) is None:
        return
    try:
        manifest = read(path.read_bytes()) if path.exists() else read(dumps(Manifest({}, {})))
        if data := _updated(manifest, place.path, code, tallies, reached=reached, before=before):
            _write(path, data)
    except ValueError:
        return  # the person sees at the next command what is wrong with it
    finally:
        os.close(descriptor)


def _is_plain(path: Path) -> bool:
    if path.is_symlink() or path.parent.is_symlink() or (path.parent.exists() and not path.parent.is_dir()):
        return False
    return not path.exists() or (path.is_file() and path.stat().st_size <= MAX_MANIFEST)


def _tallies(place: Place, text: str, edits: Sequence[Edit], code: Code) -> tuple[dict[str, Tally], set[str]]:
    """How many lines of each function which act of the journal wrote; and the functions that these edits reach."""
    writers = _writers(place, text)
    latest: dict[Generation, str] = {}
    for edit in writers.values():
        act = edit.generation._replace(generated_at=None)
        latest[act] = max(latest.get(act, ""), edit.generation.generated_at or "")
    ours = {(edit.generation, edit.blocks) for edit in edits}
    reached: set[str] = set()
    tallies: dict[str, Tally] = defaultdict(Counter)
    for line, owner in code.counted():
        if writer := writers.get(line):
            act = writer.generation._replace(generated_at=None)
            tallies[owner][act._replace(generated_at=latest[act] or None)] += 1
            if (writer.generation, writer.blocks) in ours:
                reached.add(owner)
    return {name: tally for name, tally in tallies.items() if len(name) <= MAX_KEY}, reached


def _writers(place: Place, text: str) -> dict[int, Edit]:
    """Which edit of the journal put which line there, the newest of those that may have."""
    lines = [AddedLine(number, line, 0) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    added = Added(lines)
    sought = [Sought(edit) for edit in _journal.read(place.git, path=place.path, last=MAX_JOURNAL)][::-1]
    added.match(sought, enough=[ENOUGH] * len(sought))
    return added.writers


def without_known(place: Place, text: str) -> str:
    """The text, with blank lines for those that an earlier edit put there; a long one as it is."""
    if len(text) > MAX_SOURCE:
        return text
    known = _writers(place, text)
    return "\n".join("" if number in known else line for number, line in enumerate(text.split("\n"), 1))


def _updated(
    manifest: Document, path: str, code: Code, tallies: Mapping[str, Tally], *, reached: set[str], before: str | None
) -> bytes | None:
    """The manifest's new bytes, with all other files' lines as they were; None where somebody has re-formatted it."""
    if manifest.version != VERSION or not all(isinstance(block, str) for block in manifest.files.values()):
        return None
    functions = {name: Record.from_leaf(leaf) for name, leaf in manifest.functions(path).items()}
    generations = {key: Generation.from_leaf(leaf) for key, leaf in manifest.generations.items()}
    # One without a record is what a hook left that found the manifest locked.
    due = {name: tally for name, tally in tallies.items() if name in reached or name not in functions}
    trusted = _unchanged_until(functions, due.keys(), before)
    totals = Counter(owner for _, owner in code.counted())
    for name, tally in due.items():
        generations |= {generation.id: generation for generation in tally}
        functions[name] = _record(tally, trusted.get(name), total=totals[name])._replace(code_hash=code.code_hash(name))
    others = "".join(str(block) for name, block in manifest.files.items() if name != path)
    used = {g for record in functions.values() for g in (record.generation, *record.other_generations)}
    kept = {key: found for key, found in generations.items() if key in used or f'"{key}"' in others}
    blocks = {**manifest.files, path: dumps(Manifest({}, {path: functions})).decode().partition('":\n')[2]}
    files = "".join(f'  "{name}":\n{block}' for name, block in sorted(blocks.items()))
    return dumps(Manifest(kept, {})) + files.encode()


def _record(tally: Tally, held: Record | None, *, total: int) -> Record:
    """What the journal knows, and for the lines that it does not know what a record said that still fitted."""
    lines = tally.total()
    by_id = Counter({generation.id: count for generation, count in tally.items()})
    rest = (total - lines) * (held.ai_lines or 0.0) if held else 0.0
    if held:
        by_id.update({g: 0 for g in (held.generation, *held.other_generations) if g})
    order = sorted(by_id, key=lambda key: (-by_id[key], key))
    if held and held.generation and rest > by_id[order[0]]:
        order.sort(key=lambda key: key != held.generation)
    share = min(1.0, (lines + rest) / total)
    return Record(
        contributor="ai" if share >= AI_SHARE else "mixed",
        generation=order[0],
        ai_lines=round(share, 4),
        other_generations=tuple(sorted(order[1 : MAX_OTHERS + 1])),
    )


def _unchanged_until(functions: Mapping[str, Record], due: Collection[str], before: str | None) -> dict[str, Record]:
    """Records that still fitted when the edit was made, so what they say of other lines holds."""
    held = {name: functions[name] for name in due if name in functions and functions[name].ai_lines}
    if before is None or not held:
        return {}
    try:
        old = Code(before.encode("utf-8", "surrogateescape"))
    except SyntaxError:
        return {}
    known = held.keys() & old.functions.keys()
    return {name: held[name] for name in known if held[name].code_hash == old.code_hash(name)}


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
