"""From the settings to what one process holds: the manifest, found and read, and the sink."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from aiprov_runtime._discover import NotFoundError, discover
from aiprov_runtime._guard import warn
from aiprov_runtime._index import Index
from aiprov_runtime._manifest import MAX_BYTES, VERSION, ManifestError, read
from aiprov_runtime._origin import Origins
from aiprov_runtime._paths import Paths
from aiprov_runtime._program import main_file
from aiprov_runtime._settings import Settings

if TYPE_CHECKING:
    from aiprov_runtime._sink import Sink
    from aiprov_runtime._tracking import Tracker

Identify = Callable[[], str | None]


class Runtime(NamedTuple):
    settings: Settings
    lookups: Index | None
    manifest: str | None
    """The manifest's path."""
    reason: str
    """Why nothing is attributed; empty when a manifest is loaded."""
    sink: Sink | None
    user: Identify | None
    trace: Identify | None
    origins: Origins | None = None
    pending: bool = False
    """The manifest is loaded at its first use, when a child of `multiprocessing` knows its program."""
    tracker: Tracker | None = None


def load(
    settings: Settings,
    user: Identify | None,
    trace: Identify | None,
    *,
    track: Callable[[Settings, Index | None], Tracker | None],
    pending: bool = False,
) -> Runtime:
    """Whatever is wrong with the manifest is logged, and becomes the reason why nothing is attributed."""
    index, path, reason, sink = None, None, "AIPROV_DISABLED is set", None
    if not settings.disabled:
        try:
            if not pending:
                index, path = _load_index(settings)
            reason = ""
        except NotFoundError as error:
            reason = str(error)
            if settings.manifest is not None:
                warn("%s: nothing will be attributed", reason)
        except (ValueError, OSError) as error:  # ManifestError is a ValueError, as is an unfit generation
            reason = str(error)
            warn("%s: nothing will be attributed", reason)
        if settings.sink is not None:
            from aiprov_runtime._sink import Sink

            place = os.path.abspath(settings.sink)
            sink = Sink(place, settings.sink_bytes, settings.sink_files, settings.release, settings.environment)
    origins = None if index is None else Origins(index, settings.span_frames)
    return Runtime(settings, index, path, reason, sink, user, trace, origins, pending, track(settings, index))


def _load_index(settings: Settings) -> tuple[Index, str]:
    found = discover(
        settings.manifest,
        main_file=main_file(),
        directory=_working_directory(),
    )
    with open(found.path, "rb") as stream:  # pathlib would be the runtime's dearest import
        document = read(stream.read(MAX_BYTES + 1), name=found.path)
    if document.version != VERSION:
        raise ManifestError(f"{found.path}: version {document.version} is newer than this runtime reads")
    paths = Paths(filter(found.covers, document.files), root=found.root, path_map=settings.path_map)
    return Index(document, paths), found.path


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # deleted below a running process
        return None
