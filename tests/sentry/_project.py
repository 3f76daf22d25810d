"""Copies of the shop under every layout, its manifest, and programs run from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record, dumps, load

HERE = Path(__file__).parent
AI = Generation(
    model="anthropic/claude-opus-4-6",
    tool="claude-code",
    prompt_hash="sha256:" + "a1" * 32,
    generated_at="2026-11-02T10:11:12Z",
)
MIXED = Generation(model="openai/gpt-5.2-codex", tool="codex")
Tags = dict[str, str]


def contributor(path: str, qualname: str) -> str | None:
    """Who wrote a function of the shop: its name says so, and all of `kinds.py` is a model's."""
    name = qualname.rpartition(".")[2]
    for word in ("ai", "mixed", "human"):
        if name.startswith(f"{word}_"):
            return word
    if path.endswith("broken_module.py"):
        return "ai"
    if path.endswith("kinds.py") and name not in ("<module>", "plainly_wrapped") and not name.startswith("case_"):
        return "ai"
    return None


def manifest_of(root: Path, *, below: str) -> bytes:
    """The manifest of every source below a folder, with paths relative to `root`."""
    files: dict[str, dict[str, Record]] = {}
    for source in sorted((root / below).rglob("*.py")):
        path = source.relative_to(root).as_posix()
        found = {}
        for region in regions(source.read_bytes()).values():
            who = contributor(path, region.qualname)
            generation = {"ai": AI.id, "mixed": MIXED.id}.get(who or "")
            if who:
                found[region.qualname] = Record(who, generation, code_hash=region.code_hash)
        if found:
            files[path] = found
    return dumps(Manifest({AI.id: AI, MIXED.id: MIXED}, files))


def make(root: Path, *, package: str = "src/shop") -> Path:
    """A repository with the shop's package at `package`, a committed manifest and `main.py`."""
    shutil.copytree(HERE / "shop" / "shop", root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "shop" / "main.py", root / "main.py")
    write_manifest(root, manifest_of(root, below=package))
    return root


def write_manifest(root: Path, data: bytes) -> None:
    (root / MANIFEST_PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / MANIFEST_PATH).write_bytes(data)


def digest(data: bytes) -> str:
    return load(data).digest[:12]


def run(  # noqa: PLR0913  # what a deployment varies, by name
    script: Path,
    dsn: str,
    *arguments: str,
    path: Iterable[Path | str] = (),
    cwd: Path | None = None,
    environ: dict[str, str] | None = None,
    options: dict[str, object] | None = None,
    python: str | Path = sys.executable,
) -> dict[str, Any]:
    """Run a program to its end and return the `status()` that it prints, None where aiprov was not loaded."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "SENTRY_", "PYTHON"))}
    settings = {
        **inherited,
        "SENTRY_DSN": dsn,
        "SENTRY_OPTIONS": json.dumps(options or {}),
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **(environ or {}),
    }
    done = subprocess.run(
        [str(python), str(script), *arguments],
        env=settings,
        cwd=cwd or script.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr or "logged" in done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def ours(event: dict[str, Any]) -> Tags:
    """Our tags of an event, without the manifest's digest, which `test_layouts` compares."""
    return {k: v for k, v in event["tags"].items() if k.startswith("aiprov.") and k != "aiprov.manifest"}


def ai(function: str, relation: str = "raised", *, state: str = "verified") -> Tags:
    """The tags of an error whose suspect is a function that `AI` wrote."""
    return {
        "aiprov.origin": "ai",
        "aiprov.generated": "true",
        "aiprov.function": function,
        "aiprov.model": "anthropic/claude-opus-4-6",
        "aiprov.tool": "claude-code",
        "aiprov.prompt_hash": "sha256:" + "a1" * 32,
        "aiprov.relation": relation,
        "aiprov.state": state,
    }


def mixed(function: str, relation: str = "raised") -> Tags:
    """The same for `MIXED`, whose prompt is not known."""
    return {
        "aiprov.origin": "mixed",
        "aiprov.generated": "true",
        "aiprov.function": function,
        "aiprov.model": "openai/gpt-5.2-codex",
        "aiprov.tool": "codex",
        "aiprov.relation": relation,
        "aiprov.state": "verified",
    }


def no_ai(origin: str) -> Tags:
    """The tags of an error without AI-written code on its path."""
    return {"aiprov.origin": origin, "aiprov.generated": "false"}
