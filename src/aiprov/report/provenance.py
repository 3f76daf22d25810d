"""Provenance for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiprov.provenance import Provenance
from aiprov.text import safe
from aiprov_runtime._manifest import Manifest

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_STYLES = {"ai": "magenta", "mixed": "yellow", "human": "green", "unknown": "dim"}
_STATES = {"verified": "green", "stale": "yellow", "unverified": "dim"}
NO_MODEL = "model not known"


def by_model(manifest: Manifest) -> list[tuple[str, int, int]]:
    """For each model how many functions it wrote alone and in part, the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    for functions in manifest.files.values():
        for record in functions.values():
            if record.contributor in ("ai", "mixed"):
                main = manifest.generations.get(record.generation or "")
                model = (main.model or " or ".join(main.models)) if main else ""
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


def function_table(functions: Sequence[Provenance]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("function", "by", "model", "lines", "state"):
        table.add_column(name, justify="right" if name == "lines" else "left", overflow="fold")
    for found in functions:
        table.add_row(
            _text(found.function.partition("::")[2]),
            _text(found.contributor, style=_STYLES.get(found.contributor, "")),
            _text(_models(found)),
            "" if found.ai_lines is None else _share(found.ai_lines),
            _text(found.state or "", style=_STATES.get(found.state or "", "")),
        )
    return table


def function_lines(found: Provenance) -> list[str]:
    """One function in full, a fact a line."""
    facts = (
        (
            "by",
            found.contributor
            if found.ai_lines is None
            else f"{found.contributor}, {_share(found.ai_lines)} of its lines",
        ),
        ("model", _models(found)),
        ("tool", found.tool),
        ("prompt", found.prompt_hash),
        ("when", found.generated_at),
        ("commit", found.commit),
        ("evidence", found.evidence),
        ("state", found.state),
    )
    return [safe(found.function), *(f"  {name:<9}{safe(value)}" for name, value in facts if value)]


def _models(found: Provenance) -> str:
    if found.model:
        more = len(set(found.models) - {found.model})
        return f"{found.model} +{more}" if more else found.model
    if found.models:
        return " or ".join(found.models)
    return "" if found.contributor in ("unknown", "human") else NO_MODEL


def _share(share: float) -> str:
    """Never rounded up to all or down to none."""
    return f"{min(99, max(1, round(share * 100)))} %" if 0 < share < 1 else f"{share:.0%}".replace("%", " %")


def _text(text: str, *, style: str = "") -> Text:
    from rich.text import Text

    return Text(safe(text), style=style)
