"""Vendor plugins: found by entry point, run once the vendor's own module is imported, and never before."""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from operator import attrgetter
from types import TracebackType
from typing import NamedTuple

from aiprov_runtime._guard import guard
from aiprov_runtime._imports import when_imported
from aiprov_runtime._paths import import_roots

GROUP = "aiprov_runtime.plugins"
_MAX_BYTES = 1_000_000


class Plugin(NamedTuple):
    """One line of an installed distribution's `entry_points.txt`."""

    name: str
    """The vendor's module, whose import it waits for."""
    value: str
    """`package._module:function`."""


hooked: dict[str, str] = {}
"""What each plugin has come to, `waiting`, `hooked` or `failed`, by its vendor's module."""
reasons: dict[str, str] = {}
"""Why a plugin failed."""
_known: dict[Plugin, str] = {}
"""With what each is called in the two above."""


def installed(search: list[str] | None = None) -> tuple[Plugin, ...]:
    """Every plugin there is. Read here, as `importlib.metadata` costs four times what all the rest of a start does."""
    found: dict[Plugin, None] = {}
    for root in import_roots(search):
        try:
            with os.scandir(root or os.curdir) as entries:
                names = [entry.path for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in sorted(names):
            found |= dict.fromkeys(_declared(os.path.join(name, "entry_points.txt")))
    return tuple(found)


def _declared(path: str) -> list[Plugin]:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_MAX_BYTES)
    except OSError:  # most distributions declare none
        return []
    if GROUP.encode() not in content:
        return []
    plugins, is_ours = [], False
    for line in map(str.strip, content.decode("utf-8", "replace").splitlines()):
        if line.startswith("["):
            is_ours = line == f"[{GROUP}]"
        elif is_ours and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            plugins.append(Plugin(name.strip(), value.partition("[")[0].strip()))
    return plugins


def hook_installed() -> None:
    """Load every plugin whose vendor module is there, and let the others wait for it.

    Those that are hooked run once more: what they tell of the release, and whether they track, is of an earlier `init`.
    """
    for plugin, label in list(_known.items()):
        if hooked[label] == "hooked":
            _install(plugin, label, plugin.name)
    for plugin in installed():
        if plugin not in _known:
            _known[plugin] = label = plugin.name if plugin.name not in hooked else f"{plugin.name} ({plugin.value})"
            hooked[label] = "waiting"
            with guard(f"plugin.{label}"):
                when_imported(plugin.name, partial(_install, plugin, label))


def _install(plugin: Plugin, label: str, _: str) -> None:
    hooked[label] = "failed"
    with guard(f"plugin.{label}"), _Noted(label):
        module, _, name = plugin.value.partition(":")
        attrgetter(name)(import_module(module))()
        hooked[label] = "hooked"


class _Noted:
    """Keeps why a plugin failed, for `aiprov doctor`."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> None:
        reasons.pop(self._label, None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            reasons[self._label] = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
