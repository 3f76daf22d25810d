"""Provenance for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from aiprov.provenance import Found, Part, Provenance
from aiprov.provenance._models import said_of
from aiprov.text import safe
from aiprov_runtime._manifest import Manifest

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_STYLES = {"ai": "magenta", "mixed": "yellow", "human": "green", "unknown": "dim"}
_STATES = {"verified": "green", "stale": "yellow", "unverified": "dim"}
_STANDINGS = {
    "stale": "stale: the code was changed since the record was made",
    "gone": "stale: the function is no longer there",
}
NO_MODEL = "model not known"


def by_model(manifest: Manifest) -> list[tuple[str, int, int]]:
    """For each model how many functions it wrote alone and in part, the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for functions in manifest.files.values():
        for record in functions.values():
            if record.contributor in ("ai", "mixed"):
                main = manifest.generations.get(record.generation or "")
                model = said_of(main.model, main.models) if main else ""
                counts[model or NO_MODEL, record.contributor] += 1
    models = {model for model, _ in counts}
    rows = [(model, counts[model, "ai"], counts[model, "mixed"]) for model in models]
    return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))


def model_table(manifest: Manifest) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    table.add_column("ai", justify="right")
    table.add_column("mixed", justify="right")
    for model, written, partly in by_model(manifest):
        table.add_row(_text(model), str(written), str(partly))
    return table


def function_rows(functions: Sequence[Provenance]) -> Iterator[str]:
    """For programs: a function a line, however long, its facts apart by tabs."""
    for found in functions:
        share = "" if found.ai_lines is None else _share(found.ai_lines)
        yield "\t".join(map(_cell, (found.function, found.contributor, _models(found), share, _standing(found))))


def function_table(functions: Sequence[Provenance]) -> Table:
    """For people: functions of one file."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("function", "by", "model", "lines", "state"):
        table.add_column(name, justify="right" if name == "lines" else "left", overflow="fold")
    for found in functions:
        table.add_row(
            _text(found.function.rpartition("::")[2]),
            _text(found.contributor, style=_STYLES.get(found.contributor, "")),
            _text(_models(found)),
            "" if found.ai_lines is None else _share(found.ai_lines),
            _text(_standing(found), style=_STATES.get(found.state or "", "")),
        )
    return table


def function_lines(found: Provenance) -> list[str]:
    """One function in full, a fact a line."""
    share = "" if found.ai_lines is None else f", {_share(found.ai_lines)} of its lines"
    main = next((part for part in found.generations if part.generation == found.generation), None)
    others = [part for part in found.generations if part is not main]
    lines = [safe(found.function), *_facts([("by", found.contributor + share)], 2)]
    lines += _facts(_part(main) if main else [("model", _models(found))], 2)
    lines += _facts([("state", _STANDINGS.get(_standing(found), _standing(found)))], 2)
    for part in others:
        lines += ["  and in part" if main else "  in part", *_facts(_part(part), 4)]
    return lines


def recalled_rows(functions: Sequence[Found]) -> Iterator[str]:
    """For programs: a function a line, with contributor, model, tool, prompt, time, state and link, apart by tabs."""
    for found in functions:
        one, part = found.provenance, _meant(found)
        facts = (model_of(part), part.tool, part.prompt_hash, part.generated_at) if part else ("", "", "", "")
        link = part.prompt_url if part else None
        yield "\t".join(_cell(text or "") for text in (one.function, one.contributor, *facts, one.state, link))


def recalled_lines(functions: Sequence[Found], *, width: int) -> Iterator[Text]:
    """For people: by file, a function a line where the terminal is wide enough for it."""
    for path, few in groupby(functions, key=lambda found: found.provenance.function.rpartition("::")[0]):
        yield _text(path, style="bold")
        link = None
        for found in few:
            one, part = found.provenance, _meant(found)
            name = "  " + safe(one.function.rpartition("::")[2], limit=2000)
            more = f" and {len(found.matched) - 1} more" if len(found.matched) > 1 else ""
            facts = [one.contributor, (model_of(part) if part else "") + more, _day(part), _standing(one)]
            said = safe(", ".join(filter(None, facts)), limit=2000)
            style = _STATES.get(one.state or "", "")
            if len(name) + 2 + len(said) <= width:
                yield _text(name).append("  " + said, style=style)
            else:
                yield _text(name)
                yield _text("      " + said, style=style)
            if part and part.prompt_url and part.prompt_url != link:
                link = part.prompt_url
                yield _text(f"      {link}", style="dim")


def _meant(found: Found) -> Part | None:
    """The first of the generations that were asked for, the main one where none was."""
    wanted = found.matched[0] if found.matched else found.provenance.generation
    return next((part for part in found.provenance.generations if part.generation == wanted), None)


def _day(part: Part | None) -> str:
    return (part.generated_at or "")[:10] if part else ""


def _part(part: Part) -> list[tuple[str, str | None]]:
    return [
        ("model", model_of(part)),
        ("tool", part.tool),
        ("prompt", part.prompt_hash),
        ("link", part.prompt_url),
        ("when", part.generated_at),
        ("commit", part.commit),
        ("evidence", part.evidence),
    ]


def _facts(facts: Sequence[tuple[str, str | None]], indent: int) -> list[str]:
    return [f"{' ' * indent}{name:<9}{safe(value, limit=2000)}" for name, value in facts if value]


def model_of(part: Part) -> str:
    return said_of(part.model, part.models) or part.raw_model or NO_MODEL


def _models(found: Provenance) -> str:
    if found.model:
        more = len(set(found.models) - {found.model})
        return f"{found.model} +{more}" if more else found.model
    if found.models:
        sure = found.models[0] if len(found.models) == 1 and all(part.model for part in found.generations) else None
        return said_of(sure, found.models)
    raw = next((part.raw_model for part in found.generations if part.raw_model), None)
    return raw or ("" if found.contributor in ("unknown", "human") else NO_MODEL)


def _standing(found: Provenance) -> str:
    """The state, and of a record that has outlived its function that it is gone."""
    return "gone" if found.state and found.live is False else found.state or ""


def _share(share: float) -> str:
    """Never rounded up to all or down to none."""
    return f"{min(99, max(1, round(share * 100)))} %" if 0 < share < 1 else f"{share:.0%}".replace("%", " %")


def _cell(text: str) -> str:
    return safe(text, limit=2000)


def _text(text: str, *, style: str = "") -> Text:
    from rich.text import Text

    return Text(safe(text, limit=2000), style=style)
