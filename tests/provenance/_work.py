from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aiprov.git import Repository
from aiprov.provenance import Scanned, scan, write_manifest

CLAUDE = "Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>"
CODEX = "Co-authored-by: Codex <noreply@openai.com>"


@dataclass
class Work:
    """A real repository; its clock goes one minute forward with each commit."""

    root: Path
    minute: int = 0

    def git(self, *args: str, data: bytes | None = None, env: dict[str, str] | None = None) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        person = {"NAME": "Jane Doe", "EMAIL": "jane@example.com", "DATE": f"2026-11-02T10:{self.minute:02}:00Z"}
        clean |= {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **(env or {})}
        done = subprocess.run(["git", *args], cwd=self.root, input=data, capture_output=True, env=clean, check=True)
        return done.stdout.decode().strip()

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def commit(self, message: str, files: dict[str, str] | None = None, *, env: dict[str, str] | None = None) -> str:
        for path, text in (files or {}).items():
            self.write(path, text)
        self.minute += 1
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", data=message.encode(), env=env)
        return self.git("rev-parse", "HEAD")

    def ai(self, files: dict[str, str], *, trailer: str = CLAUDE) -> str:
        return self.commit(f"Write code\n\n{trailer}\n", files)

    def human(self, files: dict[str, str] | None = None) -> str:
        return self.commit("Edit by hand\n", files)

    def scan(self, *, since: str | None = None) -> Scanned:
        found = scan(Repository(self.root), since=since, jobs=2)
        write_manifest(self.root, found.manifest)
        return found

    def marks(self) -> dict[str, str]:
        """`path::qualname` to contributor, after a scan."""
        files = self.scan().manifest.files
        return {f"{p}::{q}": r.contributor for p, functions in sorted(files.items()) for q, r in functions.items()}
