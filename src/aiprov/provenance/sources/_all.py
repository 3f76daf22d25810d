"""The sources that a scan reads: a new one is one file here and one line below."""

from __future__ import annotations

from pathlib import Path

from aiprov.provenance.sources import CommitSource, FileSource
from aiprov.provenance.sources.agent_trace import AgentTraces
from aiprov.provenance.sources.git_ai import GitAi
from aiprov.provenance.sources.sidecar import Sidecars
from aiprov.provenance.sources.trailers import Trailers


def in_repository() -> tuple[CommitSource, ...]:
    """What a clone holds, so that every machine reads the same."""
    return (AgentTraces(), GitAi(), Trailers())


def on_this_machine(home: Path) -> tuple[CommitSource, ...]:
    """What tools left in a developer's home."""
    del home
    return ()


def beside_files() -> tuple[FileSource, ...]:
    return (Sidecars(),)
