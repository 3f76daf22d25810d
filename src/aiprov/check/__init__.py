"""Is the record still true, and does the code meet the project's policy?"""

from aiprov.check._check import Checked, check
from aiprov.check._drift import DELETED, EDITED, SCAN
from aiprov.check._findings import KINDS, Finding, Kind, Severity

__all__ = [
    "DELETED",
    "EDITED",
    "KINDS",
    "SCAN",
    "Checked",
    "Finding",
    "Kind",
    "Severity",
    "check",
]
