from __future__ import annotations

from pathlib import Path

import pytest

from aiprov_runtime import _settings
from aiprov_runtime._settings import SETTINGS, Settings, resolve

DEFAULTS = Settings(None, "", False, None, 16_000_000, 4, None, None, 32, False, False, 0.01, 50)  # noqa: FBT003


def test_defaults():
    assert (DEFAULTS, []) == resolve({}, {})
    assert [setting.name for setting in SETTINGS] == list(Settings._fields)


def test_an_argument_beats_the_environment():
    environ = {"AIPROV_MANIFEST": "env.yaml", "AIPROV_RELEASE": "1", "AIPROV_SINK": "env"}
    settings, problems = resolve({"manifest": Path("arg.yaml"), "sink": "arg", "release": None}, environ)

    assert ("arg.yaml", "arg", "1", []) == (settings.manifest, settings.sink, settings.release, problems)


def test_the_first_variable_that_is_set_counts():
    assert "ours" == resolve({}, {"DD_VERSION": "dd", "SENTRY_RELEASE": "s", "AIPROV_RELEASE": "ours"})[0].release
    assert "s" == resolve({}, {"DD_VERSION": "dd", "SENTRY_RELEASE": "s", "AIPROV_RELEASE": ""})[0].release
    assert "prod" == resolve({}, {"DD_ENV": "prod"})[0].environment


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("no", False), ("False", False)],
)
def test_switches(raw: str, expected):
    assert (DEFAULTS._replace(disabled=expected), []) == resolve({}, {"AIPROV_DISABLED": raw})


@pytest.mark.parametrize("raw", ["maybe", "2", " true"])
def test_a_switch_that_is_neither_is_named(raw: str):
    assert (DEFAULTS, ["AIPROV_DISABLED is ignored: use true or false"]) == resolve({}, {"AIPROV_DISABLED": raw})


@pytest.mark.parametrize("raw", ["0", "-1", "1.5", "1e6", "x", "²", "9" * 16, "1_000", " 1"])
def test_a_number_that_is_none_is_named(raw: str):
    settings, problems = resolve({}, {"AIPROV_SINK_BYTES": raw})

    assert 16_000_000 == settings.sink_bytes
    assert ["AIPROV_SINK_BYTES is ignored: not a whole number above 0"] == problems


@pytest.mark.parametrize(("raw", "expected"), [("0", 0.0), ("0.25", 0.25), ("1", 1.0), (".5", 0.5)])
def test_a_share(raw: str, expected: float):
    assert (DEFAULTS._replace(track_sample=expected), []) == resolve({}, {"AIPROV_TRACK_SAMPLE": raw})


@pytest.mark.parametrize("raw", ["1.1", "-0.1", "nan", "inf", "1e-3", "x", "²", "1.2.3"])
def test_a_share_that_is_none_is_named(raw: str):
    problem = "AIPROV_TRACK_SAMPLE is ignored: not a share between 0 and 1"

    assert (DEFAULTS, [problem]) == resolve({}, {"AIPROV_TRACK_SAMPLE": raw})


def test_the_environment_is_the_process_one_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIPROV_SINK_FILES", "9")

    assert 9 == _settings.resolve({})[0].sink_files
