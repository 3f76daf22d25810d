"""Where the manifest of this process is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aiprov_runtime._manifest import MANIFEST_PATH
from aiprov_runtime._paths import import_roots

PACKAGED_NAME = "_aiprov_manifest.yaml"


class Found(NamedTuple):
    path: str
    root: str | None
    """The directory that the manifest's paths start from, where its place tells."""

    def covers(self, path: str) -> bool:
        """False for a lone module where a package carries the manifest: whoever uses it has a `main.py` too."""
        return os.path.basename(self.path) != PACKAGED_NAME or "/" in path.removeprefix("src/")


class NotFoundError(Exception):
    """Why there is no manifest, in words for `aiprov doctor`."""


def discover(
    manifest: str | None, *, main_file: str | None, directory: str | None, search: Sequence[str] | None = None
) -> Found:
    """The given manifest, else the nearest one above the main module or the working directory, else a packaged one."""
    if manifest is not None:
        path = os.path.abspath(os.path.expanduser(manifest))
        if not os.path.isfile(path):
            raise NotFoundError(f"{manifest}: no such file")
        return Found(path, _root_of(path))
    # A program may be started by a link: the link's place first, then that of what it points to.
    mains = [os.path.abspath(main_file), os.path.realpath(main_file)] if main_file else []
    starts = list(dict.fromkeys(map(os.path.dirname, mains)))
    for start in [*starts, *([directory] if directory else [])]:
        for above in _upward(start):
            path = os.path.join(above, *MANIFEST_PATH.split("/"))
            if os.path.isfile(path):
                return Found(path, above)
    packaged = sorted(set(_packaged(import_roots(search))))
    if len(packaged) == 1:
        return Found(packaged[0], None)
    if packaged:
        raise NotFoundError(f"several installed packages carry a manifest ({', '.join(packaged)}): set AIPROV_MANIFEST")
    raise NotFoundError(
        f"no {MANIFEST_PATH} above {' or '.join([*starts, directory or '?'])}, nor in an installed package"
    )


def _root_of(path: str) -> str | None:
    above, name = os.path.split(os.path.dirname(path))
    return above if os.path.join(name, os.path.basename(path)) == os.path.join(*MANIFEST_PATH.split("/")) else None


def _upward(start: str) -> Iterator[str]:
    while True:
        yield start
        above = os.path.dirname(start)
        if above == start:
            return
        start = above


def _packaged(search: Sequence[str]) -> Iterator[str]:
    for entry in search:
        try:
            names = os.listdir(entry or ".")
        except OSError:
            continue
        for name in names:
            if name.isidentifier():
                path = os.path.join(os.path.abspath(entry or "."), name, PACKAGED_NAME)
                if os.path.isfile(path):
                    yield path
