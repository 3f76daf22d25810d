"""On every span's start: the nearest AI function on the stack, as attributes made once per place in the code."""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType, FrameType

from aiprov_runtime._explain import fit
from aiprov_runtime._index import Attribution, File, Index

SPAN_ORIGIN = "span_origin"
Attributes = Mapping[str, str | int]
_MAX_PLACES = 4096
_MAX_FILES = 65_536
_NEAR = (None,) * 8
"""As many frames from the first one of the application."""


class Origins:
    """Walks past libraries to the application's code, then a few frames of that.

    A frame without a record costs one look into a set of file names.
    """

    __slots__ = ("_index", "_misses", "_steps")

    def __init__(self, index: Index, limit: int) -> None:
        self._index = index
        self._steps = (None,) * limit
        self._misses: set[str] = set()

    def find(self, frame: FrameType | None) -> Attributes | None:
        """The attributes of the first AI or mixed function from `frame` outward; shared, so not to be changed."""
        libraries, own, misses = self._index.libraries, self._index.applications, self._misses
        for _ in self._steps:  # a tuple is walked faster than a range
            if frame is None:
                return None
            name = frame.f_code.co_filename
            if name not in libraries and (name in own or not self._index.is_library(frame.f_code)):
                break
            frame = frame.f_back
        else:
            return None
        for _ in _NEAR:
            if frame is None:
                return None
            if frame.f_code.co_filename not in misses:
                found = self._at(frame.f_code, frame)
                if found is not None:
                    return found
            frame = frame.f_back
        return None

    def _at(self, code: CodeType, frame: FrameType) -> Attributes | None:
        file = self._index.file(code.co_filename)
        if file is None:
            if len(self._misses) < _MAX_FILES:
                self._misses.add(code.co_filename)
            return None
        place = (code.co_qualname, frame.f_lasti)
        try:
            return file.places[place]
        except KeyError:
            return self._make(file, code, frame)

    def _make(self, file: File, code: CodeType, frame: FrameType) -> Attributes | None:
        found = file.find(code)
        attributes = None
        is_final = True
        if found is not None and found.is_ai:
            verified = file.verified(found, code, wait=False)
            is_final = verified is not None
            attributes = self._attributes(verified or found, code, frame)
        if is_final and len(file.places) < _MAX_PLACES:
            file.places[(code.co_qualname, frame.f_lasti)] = attributes
        return attributes

    def _attributes(self, found: Attribution, code: CodeType, frame: FrameType) -> Attributes:
        values: dict[str, str | int | None] = {
            "aiprov.origin": found.contributor,
            "aiprov.generated": "true",
            "aiprov.function": fit(found.function),
            "aiprov.model": fit(found.model or ""),
            "aiprov.tool": fit(found.tool or ""),
            "aiprov.prompt_hash": fit(found.prompt_hash or ""),
            "aiprov.relation": SPAN_ORIGIN,
            "aiprov.state": found.state,
            "aiprov.manifest": self._index.manifest,
            "code.function.name": fit(f"{frame.f_globals.get('__name__') or '?'}.{code.co_qualname}"),
            "code.file.path": fit(found.function.partition("::")[0]),
            "code.line.number": frame.f_lineno,
        }
        return {name: value for name, value in values.items() if value}
