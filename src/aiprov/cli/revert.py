from __future__ import annotations


def revert() -> None:
    raise NotImplementedError
