"""The same callbacks under the same faults, with the oldest version of each SDK that is supported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import datadog_spans.test_oldest
import otel.test_oldest_sdk
import peers
import pytest
import sentry.test_oldest_sdk
from host_safety.test_callbacks import FAULTS, SILENT, VALID, Seen, places, run

pytestmark = pytest.mark.peer


class Oldest(NamedTuple):
    """An environment of another test's, and what is different in it."""

    made_by: ModuleType
    guards: Iterable[str]
    """The callbacks that fail where whatever they use does."""
    unknown: frozenset[str] = frozenset()
    """Steps that this SDK refuses with an exception."""
    kept: frozenset[str] = frozenset()
    """Steps of which an interrupt of ours stays within the SDK, which keeps whatever its processors raise."""

    def python(self, name: str) -> str:
        made = self.made_by
        return str(peers.place(name, "\n".join(made.oldest()), made.build) / "venv" / "bin" / "python")


SDKS = {
    "oldest-sentry": Oldest(
        sentry.test_oldest_sdk,
        ["sentry.event", "sentry.span"],
        frozenset({"sentry.streamed"}),
        frozenset({"sentry.exception", "sentry.message", "sentry.logged"}),
    ),
    "oldest-opentelemetry": Oldest(
        otel.test_oldest_sdk,
        ["opentelemetry.start", "opentelemetry.exception", "opentelemetry.log"],
        frozenset({"opentelemetry.log"}),
    ),
    "oldest-ddtrace": Oldest(datadog_spans.test_oldest, ["datadog.finish", "datadog.error"]),
}
# What does not depend on the SDK's version is left to the newest: other ways to fail at the same place, and the logs.
SAME = {"log keys", "lookup out of memory", "lookup too deep", "answer out of memory", "no home", "SDKs missing"}
OF_CLIENT = {fault for fault in FAULTS if fault.startswith("flusher")}
CASES = [
    (sdk, fault)
    for sdk in SDKS
    for fault in FAULTS
    if fault not in SAME and (fault not in OF_CLIENT or sdk == "oldest-ddtrace")
]
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}
"""Old SDKs are compiled once, not at each start."""


@cache
def without_us(place: Path, python: str, flags: str) -> Seen:
    return run(place / f"without {flags}", None, flags, KEPT, python)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return cache(tmp_path_factory.mktemp)


def said(seen: Seen) -> list[str]:
    """Without what these SDKs say of each use after their end, which a daemon's luck decides."""
    return [line for line in seen.err if "shutdown" not in line and "shut down" not in line]


@pytest.mark.parametrize(("sdk", "fault"), CASES)
def test_callbacks_change_nothing(tmp_path: Path, place: Callable[[str], Path], sdk: str, fault: str):
    wrong, old = FAULTS[fault], SDKS[sdk]
    with peers.required():
        python = old.python(sdk)
    expected = without_us(place(sdk), python, wrong.flags)
    root = tmp_path / "with"

    found = run(root, wrong.manifest, f"with,{wrong.flags},{wrong.ours}", KEPT | dict(wrong.environ), python)

    assert expected[:2] == found[:2]
    if fault == "answer raises":  # old SDKs say of a value that they cannot use it, in between
        lines = iter(said(found))
        assert [line for line in said(expected) if line not in lines] == []
    else:
        assert said(expected) == said(found)
    assert 1 == found.code
    sign = places("logs", *old.guards) if fault == "answer raises" else wrong.sign
    assert re.search(sign, (root / "status").read_text())
    silent = {step for step, keys in found.ours.items() if keys == expected.ours[step]}
    assert wrong.silent is None or (wrong.silent | old.unknown) & set(found.ours) == silent


@pytest.mark.parametrize("sdk", SDKS)
def test_an_interrupt_inside_of_any_callback_reaches_the_host(tmp_path: Path, sdk: str):
    old = SDKS[sdk]
    with peers.required():
        python = old.python(sdk)

    found = run(tmp_path / "with", VALID, "with,no fork,lookup KeyboardInterrupt", KEPT, python)
    outcomes = [line.split(" ", 2)[:2] for line in found.out]

    unheard = (SILENT - {"statsd.logged"}) | old.unknown | old.kept
    assert set(found.ours) - unheard == {step for step, outcome in outcomes if outcome.startswith("KeyboardInterrupt(")}
