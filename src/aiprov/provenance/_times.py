"""Points in time as the manifest spells them."""

from __future__ import annotations

from datetime import UTC, datetime

_LATEST = 253402300799  # the last second of the year 9999


def from_epoch(seconds: str) -> str | None:
    """A commit's time; None for one that no calendar holds."""
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > len(str(_LATEST)) or int(seconds) > _LATEST:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> str | None:
    """In UTC with `Z`; without a zone the text stays as local as it was; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return moment.isoformat()
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None
