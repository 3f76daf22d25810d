"""Where an entry stands in the manifest's text, as long as it is in the form that aiprov writes."""

from __future__ import annotations

import re
from functools import cached_property

_ENTRY = re.compile(r'(?: {2}| {4})"([^"\\]+)":(.?)')


class ManifestLines:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def generation(self, key: str) -> int | None:
        return self._places.get((None, key))

    def record(self, path: str, qualname: str) -> int | None:
        return self._places.get((path, qualname))

    @cached_property
    def _places(self) -> dict[tuple[str | None, str], int]:
        places: dict[tuple[str | None, str], int] = {}
        path: str | None = None
        for number, line in enumerate(self._data.decode("utf-8", "replace").split("\n"), 1):
            entry = _ENTRY.match(line)
            if entry is None:
                continue
            if line.startswith("    "):
                places.setdefault((path, entry[1]), number)
            elif entry[2]:
                places.setdefault((None, entry[1]), number)
            else:
                path = entry[1]
        return places
