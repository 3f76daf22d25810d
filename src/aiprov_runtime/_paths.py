"""From the file name in a code object to the path in the manifest, and what counts as application code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache

_SITE = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
_OWN = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name) + os.sep
    for name in ("aiprov_runtime", "aiprov")
)


@cache
def standard_library() -> tuple[str, ...]:
    """The directories of the standard library, each with a closing slash."""
    import sysconfig

    places = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)}
    return tuple(sorted(os.path.join(os.path.realpath(place), "") for place in places if place))


def import_roots(search: Sequence[str] | None) -> list[str]:
    """The given folders, else `sys.path` as it is now: a host may put another list there, with more than text in it."""
    return [entry for entry in (sys.path if search is None else search) if isinstance(entry, str)]


class Paths:
    """Resolves each deployed file name to a manifest path; two candidates are none."""

    def __init__(
        self, known: Iterable[str], *, root: str | None, path_map: str = "", search: Sequence[str] | None = None
    ) -> None:
        self._known = frozenset(known)
        self._by_name: dict[str, list[str]] = {}
        for path in self._known:
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)
        self._root = os.path.join(os.path.realpath(root), "") if root else None
        self._map = _parse_map(path_map)
        self._search = search
        self._packages: set[str] = set()

    def resolve(self, filename: str) -> str | None:
        """The manifest path that this file is deployed from, None where none or more than one fits."""
        found, _ = self.explain(filename)
        return found

    def explain(self, filename: str) -> tuple[str | None, str]:
        """The manifest path and, in words, how it was found or why not."""
        path = absolute(filename).replace(os.sep, "/")
        real = _real(filename).replace(os.sep, "/")
        if self._by_name.keys().isdisjoint(place.rpartition("/")[2] for place in (path, real)):
            return None, "no file of this name is in the manifest"
        for deployed, repository in self._map:
            if path.startswith(deployed) and repository + path[len(deployed) :] in self._known:
                return repository + path[len(deployed) :], "AIPROV_PATH_MAP"
        if self._root is not None:
            root = self._root.replace(os.sep, "/")
            for candidate in (path, real):
                if candidate.startswith(root) and candidate[len(root) :] in self._known:
                    return candidate[len(root) :], "relative to the manifest's root"
        if real.startswith(standard_library()) and not _SITE.search(real):
            return None, "the standard library"
        return self._by_suffix(path)

    def _by_suffix(self, path: str) -> tuple[str | None, str]:
        tail = self._below_import_root(path)
        fitting = [p for p in self._by_name.get(path.rpartition("/")[2], ()) if self._fits(p, tail, path)]
        # Directories above the import root decide, but not where the short path could itself be the deployed one.
        whole = [] if tail in fitting else [p for p in fitting if path.endswith("/" + p)]
        best = whole or fitting
        if len(best) == 1:
            package, separator, _ = tail.partition("/")
            if separator and _SITE.search(path):
                self._packages.add(path[: -len(tail)] + package + "/")
            return best[0], f"ends like {best[0]}"
        if best:
            return None, f"ends like {' and '.join(sorted(best))}: set AIPROV_PATH_MAP"
        return None, "none of the manifest's paths fits: set AIPROV_PATH_MAP where it is deployed from one"

    def _fits(self, known: str, tail: str, path: str) -> bool:
        installed = _SITE.search(path) is not None
        if self._root is not None and not installed and _is_another(path, self._root + known, self._root):
            return False  # the recorded file stands where the manifest says
        whole = path.endswith("/" + known)
        if known == tail or (known.endswith("/" + tail) and ("/" in tail or whole)):
            return True
        # A lone module name, or the inside of somebody's package, is too common to go by.
        return known == f"src/{tail}" or (whole and "/" in known and not installed)

    def _below_import_root(self, path: str) -> str:
        """The path below the longest import root that holds it: `shop/pricing.py`."""
        best = ""
        for entry in import_roots(self._search):
            place = absolute(entry).replace(os.sep, "/").rstrip("/") + "/"
            if len(place) > len(best) and path.startswith(place):
                best = place
        return path[len(best) :].lstrip("/")

    def is_application(self, filename: str) -> bool:
        """False for the standard library, installed packages without a record, and code that is in no file."""
        if filename.startswith("<"):
            return False
        path = absolute(filename)
        if _SITE.search(path):
            return path.replace(os.sep, "/").startswith(tuple(self._packages))
        return not path.startswith(_OWN) and not _real(path).startswith(standard_library())


def absolute(path: str) -> str:
    """As it is, where the working directory is gone."""
    try:
        return os.path.abspath(path)
    except OSError:
        return path


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # as above, or a NUL
        return path


def _is_another(path: str, recorded: str, root: str) -> bool:
    """False for a copy, such as the one that a build makes; below the root a copy is a file of its own."""
    if not os.path.exists(recorded):
        return False
    try:
        with open(path, "rb") as first, open(recorded, "rb") as second:
            return first.read() != second.read() or _real(path).startswith(root)
    except NotADirectoryError:  # a member of an archive, as hard to compare as an installed file
        return False
    except (OSError, ValueError):  # as above
        return True


def _parse_map(text: str) -> list[tuple[str, str]]:
    pairs = []
    for item in re.split(r"[,;]" if os.name == "nt" else r"[,;:]", text):
        deployed, found, repository = item.strip().partition("=")
        if found and deployed:
            prefix = os.path.abspath(deployed).replace(os.sep, "/").rstrip("/") + "/"
            pairs.append((prefix, repository.strip("/") + "/" if repository.strip("/") else ""))
    return sorted(pairs, key=lambda pair: -len(pair[0]))
