"""The SDK sends the first ten extras of a log record; where the record carries our keys too, the user's go first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

_OURS = ("aiprov.", "code.")


def make_room(event: dict[str, Any]) -> None:
    """Our keys last among the extras of the event and of its breadcrumbs; their containers stay as they are."""
    extra, breadcrumbs = event.get("extra"), event.get("breadcrumbs")
    if _is_crowded(extra):
        event["extra"] = _ours_last(extra)
    if isinstance(breadcrumbs, dict) and isinstance(values := breadcrumbs.get("values"), list):
        event["breadcrumbs"] = {**breadcrumbs, "values": list(map(_with_ours_last, values))}


def _is_crowded(data: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(data, dict) and "aiprov.manifest" in data


def _with_ours_last(breadcrumb: Any) -> Any:
    if isinstance(breadcrumb, dict) and _is_crowded(breadcrumb.get("data")):
        return {**breadcrumb, "data": _ours_last(breadcrumb["data"])}
    return breadcrumb


def _ours_last(data: Mapping[str, object]) -> dict[str, object]:
    return dict(sorted(data.items(), key=lambda item: str(item[0]).startswith(_OURS)))
