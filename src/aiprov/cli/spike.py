from __future__ import annotations


def spike() -> None:
    raise NotImplementedError
