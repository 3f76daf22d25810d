from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from aiprov.provenance.edits._edits import Edit, added_blocks, digests, edit_of, line_digest
from aiprov_runtime._manifest import Generation

BY_MODEL = Generation(model="anthropic/claude-opus-4-6", generated_at="2026-11-02T10:00:00Z")
TEXTS = st.lists(st.sampled_from(["a = 1", "b = 2", "", "    a = 1", "return a"])).map("\n".join)


def test_a_line_is_the_same_whatever_its_white_space() -> None:
    assert line_digest("\tif a:  \r") == line_digest("        if  a:")


def test_a_blank_line_has_no_digest() -> None:
    assert line_digest(" \t\r") == b""


def test_half_of_a_surrogate_pair_has_a_digest() -> None:
    assert len(line_digest("'\ud83d'")) == 8


def test_lines_that_an_edit_repeats_are_left_out() -> None:
    before = "def total(prices):\n    return sum(prices)\n"
    after = "def total(prices):\n    found = sum(prices)\n    log(found)\n    return found\n"

    blocks = (tuple(digests("found = sum(prices)\nlog(found)\nreturn found")),)

    assert edit_of("shop.py", before, after, BY_MODEL) == Edit("shop.py", BY_MODEL, blocks)


def test_two_changes_are_two_blocks() -> None:
    before = "import os\n\n\ndef a():\n    pass\n"
    after = "import os\nimport sys\n\n\ndef a():\n    pass\n\n\ndef b():\n    pass\n"

    assert [digests("import sys"), digests("def b():\npass")] == added_blocks(before, after)


def test_an_edit_that_only_indents_adds_nothing() -> None:
    assert edit_of("shop.py", "a = 1\nb = 2\n", "    a = 1\n    b = 2\n", BY_MODEL) is None


def test_an_edit_that_only_takes_away_adds_nothing() -> None:
    assert edit_of("shop.py", "a = 1\nb = 2\n", "a = 1\n", BY_MODEL) is None


@given(TEXTS, TEXTS)
def test_what_was_added_stands_in_the_new_text(before: str, after: str) -> None:
    added = [digest for block in added_blocks(before, after) for digest in block]

    assert len(added) >= len(digests(after)) - len(digests(before))
    assert set(added) <= set(digests(after))


def test_texts_of_very_many_lines_are_compared_in_time() -> None:
    chosen = random.Random(1)
    before = "\n".join(str(chosen.random()) for _ in range(30_000))
    after = "\n".join([*reversed(before.split("\n")), "added = True"])
    started = time.perf_counter()

    blocks = added_blocks(before, after)

    assert [digests("added = True")] == blocks
    assert time.perf_counter() - started < 10
