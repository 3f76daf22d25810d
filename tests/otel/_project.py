"""The shop's program, its manifest, and what OpenTelemetry is told of its functions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sentry._project import AI, MIXED, digest, manifest_of, write_manifest

from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH

HERE = Path(__file__).parent
GENERATIONS = {"ai": AI, "mixed": MIXED}
STRICT = "-Werror", "-Wignore:`LoggingHandler` in `opentelemetry-sdk` is deprecated"
EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace", "exception.escaped")


class Project:
    """A repository that holds the program alone."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.script = root / "program.py"
        shutil.copy(HERE / "shop" / "program.py", self.script)
        write_manifest(root, manifest_of(root, below="."))
        self.digest = digest((root / MANIFEST_PATH).read_bytes())
        self._lines = self.script.read_text().splitlines()
        self._regions = regions(self.script.read_bytes())

    @property
    def functions(self) -> list[str]:
        return list(self._regions)

    def line(self, qualname: str, text: str) -> int:
        """The line of a function that holds a text."""
        (found,) = [
            number
            for start, end in self._regions[qualname].spans
            for number in range(start, end + 1)
            if text in self._lines[number - 1]
        ]
        return found

    def told(self, qualname: str, text: str, relation: str) -> dict[str, Any]:
        """Everything that is told of a function of a model's: where it was, and how it came in."""
        origin = qualname.partition("_")[0]
        generation = GENERATIONS[origin]
        values = {
            "aiprov.origin": origin,
            "aiprov.generated": "true",
            "aiprov.function": f"program.py::{qualname}",
            "aiprov.model": generation.model,
            "aiprov.tool": generation.tool,
            "aiprov.prompt_hash": generation.prompt_hash,
            "aiprov.relation": relation,
            "aiprov.state": "verified",
            "aiprov.manifest": self.digest,
            "code.function.name": f"__main__.{qualname}",
            "code.file.path": "program.py",
            "code.line.number": self.line(qualname, text),
        }
        return {name: value for name, value in values.items() if value is not None}

    def error(self, qualname: str, text: str, relation: str, *functions: str) -> dict[str, Any]:
        """The same for an error, with all functions of models on its path."""
        found = self.told(qualname, text, relation)
        return {**found, "aiprov.functions": [f"program.py::{name}" for name in functions or (qualname,)]}

    def run(
        self,
        how: str,
        *cases: str,
        python: Path = Path(sys.executable),
        command: tuple[str | Path, ...] = (),
        environ: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """What the program prints; any warning that we are to blame for fails it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AIPROV_"))}
        done = subprocess.run(
            [python, *(command or STRICT), self.script, how, ",".join(cases)],
            cwd=self.script.parent,
            env={**environment, "NO_PROXY": "*", **(environ or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert printed.pop("failures") == {}
        return {**printed, "stderr": done.stderr}


def spans(printed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The attributes of every span, by its name."""
    return {span["name"]: span["attributes"] for span in printed["spans"]}


def events(printed: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What we told of each exception on each span, by the span's name."""
    return {span["name"]: [without(event, *EXCEPTION) for event in span["events"]] for span in printed["spans"]}


def without(attributes: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in names}
