"""Which model wrote which function: sources of evidence on one side, the manifest on the other."""

from __future__ import annotations

from aiprov.provenance._merge import merge_files, merge_three
from aiprov.provenance._models import normalise
from aiprov.provenance._recall import PROMPT_HASH, Found, Query, Recalled, recall
from aiprov.provenance._record import Recorded, describe, record, record_generation
from aiprov.provenance._scan import Scanned, scan
from aiprov.provenance._show import show
from aiprov.provenance._stats import Shares, Stats, Work, stats
from aiprov.provenance._store import find_root, locked, read_manifest, write_manifest
from aiprov.provenance._today import Part, Provenance
from aiprov.provenance._tree import Range, parse_range

__all__ = [
    "PROMPT_HASH",
    "Found",
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
    "find_root",
    "locked",
    "merge_files",
    "merge_three",
    "normalise",
    "parse_range",
    "read_manifest",
    "recall",
    "record",
    "record_generation",
    "scan",
    "show",
    "stats",
    "write_manifest",
]
