"""Three manifests into one, by meaning: what the driver behind `git merge` does.

A record speaks of one state of a function, which its `code_hash` names. Where only one branch changed the code, its
record is the one that fits the merged file. Where both did, nobody has recorded the outcome: every generation is kept
and no hash is claimed, as for a file that was merged line by line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from aiprov.provenance._store import pruned, write_atomically
from aiprov_runtime._manifest import (
    MANIFEST_PATH,
    Generation,
    Manifest,
    ManifestError,
    Record,
    dumps,
    load,
    merge_records,
)

Files = dict[str, dict[str, Record]]


def merge_files(base: Path, ours: Path, theirs: Path) -> str | None:
    """Write the outcome to `ours`; where a side cannot be read, change nothing and say why."""
    try:
        mine = load(ours.read_bytes(), name=f"{MANIFEST_PATH} (ours)")
        other = load(theirs.read_bytes(), name=f"{MANIFEST_PATH} (theirs)")
        data = dumps(merge_three(_ancestor(base), mine, other))
        load(data, name=f"{MANIFEST_PATH} (merged)")
    except ManifestError as error:
        return str(error)
    write_atomically(ours, data)
    return None


def _ancestor(base: Path) -> Manifest:
    """Nothing, where both branches added the file, or where a merge of several ancestors left conflict markers."""
    try:
        return load(base.read_bytes())
    except ManifestError:
        return Manifest({}, {})


def merge_three(base: Manifest, ours: Manifest, theirs: Manifest) -> Manifest:
    """The same whichever side is ours; ManifestError where one generation's id stands for two contents."""
    if ours.files == theirs.files and ours.generations == theirs.generations:
        return ours
    if base.files == theirs.files and base.generations == theirs.generations:
        return ours
    if base.files == ours.files and base.generations == ours.generations:
        return theirs
    renames = _agreed(_renames(base.files, ours.files, theirs.files), _renames(base.files, theirs.files, ours.files))
    files = _merge_files(*(_renamed(side.files, renames) for side in (base, ours, theirs)))
    return pruned(Manifest(_merge_generations(base, ours, theirs), files))


def _merge_files(base: Files, ours: Files, theirs: Files) -> Files:
    merged: Files = {}
    for path in sorted(ours.keys() | theirs.keys()):
        was, mine, other = base.get(path, {}), ours.get(path, {}), theirs.get(path, {})
        for name in sorted(mine.keys() | other.keys()):
            record = _settle(was.get(name), mine.get(name), other.get(name))
            if record is not None:
                merged.setdefault(path, {})[name] = record
    return merged


def _settle(base: Record | None, ours: Record | None, theirs: Record | None) -> Record | None:
    """One function's record; None where it goes."""
    if theirs in (ours, base):
        return ours
    if ours == base:
        return theirs
    if ours is None or theirs is None:  # one branch took it out, the other changed it
        kept = ours or theirs
        return None if kept and _same_code(kept, base) else kept
    if not _same_code(ours, theirs):
        if _same_code(ours, base):
            return theirs
        if _same_code(theirs, base):
            return ours
    return merge_records(ours, theirs)


def _same_code(one: Record, other: Record | None) -> bool:
    return other is not None and one.code_hash is not None and one.code_hash == other.code_hash


def _merge_generations(base: Manifest, ours: Manifest, theirs: Manifest) -> dict[str, Generation]:
    """Those that any of the three knows: a record of one side may need what the other side has just dropped."""
    merged = {**base.generations, **ours.generations, **theirs.generations}
    for key in ours.generations.keys() & theirs.generations.keys():
        was, mine, other = base.generations.get(key), ours.generations[key], theirs.generations[key]
        if was not in (mine, other) and mine != other:
            raise ManifestError(f"generation {key} has different content on the two branches; run `aiprov scan` on one")
        merged[key] = other if mine == was else mine
    return merged


def _renames(base: Files, here: Files, there: Files) -> dict[str, str]:
    """Files that one branch renamed, old path to new: at least half of the functions stand there unchanged."""
    holders: dict[tuple[str, str], list[str]] = {}
    for path in here.keys() - base.keys():
        for code in _codes(here[path]):
            holders.setdefault(code, []).append(path)
    votes: dict[str, Counter[str]] = {}
    for old in base.keys() - here.keys():
        shared = Counter(path for code in _codes(base[old]) for path in holders.get(code, ()))
        votes[old] = Counter(
            {
                new: count
                for new, count in shared.items()
                if 2 * count >= len(base[old]) and not (old in there and new in there)
            }
        )
    chosen = {old: best for old, found in votes.items() if (best := _single_best(found))}
    rivals: dict[str, Counter[str]] = {}
    for old, new in chosen.items():
        rivals.setdefault(new, Counter())[old] = votes[old][new]
    return {old: new for old, new in chosen.items() if _single_best(rivals[new]) == old}


def _agreed(by_us: dict[str, str], by_them: dict[str, str]) -> dict[str, str]:
    """Without a file that the branches renamed differently, or two files that became one."""
    both = {old: new for old, new in (by_us | by_them).items() if by_us.get(old, new) == by_them.get(old, new)}
    claims = Counter(both.values())
    return {old: new for old, new in both.items() if claims[new] == 1}


def _codes(functions: dict[str, Record]) -> Iterator[tuple[str, str]]:
    for name, record in functions.items():
        if record.code_hash is not None:
            yield name, record.code_hash


def _single_best(votes: Counter[str]) -> str | None:
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):  # noqa: PLR2004  # a tie
        return None
    return ranked[0][0]


def _renamed(files: Files, renames: dict[str, str]) -> Files:
    return {renames.get(path, path): functions for path, functions in files.items()}
