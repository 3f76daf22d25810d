"""The answer of a lookup: which function a code object belongs to, and who wrote it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import CodeType
from typing import NamedTuple

from aiprov_runtime._guard import guard
from aiprov_runtime._manifest import Document, Generation, Leaf, Record
from aiprov_runtime._paths import Paths

Source = dict[str, tuple[str, tuple[tuple[int, int], ...]]]
"""Hash and lines of each function of the source on disk."""
AI = frozenset({"ai", "mixed"})
_CO_OPTIMIZED = 0x1
_SMALL_SOURCE = 64_000
_MAX_SOURCE = 1_000_000
_MAX_NAMES = 65_536


class Attribution(NamedTuple):
    """One function and its recorded origin; None is always 'not known'."""

    function: str
    """`path::qualname`, the path as in the manifest."""
    contributor: str
    """`ai`, `mixed`, `human` or `unknown`."""
    state: str = "unverified"
    """`verified`: the running source has the recorded hash; `stale`: it has not; `unverified`: not compared."""
    model: str | None = None
    models: tuple[str, ...] = ()
    """All candidates, where there is more than one."""
    tool: str | None = None
    prompt_hash: str | None = None
    generated_at: str | None = None
    commit: str | None = None
    evidence: str | None = None
    ai_lines: float | None = None
    code_hash: str | None = None

    @property
    def is_ai(self) -> bool:
        return self.contributor in AI


class File:
    """One deployed file and its functions, looked up by qualname; filled as they are asked for."""

    __slots__ = ("_generations", "_leaves", "_reading", "_source", "_verified", "found", "path", "places")

    def __init__(self, path: str, leaves: dict[str, Leaf], generations: dict[str, Generation]) -> None:
        self.path = path
        self.found: dict[str, Attribution | None] = {}
        self.places: dict[tuple[str, int], Mapping[str, str | int] | None] = {}
        """The attributes of spans by where they start: qualname and instruction."""
        self._leaves = leaves
        self._generations = generations
        self._verified: dict[tuple[str, int], Attribution] = {}
        self._reading = False
        self._source: Source | None = None

    def find(self, code: CodeType) -> Attribution | None:
        """The record of the function that owns this code object."""
        qualname = code.co_qualname
        is_function = bool(code.co_flags & _CO_OPTIMIZED)
        if is_function and qualname in self.found:
            return self.found[qualname]
        from aiprov_runtime._functions import owner_of_code

        owner = owner_of_code(code)
        found = None if owner is None else self._attribution(owner)
        if is_function and len(self.found) < _MAX_NAMES:
            self.found[qualname] = found
        return found

    def _attribution(self, qualname: str) -> Attribution | None:
        leaf = self._leaves.get(qualname)
        if leaf is None:
            return None
        record = None
        with guard("manifest"):  # an unfit record is counted, and is no reason to judge nothing
            record = Record.from_leaf(leaf)
        if record is None:
            return None
        known = [self._generations[g] for g in (record.generation, *record.other_generations) if g in self._generations]
        main = self._generations.get(record.generation or "", Generation())
        models = dict.fromkeys(model for g in known for model in (g.model, *g.models) if model)
        return Attribution(
            function=f"{self.path}::{qualname}",
            contributor=record.contributor,
            model=main.model,
            models=tuple(models) if len(models) > 1 else (),
            tool=main.tool,
            prompt_hash=main.prompt_hash,
            generated_at=main.generated_at,
            commit=main.commit,
            evidence=main.evidence,
            ai_lines=record.ai_lines,
            code_hash=record.code_hash,
        )

    def verified(self, attribution: Attribution, code: CodeType, *, wait: bool = True) -> Attribution | None:
        """The same with its state, from the source that is on disk, which is read once; None while it is being read.

        Without `wait` it is always read in a thread.
        """
        key = (code.co_qualname, code.co_firstlineno)
        known = self._verified.get(key)
        if known is None:
            state = self._state(attribution, code, wait=wait)
            if state is None:
                return None
            known = attribution._replace(state=state)
            if len(self._verified) < _MAX_NAMES:
                self._verified[key] = known
        return known

    def _state(self, attribution: Attribution, code: CodeType, *, wait: bool) -> str | None:
        """None while the source is still being read."""
        if attribution.code_hash is None:
            return "unverified"
        if not self._reading:
            self._reading = True
            self._begin_reading(code.co_filename, wait=wait)
        if self._source is None:
            return None
        running = self._source.get(attribution.function.partition("::")[2])
        if running is None or not any(start <= code.co_firstlineno <= end for start, end in running[1]):
            return "unverified"  # the file on disk is not the one that runs, or cannot be read
        return "verified" if running[0] == attribution.code_hash else "stale"

    def _begin_reading(self, filename: str, *, wait: bool) -> None:
        """A small source at once; a large one would hold a request up for seconds, so its errors go out unverified."""
        with guard("verify"):
            if wait and (not os.path.exists(filename) or os.path.getsize(filename) <= _SMALL_SOURCE):
                self._read(filename)
                return
            import threading

            threading.Thread(target=self._read, args=(filename,), name="aiprov-verify", daemon=True).start()

    def _read(self, filename: str) -> None:
        with guard("verify"):
            self._source = _hashes(filename)


def _hashes(filename: str) -> Source:
    from aiprov_runtime._functions import regions

    try:
        with open(filename, "rb") as stream:  # pathlib would be the runtime's dearest import
            source = stream.read(_MAX_SOURCE + 1)
        if len(source) > _MAX_SOURCE:
            return {}
        return {name: (region.code_hash, region.spans) for name, region in regions(source).items()}
    except (OSError, SyntaxError):
        return {}


class Index:
    """A loaded manifest, asked by code object: one dictionary for the file name, one for the qualname."""

    def __init__(self, document: Document, paths: Paths) -> None:
        self.manifest = document.digest[:12]
        self.paths = paths
        self._document = document
        self._files: dict[str, File | None] = {}
        self._application: dict[str, bool] = {}
        self.libraries: set[str] = set()
        """Files that are known to be no application code, and below those that are known to be; for hot paths."""
        self.applications: set[str] = set()
        self._generations = {key: Generation.from_leaf(leaf) for key, leaf in document.generations.items()}

    def file(self, filename: str) -> File | None:
        """The manifest's file that this file name is deployed from; each distinct name is resolved once."""
        try:
            return self._files[filename]
        except KeyError:
            path = self.paths.resolve(filename)
            file = None if path is None else File(path, self._document.functions(path), self._generations)
            if len(self._files) < _MAX_NAMES:
                self._files[filename] = file
            if file is not None:
                self.libraries.clear()
                self._application.clear()  # an installed package that holds a recorded file is application code
            return file

    def lookup(self, code: CodeType) -> Attribution | None:
        """The recorded origin of a code object, None where nothing is recorded; never reads the source."""
        file = self.file(code.co_filename)
        return None if file is None else file.find(code)

    def lookup_verified(self, code: CodeType) -> Attribution | None:
        """As `lookup`, with the state compared against the source; for the error path."""
        file = self.file(code.co_filename)
        if file is None:
            return None
        found = file.find(code)
        return None if found is None else file.verified(found, code) or found

    def totals(self) -> tuple[int, tuple[str, ...]]:
        """How many functions are a model's at least in part, and the models."""
        count = 0
        for path in self._document.files:
            leaves = self._document.functions(path).values()
            count += sum(isinstance(leaf, dict) and leaf.get("contributor") in AI for leaf in leaves)
        generations = self._generations.values()
        models = {model for found in generations for model in (found.model, *found.models) if model}
        return count, tuple(sorted(models))

    def is_application(self, code: CodeType) -> bool:
        """True for files of the manifest and for whatever is neither standard library nor an installed package."""
        filename = code.co_filename
        if self.file(filename) is not None:
            return True
        known = self._application.get(filename)
        if known is None:
            known = self.paths.is_application(filename)
            if len(self._application) < _MAX_NAMES:
                self._application[filename] = known
        return known

    def is_library(self, code: CodeType) -> bool:
        """The opposite, remembered in two sets, where a hot path looks first."""
        is_application = self.is_application(code)
        known = self.applications if is_application else self.libraries
        if len(known) < _MAX_NAMES:
            known.add(code.co_filename)
        return not is_application
