"""What is wrong with a set-up: the manifest, the hooks, and why one function would or would not match."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiprov.errors import UsageError
from aiprov_runtime import _guard, _plugins
from aiprov_runtime._discover import NotFoundError, discover
from aiprov_runtime._functions import Region, regions
from aiprov_runtime._manifest import Manifest, ManifestError, Record, load
from aiprov_runtime._paths import Paths
from aiprov_runtime._settings import Settings, resolve
from aiprov_runtime._sink import FAILURE_SCHEMA
from aiprov_runtime._tracking import MONITORING, unavailable

_MAX_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class FunctionCheck:
    """One function of a file that was asked about."""

    function: str
    state: str
    """`verified`, `stale`, `unverified`, or `unknown` where there is no record."""
    why: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    checks: tuple[Check, ...]
    functions: tuple[FunctionCheck, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks) and all(f.state != "stale" for f in self.functions)


def diagnose(
    target: str | None,
    *,
    directory: Path,
    environ: Mapping[str, str] = os.environ,
    untracked: str = unavailable(MONITORING),
) -> Diagnosis:
    """Look at everything that a process started in `directory` would find; `untracked` says why it cannot track."""
    settings, problems = resolve({}, environ)
    checks = [Check("setting", ok=False, detail=problem) for problem in problems]
    if settings.disabled:
        checks.append(Check("setting", ok=False, detail="AIPROV_DISABLED is set: nothing is loaded or hooked"))
    manifest, paths, found = _manifest(settings, directory)
    checks.append(found)
    checks += _hooks()
    checks += _sink(settings)
    checks += _switches(settings, untracked)
    functions: tuple[FunctionCheck, ...] = ()
    if target is not None:
        matched, functions = _target(target, manifest, paths, directory)
        checks.append(matched)
    return Diagnosis(tuple(checks), functions)


def _manifest(settings: Settings, directory: Path) -> tuple[Manifest, Paths, Check]:
    nothing = Manifest({}, {}), Paths((), root=None)
    try:
        found = discover(settings.manifest, main_file=None, directory=str(directory))
        manifest = load(Path(found.path).read_bytes(), name=found.path)
    except (NotFoundError, ManifestError, OSError) as error:
        return *nothing, Check("manifest", ok=False, detail=str(error))
    count = sum(map(len, manifest.files.values()))
    detail = f"{found.path}: {count} functions in {len(manifest.files)} files, digest {manifest.digest[:12]}"
    paths = Paths(filter(found.covers, manifest.files), root=found.root, path_map=settings.path_map)
    return manifest, paths, Check("manifest", ok=True, detail=detail)


def _hooks() -> Iterator[Check]:
    """Loads every plugin, as a start of the application would."""
    absent = set()
    for name in sorted({plugin.name for plugin in _plugins.installed()}):
        with _guard.guard(f"import of {name}"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                    raise
                absent.add(name)
    _plugins.hook_installed()
    for label, state in sorted(_plugins.hooked.items()):
        if label.partition(" ")[0] in absent:
            yield Check("hook", ok=True, detail=f"{label}: {state}, as it is not installed")
        else:
            why = _plugins.reasons.get(label)
            yield Check("hook", ok=state == "hooked", detail=f"{label}: {state}{f', {why}' if why else ''}")
    if not _plugins.hooked:
        yield Check("hook", ok=True, detail="no vendor plugin is installed, e.g. aiprov[sentry]")
    for place, count in sorted(_guard.failures.items()):
        yield Check("failure", ok=False, detail=f"{place}: {count} swallowed in this process")


def _switches(settings: Settings, untracked: str) -> Iterator[Check]:
    said = "on: records of exceptions carry our keys" if settings.logs else "off (AIPROV_LOGS)"
    yield Check("logs", ok=True, detail=said)
    if not settings.track:
        yield Check("track", ok=True, detail="off (AIPROV_TRACK)")
    elif untracked:
        now = ".".join(map(str, sys.version_info[:2]))
        yield Check(
            "track", ok=False, detail=f"AIPROV_TRACK is set, but no call is tracked: {untracked}; this is {now}"
        )
    else:
        share = f"{settings.track_sample:.4g} of the healthy traces go to the sink"
        yield Check(
            "track", ok=True, detail=f"on, {share if settings.sink else 'for errors and spans; there is no sink'}"
        )


def _sink(settings: Settings) -> Iterator[Check]:
    if settings.sink is None:
        yield Check("sink", ok=True, detail="off (AIPROV_SINK)")
        return
    path = Path(settings.sink)
    place = path if path.exists() else path.absolute().parent
    writable = os.access(place, os.W_OK)
    yield Check("sink", ok=writable, detail=f"{path}: {'writable' if writable else 'cannot be written'}")
    try:
        failures = _failures(path)
    except OSError as error:
        yield Check("failure", ok=False, detail=f"{path}: {error.strerror}, so those of other processes are not known")
        return
    for failed, count in sorted(failures.items()):
        yield Check("failure", ok=False, detail=f"{failed}: {count} swallowed, as {path} says")


def _failures(path: Path) -> dict[str, int]:
    """Swallowed failures by place, over all processes that wrote to this sink."""
    highest: dict[tuple[int, str], int] = {}
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        while line := stream.readline(_MAX_LINE):
            if FAILURE_SCHEMA.encode() in line:
                try:
                    entry = json.loads(line)
                    key = int(entry["pid"]), str(entry["place"])
                    highest[key] = max(highest.get(key, 0), int(entry["count"]))
                except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                    continue
    totals: dict[str, int] = {}
    for (_, place), count in highest.items():
        totals[place] = totals.get(place, 0) + count
    return totals


def _target(target: str, manifest: Manifest, paths: Paths, directory: Path) -> tuple[Check, tuple[FunctionCheck, ...]]:
    name, _, qualname = target.partition("::")
    file = directory / name
    try:
        functions = regions(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {getattr(error, 'strerror', None) or error}; name a Python file") from None
    except SyntaxError as error:
        raise UsageError(
            f"{name}: is not Python that {sys.version_info[0]}.{sys.version_info[1]} reads: {error}"
        ) from None
    if qualname and qualname not in functions:
        raise UsageError(f"{name}: has no function {qualname}; it has {', '.join(sorted(functions)[:8])}")
    path, how = paths.explain(str(file))
    records = manifest.files.get(path or "", {})
    wanted = [qualname] if qualname else sorted(functions, key=lambda each: functions[each].start)
    checked = tuple(_function(path or name, functions[each], records.get(each)) for each in wanted)
    return Check("path", ok=path is not None, detail=f"{file}: {f'{path}, ' if path else ''}{how}"), checked


def _function(path: str, region: Region, record: Record | None) -> FunctionCheck:
    function = f"{path}::{region.qualname}"
    if record is None:
        return FunctionCheck(function, "unknown", "no record: written by a person, or never recorded")
    if record.code_hash is None:
        return FunctionCheck(function, "unverified", f"{record.contributor}; the record holds no code hash")
    if record.code_hash == region.code_hash:
        return FunctionCheck(function, "verified", f"{record.contributor}; the code is the recorded one")
    why = f"{record.contributor}; edited since: code hash {region.code_hash}, recorded {record.code_hash}"
    return FunctionCheck(function, "stale", why)
