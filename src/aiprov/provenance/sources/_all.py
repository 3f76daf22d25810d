"""The sources that a scan reads: a new one is one file here and one line below."""

from __future__ import annotations

import os
from pathlib import Path

from aiprov.provenance.sources import CommitSource, FileSource
from aiprov.provenance.sources.agent_trace import AgentTraces
from aiprov.provenance.sources.aider_chat import AiderChat
from aiprov.provenance.sources.claude_code import claude_code
from aiprov.provenance.sources.codex import codex
from aiprov.provenance.sources.copilot_cli import copilot_cli
from aiprov.provenance.sources.devmemory import DevMemory
from aiprov.provenance.sources.entire import Entire
from aiprov.provenance.sources.gemini_cli import gemini_cli
from aiprov.provenance.sources.git_ai import GitAi
from aiprov.provenance.sources.hook import Hook
from aiprov.provenance.sources.sidecar import Sidecars
from aiprov.provenance.sources.trailers import Trailers


def in_repository() -> tuple[CommitSource, ...]:
    """What a clone holds, so that every machine reads the same."""
    return (Entire(), AgentTraces(), GitAi(), DevMemory(), AiderChat(), Trailers())


def on_this_machine(home: Path) -> tuple[CommitSource, ...]:
    """What tools left in a developer's home."""
    return (
        Hook(),
        claude_code(_folder("CLAUDE_CONFIG_DIR", home / ".claude")),
        codex(_folder("CODEX_HOME", home / ".codex")),
        gemini_cli(_folder("GEMINI_CLI_HOME", home) / ".gemini"),
        copilot_cli(_folder("COPILOT_HOME", home / ".copilot")),
    )


def _folder(variable: str, usual: Path) -> Path:
    """Where an agent keeps its files, which it lets people move."""
    return Path(os.environ.get(variable) or usual)


def beside_files() -> tuple[FileSource, ...]:
    return (Sidecars(),)
