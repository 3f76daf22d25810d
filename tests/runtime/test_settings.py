from __future__ import annotations

from pathlib import Path

import pytest

from aiprov_runtime import _settings
from aiprov_runtime._settings import SETTINGS, Settings, resolve

DEFAULTS = Settings(None, "", False, None, 16_000_000, 4, None, None)  # noqa: FBT003  # the row of defaults


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


def test_the_environment_is_the_process_one_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIPROV_SINK_FILES", "9")

    assert 9 == _settings.resolve({})[0].sink_files
