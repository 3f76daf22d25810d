"""Calls back once a module has been imported.

wrapt can as well, but loads ssl and asyncio, which gevent has to patch first, and takes more time than all of us.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

Call = Callable[[str], object]


def when_imported(name: str, call: Call) -> None:
    """Call `call(name)`, which must not raise, now or right after the module's own code has run."""
    if is_imported(name):
        call(name)
        return
    finder = next((found for found in sys.meta_path if isinstance(found, _Finder)), None)
    if finder is None:
        sys.meta_path.insert(0, finder := _Finder())
    finder.waiting.setdefault(name, []).append(call)


def is_imported(name: str) -> bool:
    """False for a module that somebody is about to import: its own code has not run to the end."""
    return _is_loaded(name) and not getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False)


def _is_loaded(name: str) -> bool:
    """False for one of `importlib.util.LazyLoader`, which any question about its attributes would load."""
    module = sys.modules.get(name)
    return module is not None and type(module).__name__ != "_LazyModule"


class _Finder:
    """First on `sys.meta_path`; asks the others and lends their loader a wrapper for one import."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Call]] = {}
        self.running: set[str] = set()
        """Modules whose code runs; of one that is executed by hand nothing else tells."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = self.running | {name}
        for begun in [each for each in list(self.waiting) if each not in ours and is_imported(each)]:
            self.call(begun)  # its import had begun before anybody waited for it
        if name not in self.waiting:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment, arg-type]
                return spec
        return None

    def invalidate_caches(self) -> None:
        """Nothing is cached; `importlib.invalidate_caches` asks every finder."""

    def call(self, name: str) -> None:
        for call in self.waiting.pop(name, ()):
            call(name)


class _Loader:
    """The module itself sees its own loader, and so does whoever looks at it later."""

    def __init__(self, loader: Loader, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    @property
    def __class__(self) -> type[Any]:
        """For whoever looks at the loader of a spec without importing it."""
        return type(self._loader)

    @__class__.setter
    def __class__(self, kind: type[Any]) -> None: ...

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """A copy is one of the lent loader."""
        return self._loader.__reduce_ex__(protocol)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        name, spec = module.__name__, module.__spec__
        if spec is not None and spec.loader is self:  # type: ignore[comparison-overlap]
            spec.loader = self._loader
        if module.__loader__ is self:  # type: ignore[comparison-overlap]
            module.__loader__ = self._loader
        self._finder.running.add(name)
        try:
            self._loader.exec_module(module)
        finally:
            self._finder.running.discard(name)
        if _is_loaded(name):  # or it is not to be anybody's import, and not by way of ours either
            self._finder.call(name)
