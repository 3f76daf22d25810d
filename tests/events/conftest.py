"""Reading events in tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from events.reading import Read, read_source


@pytest.fixture
def read(tmp_path: Path):
    """Load a file of this content and return everything that came out."""

    def reading(content: str | bytes, name: str = "events") -> Read:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_source(str(path))

    return reading
