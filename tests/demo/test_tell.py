"""What the demo prints fits a terminal and a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from aiprov.demo import Aloud
from aiprov.demo._tell import folded


def plain(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_steps_are_numbered():
    console = plain()
    tell = Aloud(console)
    tell.step("first")
    tell.say("so", "")
    tell.step("second")

    assert text(console) == "\n1  first\n   so\n\n\n2  second\n"


def test_facts_are_aligned_and_cut_at_the_edge():
    console = plain(width=30)
    Aloud(console).facts([("model", "short"), ("prompt_hash", "sha256:0123456789abcdef")])

    assert text(console).splitlines() == ["   model        short", "   prompt_hash  sha256:012345…"]


def test_what_a_stranger_wrote_cannot_steer_the_terminal():
    console = plain()
    tell = Aloud(console)
    tell.facts([("model", "a\u202eb")])
    tell.say("a\u202eb")
    tell.quote("git diff", "a\u202eb")

    assert "\u202e" not in text(console)


def test_bars_are_drawn_against_the_largest():
    console = plain(width=40)
    Aloud(console).bars([("a", "1%", 0.01), ("b", "4%", 0.04), ("c", "0%", 0.0)])

    lengths = [line.count("#") + line.count("█") for line in text(console).splitlines()]
    assert lengths[1] > lengths[0] > lengths[2] == 0
    assert all(len(line) <= 40 for line in text(console).splitlines())


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_long_command_is_folded_where_a_shell_continues_it(width):
    command = "aiprov spike ../errors.jsonl --release v1.2.0 --baseline-release v1.1.0 --exposure incident=1500"

    lines = folded(command, width=width)

    assert all(len(line) <= width for line in lines)
    assert " ".join(line.removesuffix(" \\").strip() for line in lines) == f"$ {command}"
    assert all(line.endswith(" \\") for line in lines[:-1])
