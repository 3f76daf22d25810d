"""The manifest held against what a scan finds: code without a record, and records without a ground."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from aiprov.check._drift import SCAN
from aiprov.check._findings import Finding, Kind
from aiprov.check._lines import ManifestLines
from aiprov.check._tree import Tree
from aiprov.provenance._models import said_of
from aiprov.provenance._moves import Moved, Place
from aiprov.provenance.sources._all import in_repository
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record

BY_MODELS = ("ai", "mixed")
TRAILERS = "trailers"
# A formatter's run over the lines around can make blame choose between equal lines anew.
_FEW = 0.1


def unrecorded(
    held: Manifest, found: Manifest, *, spoke: Mapping[str, Collection[str]], moved: Moved, tree: Tree
) -> Iterator[Finding]:
    """Of commits that the manifest cites, a source that this clone lacks may have said that nobody knows."""
    cited = {generation.commit for generation in held.generations.values()} if unseen(held, spoke) else set()
    for path, functions in found.files.items():
        known = held.files.get(path, {})
        for qualname, record in functions.items():
            if qualname in known or (path, qualname) in moved.origins or record.contributor not in BY_MODELS:
                continue
            if all(generation.commit in cited for generation in generations(record, found)):
                continue
            yield Finding(
                kind="unrecorded",
                message=f"{describe(record, found)}, and the manifest has no record of it; {SCAN}",
                function=f"{path}::{qualname}",
                path=path,
                line=tree.source(path).line(qualname),
            )


def unseen(held: Manifest, spoke: Mapping[str, Collection[str]]) -> list[str]:
    """Sources of the repository that the manifest cites, and that this clone has nothing of, as notes not fetched."""
    shared = {source.name for source in in_repository()} - {TRAILERS}
    cited = {generation.evidence or "" for generation in held.generations.values()}
    return sorted(name for name in cited & shared if not spoke.get(name))


def at_odds(
    held: Manifest,
    found: Manifest,
    *,
    spoke: Mapping[str, Collection[str]],
    settled: Collection[Place],
    lines: ManifestLines,
) -> Iterator[Finding]:
    """Records of code that did not change, and of which the evidence that they cite says something else.

    A clone with fewer notes and branches than the record was made from sees less of it, and what it does not see is no
    contradiction: the evidence must be here, and lead a scan to the same commits.
    """
    whole = not unseen(held, spoke)
    for path, functions in held.files.items():
        for qualname, record in functions.items():
            now = found.files.get(path, {}).get(qualname)
            if (path, qualname) in settled or now == record:
                continue
            kind: Kind = "invalid"
            if now is None:
                if not (whole and _is_here(record, held, spoke)):
                    continue
                message = f"recorded as {describe(record, held)}, but there is no evidence of that; {SCAN}"
            elif record.code_hash is None:
                kind = "edited"
                message = f"its record has no code_hash, as where two branches recorded it differently; {SCAN}"
            elif _contradict(record, held, now, found, whole=whole):
                message = f"recorded as {describe(record, held)}, but the evidence says {describe(now, found)}; {SCAN}"
            else:
                continue
            function = f"{path}::{qualname}"
            yield Finding(
                kind=kind, message=message, function=function, path=MANIFEST_PATH, line=lines.record(path, qualname)
            )


def as_of_today(held: Manifest, found: Manifest, moved: Moved) -> Manifest:
    """What is recorded, so that every clone judges alike; of new and changed code what a scan finds."""
    files = {path: dict(functions) for path, functions in found.files.items()}
    for path, functions in held.files.items():
        for qualname, record in functions.items():
            now = found.files.get(path, {}).get(qualname)
            if (path, qualname) not in moved.gone and (now is None or now.code_hash == record.code_hash):
                files.setdefault(path, {})[qualname] = record
    return Manifest({**held.generations, **found.generations}, files)


def _is_here(record: Record, held: Manifest, spoke: Mapping[str, Collection[str]]) -> bool:
    cited = generations(record, held)
    return bool(cited) and all(g.commit and g.commit in spoke.get(g.evidence or "", ()) for g in cited)


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
    who = said_of(main.model, main.models) or main.raw_model or main.tool or "an unknown model"
    more = len(record.other_generations)
    source = f"{main.evidence or 'no evidence'} of {main.commit[:12]}" if main.commit else main.evidence
    return f"{record.contributor}{share} by {who}{f' +{more}' if more else ''}{f' ({source})' if source else ''}"


def _contradict(record: Record, held: Manifest, now: Record, found: Manifest, *, whole: bool) -> bool:
    ours, theirs = generations(record, held), generations(now, found)
    sources = [{(g.evidence, g.commit) for g in one} for one in (ours, theirs)]
    if any((g.evidence, g.commit) in sources[1] and not any(_fits(g, other) for other in theirs) for g in ours):
        return True
    if not whole or sources[0] != sources[1]:
        return False
    if record.contributor != now.contributor and record.ai_lines == now.ai_lines:
        return True
    return abs((record.ai_lines or 0) - (now.ai_lines or 0)) > _FEW


def _fits(held: Generation, found: Generation) -> bool:
    """What either does not know is no contradiction."""
    ours, theirs = ({g.model} if g.model else set(g.models) for g in (held, found))
    return (
        (held.evidence, held.commit) == (found.evidence, found.commit)
        and (not ours or not theirs or not ours.isdisjoint(theirs))
        and (held.tool is None or found.tool in (None, held.tool))
        and (held.prompt_hash is None or found.prompt_hash in (None, held.prompt_hash))
    )
