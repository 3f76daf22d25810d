"""Shares of lines and functions, for a terminal and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiprov.provenance import Range, Shares, Stats, Work, readable
from aiprov.text import safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_CONTRIBUTORS = ("ai", "mixed", "human", "unknown")
_TOP = 10


def as_json(found: Stats, asked: Range) -> dict[str, object]:
    totals = found.totals
    files: dict[str, Shares] = {}
    for path, shares in found.files.items():  # names that are no text may look alike once they are
        files.setdefault(readable(path), Shares()).add(shares)
    return {
        "range": {"since": asked.since, "until": asked.until},
        "totals": _shares(totals),
        "stale": totals.stale,
        "models": _works(totals.models),
        "tools": _works(totals.tools),
        "files": {path: _shares(shares) for path, shares in files.items()},
        "problems": list(found.problems),
    }


def _shares(shares: Shares) -> dict[str, object]:
    return {
        "ai_lines": shares.ai_lines,
        "human_lines": shares.human_lines,
        "unknown_lines": shares.unknown_lines,
        "total_lines": shares.total_lines,
        "functions": {kind: shares.functions[kind] for kind in _CONTRIBUTORS},
    }


def _works(works: Mapping[str, Work]) -> dict[str, object]:
    return {
        name: {"ai_lines": work.ai_lines, "functions": {kind: work.functions[kind] for kind in ("ai", "mixed")}}
        for name, work in _by_lines(works)
    }


def _by_lines(works: Mapping[str, Work]) -> list[tuple[str, Work]]:
    return sorted(works.items(), key=lambda item: (-item[1].ai_lines, -item[1].functions.total(), item[0]))


def show(found: Stats, console: Console, *, every_path: bool) -> None:
    """Totals, models, tools, and the paths with most of a model's lines."""
    totals = found.totals
    console.print(_totals(totals))
    for title, works in (("model", totals.models), ("tool", totals.tools)):
        if works:
            console.print()
            console.print(_work_table(title, works, totals))
    ranked = sorted(found.files.items(), key=lambda item: (-item[1].ai_lines, item[0]))
    shown = ranked if every_path else [item for item in ranked if item[1].ai_lines][:_TOP]
    if shown:
        console.print()
        console.print(_path_table(shown))
    more = sum(1 for _, shares in ranked[len(shown) :] if shares.ai_lines)
    if more:
        console.print(f"and {more} more files with lines by a model")


def _totals(totals: Shares) -> Table:
    table = _table("", "lines", "share", "functions")
    functions: Counter[str] = totals.functions
    for kind, lines in (
        ("ai", totals.ai_lines),
        ("mixed", None),
        ("human", totals.human_lines),
        ("unknown", totals.unknown_lines),
    ):
        counted = ("", "") if lines is None else (f"{lines:,}", percent(lines, totals.total_lines))
        table.add_row(kind, *counted, f"{functions[kind]:,}")
    table.add_row("total", f"{totals.total_lines:,}", "", f"{functions.total():,}")
    return table


def _work_table(title: str, works: Mapping[str, Work], totals: Shares) -> Table:
    table = _table(title, "ai lines", "share", "ai functions", "mixed")
    for name, work in _by_lines(works):
        numbers = (work.functions["ai"], work.functions["mixed"])
        share = percent(work.ai_lines, totals.total_lines)
        table.add_row(safe(name), f"{work.ai_lines:,}", share, *(f"{number:,}" for number in numbers))
    return table


def _path_table(files: list[tuple[str, Shares]]) -> Table:
    table = _table("path", "ai lines", "share", "human", "unknown")
    for path, shares in files:
        numbers = (shares.human_lines, shares.unknown_lines)
        share = percent(shares.ai_lines, shares.total_lines)
        name = safe(readable(path), limit=2000)
        table.add_row(name, f"{shares.ai_lines:,}", share, *(f"{number:,}" for number in numbers))
    return table


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left", overflow="fold", no_wrap=index > 0)
    return table


def percent(part: int, whole: int) -> str:
    """Never rounded up to all or down to none."""
    if not whole:
        return ""
    share = round(part / whole * 100)
    if 0 < part < whole and share in (0, 100):
        return ">99 %" if share else "<1 %"
    return f"{share} %"
