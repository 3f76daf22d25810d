from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiprov.provenance import record as record  # the form that type checkers read as public

__version__ = "0.1.0"
__all__ = ["__version__", "record"]


def __getattr__(name: str) -> object:
    """`record` is imported when somebody asks for it, so that importing the package costs nothing."""
    if name == "record":
        from aiprov.provenance import record

        return record
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
