"""Vendor plugins: found by entry point, run once the vendor's own module is imported, and never before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from aiprov_runtime._guard import guard

Register = Callable[[Callable[[ModuleType], None], str], None]
GROUP = "aiprov_runtime.plugins"
hooked: dict[str, str] = {}
"""What each plugin's vendor module has come to: `waiting`, `hooked` or `failed`."""


def installed() -> tuple[EntryPoint, ...]:
    """Every plugin there is; its name is the vendor's module."""
    return tuple(entry_points(group=GROUP))


def hook_installed() -> None:
    """Load every plugin whose vendor module is there, and let the others wait for it."""
    for plugin in installed():
        if plugin.name not in hooked:
            with guard(f"plugin.{plugin.name}"):
                _hook(plugin)


def _hook(plugin: EntryPoint) -> None:
    hooked[plugin.name] = "waiting"
    if plugin.name in sys.modules or (register := _post_import_hooks()) is None:
        _install(plugin)
    else:
        register(lambda _: _install(plugin), plugin.name)


def _post_import_hooks() -> Register | None:
    try:
        import wrapt
    except ImportError:
        return None
    register: Register = wrapt.register_post_import_hook
    return register


def _install(plugin: EntryPoint) -> None:
    hooked[plugin.name] = "failed"
    with guard(f"plugin.{plugin.name}"):
        plugin.load()()
        hooked[plugin.name] = "hooked"
