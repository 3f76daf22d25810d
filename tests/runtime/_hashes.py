"""Prints the code hash of every function of the files named on standard input; for other interpreters."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aiprov_runtime._functions import regions


def hashes(path: str) -> dict[str, str] | None:
    """None for a file that this interpreter cannot parse."""
    try:
        return {name: region.code_hash for name, region in regions(Path(path).read_bytes()).items()}
    except SyntaxError:
        return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps({path: hashes(path) for path in json.load(sys.stdin)}))
