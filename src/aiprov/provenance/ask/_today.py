"""A function's record held against the work tree as it is; only what is asked for is hashed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aiprov.provenance._text import plain_bytes
from aiprov.provenance.ask._links import prompt_link
from aiprov_runtime._functions import Definition, code_hash, definitions, parse
from aiprov_runtime._manifest import Generation, Manifest, Record

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """One generation's part in a function."""

    generation: str
    """Its id in the manifest."""
    model: str | None
    models: tuple[str, ...]
    """All that the record names, where it is not known which of them it was."""
    raw_model: str | None
    tool: str | None
    prompt_hash: str | None
    prompt_url: str | None
    generated_at: str | None
    commit: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """One function: what is known of it, and whether that is still so."""

    function: str
    """As `path::qualname`."""
    contributor: str
    model: str | None = None
    models: tuple[str, ...] = ()
    """Of every generation that wrote part of it."""
    tool: str | None = None
    prompt_hash: str | None = None
    prompt_url: str | None = None
    generated_at: str | None = None
    evidence: str | None = None
    ai_lines: float | None = None
    state: str | None = None
    """`verified`, `stale` or `unverified`; None without a record."""
    commit: str | None = None
    live: bool | None = None
    """Whether the function is in the work tree; None where its file cannot be read as Python."""
    generation: str | None = None
    """That of the generation that wrote most, which the fields above tell of; None where no such is known."""
    generations: tuple[Part, ...] = ()
    """Every one that wrote part of it: the main one, then the newest."""


class Source:
    """One file of the work tree, parsed when it is first asked about."""

    def __init__(self, root: Path, path: str) -> None:
        self.data = plain_bytes(root, path)
        self.is_there = self.data is not None or (root / path).exists()

    @cached_property
    def functions(self) -> Mapping[str, list[Definition]] | None:
        """None where the file cannot be read as Python, nothing where there is no file."""
        if not self.is_there:
            return {}
        found: dict[str, list[Definition]] = {}
        try:
            tree = None if self.data is None else parse(self.data)
        except SyntaxError:
            tree = None
        if tree is None:
            return None
        for definition in definitions(tree):
            found.setdefault(definition.qualname, []).append(definition)
        return found

    def has(self, qualname: str) -> bool | None:
        return None if self.functions is None else qualname in self.functions

    def state(self, qualname: str, record: Record) -> str:
        if record.code_hash is None or self.functions is None:
            return "unverified"
        found = self.functions.get(qualname, ())
        same = found and code_hash([one.node for one in found]) == record.code_hash
        return "verified" if same else "stale"


def provenance_of(
    path: str, qualname: str, *, manifest: Manifest, source: Source, prompt_url: str | None = None
) -> Provenance:
    name = f"{path}::{qualname}"
    record = manifest.files.get(path, {}).get(qualname)
    if record is None:
        return Provenance(name, UNKNOWN, live=source.has(qualname))
    parts = tuple(_part(id_, generation, prompt_url) for id_, generation in generations_of(record, manifest))
    main = parts[0] if parts and parts[0].generation == record.generation else None
    return Provenance(
        function=name,
        contributor=record.contributor,
        model=main.model if main else None,
        models=tuple(sorted({model for part in parts for model in (part.model, *part.models) if model})),
        tool=main.tool if main else None,
        prompt_hash=main.prompt_hash if main else None,
        prompt_url=main.prompt_url if main else None,
        generated_at=main.generated_at if main else None,
        evidence=main.evidence if main else None,
        ai_lines=record.ai_lines,
        state=source.state(qualname, record),
        commit=main.commit if main else None,
        live=source.has(qualname),
        generation=main.generation if main else None,
        generations=parts,
    )


def generations_of(record: Record, manifest: Manifest) -> list[tuple[str, Generation]]:
    """The main one first, then the others, the newest first; ids that the manifest does not explain are left out."""
    known: Callable[[str], bool] = manifest.generations.__contains__
    others = [(id_, manifest.generations[id_]) for id_ in filter(known, record.other_generations)]
    others.sort(key=lambda one: (one[1].generated_at or "", one[0]), reverse=True)
    main = manifest.generations.get(record.generation or "")
    return [(record.generation or "", main), *others] if main else others


def _part(id_: str, generation: Generation, prompt_url: str | None) -> Part:
    return Part(
        generation=id_,
        model=generation.model,
        models=generation.models,
        raw_model=generation.raw_model,
        tool=generation.tool,
        prompt_hash=generation.prompt_hash,
        prompt_url=prompt_link(prompt_url, prompt_hash=generation.prompt_hash, generation=id_),
        generated_at=generation.generated_at,
        commit=generation.commit,
        evidence=generation.evidence,
    )
