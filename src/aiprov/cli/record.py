from __future__ import annotations


def record() -> None:
    raise NotImplementedError
