"""A small shop of AI functions, and programs beside it in processes that track which of them run."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
from runtime._app import ai, human, manifest, write
from runtime._host import Outcome, host

can_track = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
SHOP = """
import contextvars

def parse(price):
    return -1

def person(price):
    if parse(price) < 0:
        raise ValueError(price)

def lines():
    yield 1
    yield 2

async def fetch():
    return parse("1")

def later():
    return lambda: parse("1")

def deep(n):
    return deep(n - 1) if n else 0

@staticmethod
def unused():
    return 1
"""
RECORDS = {"parse": ai(), "person": human(), "lines": ai(), "fetch": ai(), "later": ai(), "deep": ai()}
START = "import json, sys, aiprov_runtime as a\na.init()\nimport shop\n"


def program(root: Path, text: str, records=RECORDS, **environ: str) -> Outcome:
    """A program beside the shop, in a process of its own that tracks."""
    write(root / "shop.py", SHOP)
    (root / ".aiprov").mkdir(exist_ok=True)
    (root / ".aiprov" / "manifest.yaml").write_bytes(manifest({"shop.py": records}))
    return host(root, START + textwrap.dedent(text), **{"AIPROV_TRACK": "1"} | environ)


def printed(*values: object) -> Outcome:
    return Outcome(0, "".join(f"{value}\n" for value in values), "")
