from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiprov.cli import app
from aiprov_runtime._settings import SETTINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def settings_table() -> str:
    rows = ["| argument | environment | default | |", "|---|---|---|---|"]
    for setting in SETTINGS:
        names = ", ".join(f"`{name}`" for name in setting.env)
        default = "" if setting.default in (None, "") else f"`{setting.default}`"
        argument = f"`{setting.name}`" if setting.name in ARGUMENTS else ""
        rows.append(f"| {argument} | {names} | {default} | {setting.help} |")
    return "\n".join(rows)


ARGUMENTS = {"manifest", "path_map", "sink", "release", "environment", "logs", "track", "track_sample"}


def test_the_settings_table_is_the_settings() -> None:
    shown = README.partition("<!-- settings -->\n")[2].partition("\n<!-- /settings -->")[0]

    assert settings_table() == shown


@pytest.mark.parametrize(
    "verb", [command.name or command.callback.__name__ for command in app.registered_commands if not command.hidden]
)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert f"aiprov {verb}" in README or f"make {verb}" in README


def test_the_readme_stays_one_read() -> None:
    assert len(README.splitlines()) <= 200


def test_every_path_in_the_readme_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    code = re.findall(r"^\| `((?:src|integrations)/[\w/]+)`", README, re.MULTILINE)

    assert [] == [path for path in [*links, *code] if not (ROOT / path).exists()]


@pytest.mark.parametrize(
    "integration", sorted((ROOT / "integrations").glob("*/pyproject.toml")), ids=lambda p: p.parent.name
)
def test_every_distribution_carries_the_license(integration: Path) -> None:
    assert (ROOT / "LICENSE").read_text("utf-8") == (integration.parent / "LICENSE").read_text("utf-8")
    assert 'license-files = ["LICENSE"]' in integration.read_text("utf-8")
