from __future__ import annotations

import pytest
import typer

from aiprov.cli import app

COMMANDS = typer.main.get_command(app).commands
OPTIONS = [(verb, param) for verb, command in COMMANDS.items() for param in command.params]


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_says_in_one_line_what_it_does(verb: str) -> None:
    said = COMMANDS[verb].help or ""

    assert said
    assert "\n" not in said
    assert len(said) <= 120


@pytest.mark.parametrize(("verb", "param"), OPTIONS, ids=[f"{verb} {param.name}" for verb, param in OPTIONS])
def test_every_option_says_in_one_line_what_it_is_for(verb: str, param: object) -> None:
    said = getattr(param, "help", None) or ""

    assert said, f"aiprov {verb}: {param}"
    assert "\n" not in said
    assert len(said) <= 120
