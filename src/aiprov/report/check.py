"""Findings for a terminal, a pipe, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from aiprov.check import DELETED, EDITED, KINDS, SCAN, Checked, Finding
from aiprov.text import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {"error": "red", "warning": "yellow"}
_IN_HEADING = (EDITED, DELETED)


def line_of(finding: Finding) -> str:
    """`path:line: kind: path::qualname: message`, on one line however long."""
    where = [f"{finding.path}:{finding.line}" if finding.line else finding.path] if finding.path else []
    parts = (*where, finding.kind, *([finding.function] if finding.function else []), finding.message)
    return safe(": ".join(parts), limit=4000)


def groups(findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """For a person: a heading for each kind, below it the places, and what is to be said of each."""
    from rich.padding import Padding
    from rich.text import Text

    for place, (kind, group) in enumerate(groupby(findings, key=lambda finding: finding.kind)):
        about = KINDS[kind]
        found = list(group)
        mend = f"; {SCAN}" if all(finding.message.endswith(SCAN) for finding in found) else ""
        heading = Text("\n" if place else "")
        heading.append(kind, style=f"bold {_COLOURS[about.severity]}")
        heading.append(f"  {about.title} ({len(found)}){mend}")
        yield heading
        for finding in found:
            name = Text(safe(finding.function or finding.path or ""), overflow="fold")
            if finding.line:
                name.append(f"  line {finding.line}", style="dim")
            yield Padding(name, (0, 0, 0, 2))
            message = finding.message.removesuffix(mend)
            if message not in _IN_HEADING:
                yield Padding(Text(safe(message, limit=4000), style="dim", overflow="fold"), (0, 0, 0, 4))


def summary(checked: Checked) -> str:
    """One line on all of it."""
    counts = Counter(finding.kind for finding in checked.findings)
    if counts:
        total = sum(counts.values())
        parts = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
        return f"{total} finding{'s' if total > 1 else ''}: {parts}"
    if not checked.has_manifest:
        return "no manifest, and no sign of code by a model"
    return f"no findings; recorded functions: {checked.functions}"


def payload(checked: Checked) -> dict[str, object]:
    findings = [{**asdict(finding), "severity": finding.severity} for finding in checked.findings]
    return {"findings": findings, "functions": checked.functions, "unreadable": list(checked.unreadable)}
