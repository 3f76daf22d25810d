"""The oldest Sentry SDK that the distribution admits judges every case as the newest one does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import peers
import pytest
from sentry._intake import serving
from sentry._project import make, ours, run
from sentry.test_cases import EXPECTED
from sentry.test_traces import children, expected_spans, manifest, program

pytestmark = pytest.mark.peer


def oldest() -> list[str]:
    """The lower bound of every requirement, as a pin."""
    project = tomllib.loads((peers.ROOT / "integrations" / "sentry" / "pyproject.toml").read_text())["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"] if ">=" in requirement]


def build(folder: Path) -> None:
    editable = ["--editable", str(peers.ROOT), "--editable", str(peers.ROOT / "integrations" / "sentry")]
    peers.environment(folder, *oldest(), "wrapt", *editable)  # a case is decorated with wrapt


@pytest.mark.parametrize("steps", ["init,auto", "integration"])
def test_every_case_is_judged_alike(tmp_path: Path, steps: str):
    with peers.required():
        folder = peers.place("oldest-sentry", "\n".join(oldest()), build)
    root = make(tmp_path / "repository")

    with serving() as intake:
        status = run(
            root / "main.py",
            intake.dsn,
            steps,
            "raising,kinds,broken_module,chains,reporting",
            path=[root / "src"],
            python=folder / "venv" / "bin" / "python",
            options={"traces_sample_rate": 1.0},
        )

    assert {case: ours(event) for case, event in intake.by_case().items()} == EXPECTED
    assert status["failures"] == {}
    assert {event["sdk"]["version"] for event in intake.events} == {sdk_version()}


def test_transactions_and_spans_carry_the_code_that_starts_them(tmp_path: Path):
    """This SDK has no streamed spans, logs or metrics, and drops a transaction's own data, its user's as well."""
    with peers.required():
        folder = peers.place("oldest-sentry", "\n".join(oldest()), build)
    script = program(tmp_path)

    with serving() as intake:
        status = run(
            script,
            intake.dsn,
            "init,auto",
            "spans,child,handed_over",
            python=folder / "venv" / "bin" / "python",
            options={"traces_sample_rate": 1.0},
        )

    assert children(intake, "root of spans") == expected_spans(script)
    assert "data" not in intake.transactions()["handed over"]["contexts"]["trace"]
    assert intake.transactions()["handed over"]["tags"]["aiprov.manifest"] == manifest(script)
    assert status["failures"] == {}


def sdk_version() -> str:
    (pin,) = (found[1] for pin in oldest() if (found := re.fullmatch(r"sentry-sdk==(.*)", pin)))
    return pin + ".0" * (2 - pin.count("."))
