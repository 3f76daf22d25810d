"""Whatever is wrong with us, a host's output, result and exit code are those it has without us."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from runtime._host import host

from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record, dumps

HERE = Path(__file__).parent
SOURCE = str(HERE.parents[1] / "src")
GENERATION = Generation(model="anthropic/claude-opus-4-6", tool="claude-code")
HASH = regions((HERE / "_host.py").read_bytes())["fails"].code_hash
VALID = dumps(Manifest({GENERATION.id: GENERATION}, {"main.py": {"fails": Record("ai", GENERATION.id, 1.0, HASH)}}))

MANIFESTS = {
    "none": None,
    "valid": VALID,
    "empty": b"",
    "garbage": b"\x00\xff\x00garbage" * 1000,
    "cut": VALID[: len(VALID) // 2],
    "newer": VALID.replace(b"aiprov: 1", b"aiprov: 2"),
    "not yaml": VALID + b"\t- }",
    "list": b"- a\n",
    "deep": b"aiprov: 1\nfiles: " + b"[" * 100_000,
    "alias bomb": b"aiprov: 1\nfiles: &a [*a, *a]\n",
    "unfit record": VALID.replace(b'"contributor": "ai"', b'"contributor": 5'),
    "unfit generation": VALID.replace(b'"tool": "claude-code"', b'"tool": ["claude-code"]'),
    "latin-1": VALID.replace(b"claude-code", b"cl\xe9"),
    "outside": VALID.replace(b"main.py", b"../../main.py"),
}
REFORMATTED = VALID.replace(b'"main.py"', b"main.py").replace(b'"fails"', b"'fails'")
# name: (manifest, the host's flags, our flags, environment)
FAULTS: dict[str, tuple[bytes | None, str, str, dict[str, str]]] = {
    **{f"manifest {name}": (data, "", "", {}) for name, data in MANIFESTS.items()},
    "manifest missing by name": (VALID, "", "", {"AIPROV_MANIFEST": "/no-such/manifest.yaml"}),
    "manifest is a directory": (VALID, "", "", {"AIPROV_MANIFEST": "/"}),
    "manifest in a home that is not": (VALID, "", "", {"AIPROV_MANIFEST": "~nobody-here/manifest.yaml", "HOME": ""}),
    "re-formatted": (REFORMATTED, "", "", {}),
    "re-formatted and no PyYAML": (REFORMATTED, "no yaml", "", {}),
    "lookup raises": (VALID, "", "lookup ValueError", {}),
    "lookup out of memory": (VALID, "", "lookup MemoryError", {}),
    "lookup too deep": (VALID, "", "lookup RecursionError", {}),
    "disabled": (VALID, "", "", {"AIPROV_DISABLED": "1"}),
    "settings that are none": (
        VALID,
        "",
        "",
        {"AIPROV_SINK_BYTES": "many", "AIPROV_DISABLED": "perhaps", "AIPROV_PATH_MAP": "=,=:x"},
    ),
    "sink in no directory": (VALID, "", "", {"AIPROV_SINK": "/no-such/events.jsonl"}),
    "sink on a full disk": (VALID, "", "", {"AIPROV_SINK": "/dev/full"}),
    "sink on a read-only disk": (VALID, "", "", {"AIPROV_SINK": "/proc/self/events.jsonl"}),
    "sink is a directory": (VALID, "", "", {"AIPROV_SINK": "/"}),
    "sink is a pipe that nobody reads": (VALID, "", "", {"AIPROV_SINK": "pipe"}),
    "sink with a NUL-like name": (VALID, "", "", {"AIPROV_SINK": "x" * 5000}),
    "sink tiny": (VALID, "", "", {"AIPROV_SINK": "tiny.jsonl", "AIPROV_SINK_BYTES": "1", "AIPROV_SINK_FILES": "1"}),
    "working directory deleted": (VALID, "no directory", "", {"AIPROV_SINK": "events.jsonl"}),
    "no home": (VALID, "", "", {"HOME": "/no-such"}),
    "log handler raises": (None, "full log", "", {"AIPROV_MANIFEST": "/no-such", "AIPROV_SINK": "/dev/full"}),
    "plugins broken": (VALID, "", "", {"PYTHONPATH": "plugins"}),
    "exit code": (VALID, "exit", "", {}),
    "interrupt": (VALID, "interrupt", "", {}),
    "optimized": (VALID, "", "", {"PYTHONOPTIMIZE": "2"}),
    "warnings are errors": (VALID, "", "", {"PYTHONWARNINGS": "error"}),
    "sentry": (VALID, "sentry", "", {}),
    "sentry, no manifest": (None, "sentry", "", {}),
    "sentry, lookup raises": (VALID, "sentry", "lookup ValueError", {}),
    "sentry, lookup out of memory": (VALID, "sentry", "lookup MemoryError", {}),
}

# Part of what `status()` then says: the fault was really there.
SIGNS = {
    "manifest none": r"no .aiprov/manifest.yaml above",
    "manifest valid": r"^\|\{\}",
    "manifest garbage": "not UTF-8",
    "manifest newer": "version 2 is newer",
    "manifest cut": "mend the line or restore the file from git",
    "manifest alias bomb": "anchors",
    "manifest unfit record": "'manifest': 1",
    "manifest unfit generation": "tool must be null or a text",
    "manifest missing by name": "no such file",
    "re-formatted": r"^\|\{\}",
    "re-formatted and no PyYAML": "PyYAML, which reads any form, is not installed",
    "lookup raises": "'explain'",
    "disabled": r"AIPROV_DISABLED is set\|\{\}\|\{\}",
    "sink in no directory": "'capture': 1",
    "sink on a full disk": "'capture': 1",
    "sink on a read-only disk": "'capture': 1",
    "sink is a pipe that nobody reads": "'capture': 1",
    "working directory deleted": "",
    "plugins broken": "'json': 'failed', 'logging': 'failed', 'os': 'failed'",
}


def install_broken_plugins(root: Path) -> None:
    """Distributions whose plugins fail at import, at start, and by having no such name."""
    root.mkdir()
    (root / "aiprov_bad_plugins.py").write_text("def start():\n    raise ValueError('plugin')\n")
    (root / "aiprov_bad_import.py").write_text("1 / 0\n")
    info = root / "aiprov_bad_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aiprov-bad-plugins\nVersion: 1.0\n")
    entries = [
        "json = aiprov_bad_import:start",
        "logging = aiprov_bad_plugins:start",
        "os = aiprov_bad_plugins:missing",
    ]
    (info / "entry_points.txt").write_text("\n".join(["[aiprov_runtime.plugins]", *entries, ""]))


def run(root: Path, manifest: bytes | None, flags: str, environ: dict[str, str]) -> tuple[int, list[str], list[str]]:
    """Exit code and lines, without what differs between any two runs and without our own one line."""
    root.mkdir()
    shutil.copy(HERE / "_host.py", root / "main.py")
    if manifest is not None:
        (root / MANIFEST_PATH).parent.mkdir()
        (root / MANIFEST_PATH).write_bytes(manifest)
    os.mkfifo(root / "pipe")
    install_broken_plugins(root / "plugins")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "SENTRY_", "DD_", "PYTHON"))}
    path = os.pathsep.join([SOURCE, *([str(root / environ["PYTHONPATH"])] if "PYTHONPATH" in environ else [])])
    done = subprocess.run(
        [sys.executable, "main.py", flags],
        env={**kept, **environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, lines(done.stdout, root), lines(done.stderr, root)


def lines(text: str, root: Path) -> list[str]:
    text = re.sub(r"0x[0-9a-f]+|[0-9a-f]{32}|name='Task-\d+'", "#", text.replace(str(root), "ROOT"))
    return [line for line in text.splitlines() if not line.startswith("aiprov: ")]


@cache
def without_us(root: Path, flags: str, environ: tuple[tuple[str, str], ...]) -> tuple[int, list[str], list[str]]:
    return run(root / f"without-{abs(hash((flags, environ)))}", None, flags, dict(environ))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hosts")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_host_behaves_as_without_us(tmp_path: Path, place: Path, fault: str):
    manifest, host_flags, our_flags, environ = FAULTS[fault]
    interpreter = tuple(sorted((k, v) for k, v in environ.items() if k in {"PYTHONOPTIMIZE", "PYTHONWARNINGS"}))
    expected = without_us(place, host_flags, interpreter)

    assert expected == run(tmp_path / "with", manifest, f"with,{host_flags},{our_flags}", environ)
    assert expected[0] == {"exit": 3, "interrupt": -2}.get(host_flags, 1)
    assert re.search(SIGNS.get(fault, ""), (tmp_path / "with" / "status").read_text())


def test_an_interrupt_inside_of_us_reaches_the_host(tmp_path: Path):
    """Whoever presses Ctrl-C means the program, wherever it is at that moment."""
    program = """
        import logging, aiprov_runtime
        def interrupted(): raise KeyboardInterrupt
        aiprov_runtime.init(sink="events.jsonl", user=interrupted)
        for call in (lambda: aiprov_runtime.capture(ValueError()), lambda: logging.error("x", exc_info=ValueError())):
            try:
                call()
            except KeyboardInterrupt:
                print("interrupted", aiprov_runtime.status().failures)
        """

    assert (0, "interrupted {}\n" * 2, "") == host(tmp_path, program)
