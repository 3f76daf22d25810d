from __future__ import annotations


def show() -> None:
    raise NotImplementedError
