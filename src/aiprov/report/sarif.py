"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from urllib.parse import quote

from aiprov import __version__
from aiprov.check import KINDS, Finding
from aiprov.text import safe

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_RULES = {kind: place for place, kind in enumerate(KINDS)}


def sarif(findings: Sequence[Finding]) -> dict[str, object]:
    run = {
        "tool": {"driver": {"name": "aiprov", "semanticVersion": __version__, "rules": _rules()}},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rules() -> list[dict[str, object]]:
    return [
        {
            "id": kind,
            "name": kind.capitalize(),
            "shortDescription": {"text": about.title},
            "fullDescription": {"text": about.title},
            "help": {"text": about.help, "markdown": about.help},
            "defaultConfiguration": {"level": about.severity},
            "properties": {"tags": ["provenance"]},
        }
        for kind, about in KINDS.items()
    ]


def _result(finding: Finding) -> dict[str, object]:
    digest = fingerprint(finding)
    result: dict[str, object] = {
        "ruleId": finding.kind,
        "ruleIndex": _RULES[finding.kind],
        "level": finding.severity,
        "message": {"text": _message(finding)},
        "locations": [_location(finding)],
        # Code scanning goes by the first; it would otherwise hash the line's text.
        "partialFingerprints": {"primaryLocationLineHash": digest, "aiprovFinding/v1": digest},
    }
    facts = {"to": finding.to, "commit": finding.commit, "rule": finding.rule}
    if known := {key: value for key, value in facts.items() if value}:
        result["properties"] = known
    return result


def _location(finding: Finding) -> dict[str, object]:
    location: dict[str, object] = {}
    if finding.path:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(finding.path, safe="/"), "uriBaseId": _ROOT},
            "region": {"startLine": finding.line or 1},
        }
    if finding.function:
        location["logicalLocations"] = [{"fullyQualifiedName": safe(finding.function), "kind": "function"}]
    return location


def _message(finding: Finding) -> str:
    """Braces stand for arguments there, and brackets before parentheses for a link."""
    text = f"{finding.function}: {finding.message}" if finding.function else finding.message
    return safe(text, limit=2000).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def fingerprint(finding: Finding) -> str:
    """The same wherever the finding's lines go."""
    return hashlib.sha256(json.dumps(finding.identity).encode()).hexdigest()[:32]
