"""Every setting is one row of this table; an argument beats the environment, which beats the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


class Setting(NamedTuple):
    name: str
    env: tuple[str, ...]
    """The first of these that is set counts."""
    type: type
    default: Any
    help: str


SETTINGS = (
    Setting("manifest", ("AIPROV_MANIFEST",), str, None, "Manifest to load, in place of searching for one."),
    Setting("path_map", ("AIPROV_PATH_MAP",), str, "", "`/deployed=repository` prefixes, several separated by commas."),
    Setting("disabled", ("AIPROV_DISABLED",), type=bool, default=False, help="Load nothing and hook nothing."),
    Setting("sink", ("AIPROV_SINK",), str, None, "Write error events to this file as JSON lines."),
    Setting("sink_bytes", ("AIPROV_SINK_BYTES",), int, 16_000_000, "Start a new file at this size."),
    Setting("sink_files", ("AIPROV_SINK_FILES",), int, 4, "Keep this many older files, as FILE.1 and up."),
    Setting("release", ("AIPROV_RELEASE", "SENTRY_RELEASE", "DD_VERSION"), str, None, "Release in local sink events."),
    Setting(
        "environment",
        ("AIPROV_ENVIRONMENT", "SENTRY_ENVIRONMENT", "DD_ENV"),
        str,
        None,
        "Environment in local sink events.",
    ),
    Setting("span_frames", ("AIPROV_SPAN_FRAMES",), int, 32, "Library frames passed over where a span starts."),
    Setting("logs", ("AIPROV_LOGS",), type=bool, default=False, help="Add our keys to log records of exceptions."),
    Setting("track", ("AIPROV_TRACK",), type=bool, default=False, help="Note which AI functions ran (3.12+)."),
    Setting(
        "track_sample",
        ("AIPROV_TRACK_SAMPLE",),
        float,
        0.01,
        "Share of healthy traces whose functions go to the local sink.",
    ),
    Setting("max_series", ("AIPROV_MAX_SERIES",), int, 50, "Pairs of model and tool in metrics; the rest is `other`."),
)


class Settings(NamedTuple):
    """The row of each setting, by its name."""

    manifest: str | None
    path_map: str
    disabled: bool
    sink: str | None
    sink_bytes: int
    sink_files: int
    release: str | None
    environment: str | None
    span_frames: int
    logs: bool
    track: bool
    track_sample: float
    max_series: int


def resolve(arguments: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> tuple[Settings, list[str]]:
    """The settings in force, and one line for each value that was ignored."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in SETTINGS:
        given = arguments.get(setting.name)
        source, raw = "", None
        for name in setting.env:
            if environ.get(name):
                source, raw = name, environ[name]
                break
        if given is not None:
            values[setting.name] = os.fspath(given) if isinstance(given, os.PathLike) else given
        elif raw is None:
            values[setting.name] = setting.default
        else:
            try:
                values[setting.name] = _convert(raw, setting.type)
            except ValueError as error:
                problems.append(f"{source} is ignored: {error}")
                values[setting.name] = setting.default
    return Settings(**values), problems


def _convert(raw: str, kind: type) -> object:
    if kind is int:
        if not (raw.isascii() and raw.isdigit() and len(raw) < 16 and int(raw) > 0):  # noqa: PLR2004  # far above any disk
            raise ValueError("not a whole number above 0")
        return int(raw)
    if kind is float:
        share = float(raw) if raw.replace(".", "", 1).isdigit() and raw.isascii() else 2.0
        if share > 1:
            raise ValueError("not a share between 0 and 1")
        return share
    if kind is bool:
        if raw.lower() not in _TRUE | _FALSE:
            raise ValueError("use true or false")
        return raw.lower() in _TRUE
    return raw
