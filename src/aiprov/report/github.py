"""Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request."""

from __future__ import annotations

from aiprov.check import KINDS, Finding
from aiprov.text import safe

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def workflow_command(finding: Finding) -> str:
    """One line; nothing in a name can end the command or begin another."""
    properties = {"title": f"{finding.kind}: {KINDS[finding.kind].title}"}
    if finding.path:
        properties = {"file": finding.path, "line": str(finding.line or 1), **properties}
    listed = ",".join(f"{key}={safe(value, limit=4000).translate(_PROPERTY)}" for key, value in properties.items())
    text = f"{finding.function}: {finding.message}" if finding.function else finding.message
    return f"::{finding.severity} {listed}::{safe(text, limit=4000).translate(_DATA)}"
