"""The manifest held against what a scan finds: code without a record, and records without a ground."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from aiprov.check._drift import SCAN
from aiprov.check._findings import Finding
from aiprov.check._lines import ManifestLines
from aiprov.check._tree import Tree
from aiprov.provenance._moves import Moved, Place
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record

BY_MODELS = ("ai", "mixed")
_FEW = 0.1


def unrecorded(held: Manifest, found: Manifest, tree: Tree, moved: Moved) -> Iterator[Finding]:
    for path, functions in found.files.items():
        known = held.files.get(path, {})
        for qualname, record in functions.items():
            if qualname in known or (path, qualname) in moved.origins or record.contributor not in BY_MODELS:
                continue
            yield Finding(
                kind="unrecorded",
                message=f"{describe(record, found)}, and the manifest has no record of it; {SCAN}",
                function=f"{path}::{qualname}",
                path=path,
                line=tree.source(path).line(qualname),
            )


def at_odds(held: Manifest, found: Manifest, *, settled: Collection[Place], lines: ManifestLines) -> Iterator[Finding]:
    """Records of code that did not change, and of which the evidence says something else than they do."""
    for path, functions in held.files.items():
        for qualname, record in functions.items():
            now = found.files.get(path, {}).get(qualname)
            if (path, qualname) in settled or (now is not None and _agree(record, held, now, found)):
                continue
            says = f"the evidence says {describe(now, found)}" if now else "there is no evidence of that"
            message = f"recorded as {describe(record, held)}, but {says}; {SCAN}"
            if now and record.code_hash is None:
                message = f"its record has no code_hash, as where two branches recorded it differently; {SCAN}"
            yield Finding(
                kind="edited" if now and record.code_hash is None else "invalid",
                message=message,
                function=f"{path}::{qualname}",
                path=MANIFEST_PATH,
                line=lines.record(path, qualname),
            )


def generations(record: Record, manifest: Manifest) -> list[Generation]:
    """Those that the manifest explains, the main one first."""
    named = (record.generation or "", *record.other_generations)
    return [manifest.generations[id_] for id_ in named if id_ in manifest.generations]


def describe(record: Record, manifest: Manifest) -> str:
    """As `mixed, 40 % of its lines, by anthropic/claude-opus-4-6 (trailers of 3f2a5b6c7d8e)`."""
    share = "" if record.ai_lines in (None, 1) else f", {record.ai_lines:.0%} of its lines,".replace("%", " %")
    main = next(iter(generations(record, manifest)), None)
    if main is None:
        return record.contributor
    who = main.model or " or ".join(main.models) or main.raw_model or main.tool or "an unknown model"
    more = len(record.other_generations)
    source = f"{main.evidence or 'no evidence'} of {main.commit[:12]}" if main.commit else main.evidence
    return f"{record.contributor}{share} by {who}{f' +{more}' if more else ''}{f' ({source})' if source else ''}"


def _agree(one: Record, its: Manifest, other: Record, others: Manifest) -> bool:
    """Who wrote it, about how much of it, and with what mainly. In which commit may differ, as after a squash.

    A formatter's run over the lines around can make blame choose between equal lines anew, so a few lines are no lie.
    """
    if one == other:
        return True
    kinds = {one.contributor, other.contributor}
    if one.code_hash is None or (len(kinds) > 1 and not kinds <= set(BY_MODELS)):
        return False
    if len(kinds) > 1 and one.ai_lines == other.ai_lines:
        return False
    if abs((one.ai_lines or 0) - (other.ai_lines or 0)) > _FEW:
        return False
    ours, theirs = generations(one, its), generations(other, others)
    if not (ours and theirs):
        return not ours and not theirs
    return any(_fits(ours[0], found) for found in theirs) and any(_fits(held, theirs[0]) for held in ours)


def _fits(held: Generation, found: Generation) -> bool:
    """What is recorded may say less than the evidence does today, as before an upgrade of aiprov, and never more."""
    names = {found.model} if found.model else set(found.models)
    return (
        (held.model is None or {held.model} == names)
        and (not held.models or names <= set(held.models))
        and held.tool in (None, found.tool)
        and held.prompt_hash in (None, found.prompt_hash)
    )
