"""A small deployed application: files on disk, their manifest, and the index that looks code up in it."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path

from aiprov_runtime._functions import regions
from aiprov_runtime._index import Index
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps, read
from aiprov_runtime._paths import Paths

GENERATION = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a" * 64)
OTHER = Generation(models=("openai/gpt-5", "google/gemini-3"), tool="cursor")


def manifest(files: dict[str, dict[str, Record]], *generations: Generation) -> bytes:
    return dumps(Manifest({g.id: g for g in (GENERATION, *generations)}, files))


def ai(code_hash: str | None = None) -> Record:
    return Record("ai", GENERATION.id, 1.0, code_hash)


def human() -> Record:
    return Record("human")


def index(
    files: dict[str, dict[str, Record]],
    *generations: Generation,
    root: Path | None = None,
    search: Sequence[str] = (),
) -> Index:
    document = read(manifest(files, *generations))
    return Index(document, Paths(document.files, root=str(root) if root else None, search=search))


def write(path: Path, source: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return path


def run(path: Path, **names: object) -> types.SimpleNamespace:
    """Execute a file as an import would, under its own name."""
    module = types.ModuleType(path.stem)
    module.__dict__.update(names)
    exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)  # as an import does
    return types.SimpleNamespace(**module.__dict__)


def hash_of(source: str, qualname: str) -> str:
    return regions(source)[qualname].code_hash


def raised(call, *arguments) -> BaseException:
    """What the call raises, as an error handler of a host sees it."""
    try:
        call(*arguments)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is the test's subject
        return error
    raise AssertionError("nothing was raised")
