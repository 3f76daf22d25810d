"""Which model wrote which function: sources of evidence on one side, the manifest on the other."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiprov.provenance._merge import merge_files, merge_three
    from aiprov.provenance._models import normalise
    from aiprov.provenance._record import Recorded, describe, record, record_generation
    from aiprov.provenance._scan import Scanned, scan
    from aiprov.provenance._store import find_root, locked, read_manifest, write_manifest
    from aiprov.provenance.agent_trace._export import Exported, export
    from aiprov.provenance.agent_trace._import import Imported, import_file
    from aiprov.provenance.ask._links import prompt_link
    from aiprov.provenance.ask._recall import PROMPT_HASH, Found, Query, Recalled, recall
    from aiprov.provenance.ask._show import show
    from aiprov.provenance.ask._stats import Shares, Stats, Work, readable, stats
    from aiprov.provenance.ask._today import Part, Provenance
    from aiprov.provenance.ask._tree import Range, parse_range

__all__ = [
    "PROMPT_HASH",
    "Exported",
    "Found",
    "Imported",
    "Part",
    "Provenance",
    "Query",
    "Range",
    "Recalled",
    "Recorded",
    "Scanned",
    "Shares",
    "Stats",
    "Work",
    "describe",
    "export",
    "find_root",
    "import_file",
    "locked",
    "merge_files",
    "merge_three",
    "normalise",
    "parse_range",
    "prompt_link",
    "read_manifest",
    "readable",
    "recall",
    "record",
    "record_generation",
    "scan",
    "show",
    "stats",
    "write_manifest",
]

_HOMES = {
    "agent_trace._export": ("Exported", "export"),
    "agent_trace._import": ("Imported", "import_file"),
    "ask._links": ("prompt_link",),
    "_merge": (
        "merge_files",
        "merge_three",
    ),
    "_models": ("normalise",),
    "ask._recall": (
        "PROMPT_HASH",
        "Found",
        "Query",
        "Recalled",
        "recall",
    ),
    "_record": (
        "Recorded",
        "describe",
        "record",
        "record_generation",
    ),
    "_scan": (
        "Scanned",
        "scan",
    ),
    "ask._show": ("show",),
    "ask._stats": (
        "Shares",
        "Stats",
        "Work",
        "readable",
        "stats",
    ),
    "_store": (
        "find_root",
        "locked",
        "read_manifest",
        "write_manifest",
    ),
    "ask._today": (
        "Part",
        "Provenance",
    ),
    "ask._tree": (
        "Range",
        "parse_range",
    ),
}


def __getattr__(name: str) -> object:
    """Imported when somebody asks for it: a hook of an editor needs two or three modules and has no time for all."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value
