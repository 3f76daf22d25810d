from __future__ import annotations

from aiprov.provenance.edits._edits import digests, edit_of_blocks
from aiprov.provenance.edits._match import ENOUGH, ENOUGH_DAYS_LATER, ENOUGH_LATER, Added, AddedLine, Sought
from aiprov_runtime._manifest import Generation

REDUCE = """
def reduce_price(price, percent):
    reduced = price - price * percent / 100
    if reduced < 0:
        return 0
    return reduced
"""


def edit(*blocks: str, by: str = "a") -> Sought:
    made = edit_of_blocks("shop.py", [digests(block) for block in blocks], Generation(tool=by))
    assert made is not None
    return Sought(made)


def added(*hunks: str) -> Added:
    """Hunks that stand far from each other; lines are numbered from 1 with a hundred lines between hunks."""
    lines: list[AddedLine] = []
    number = 0
    for index, hunk in enumerate(hunks):
        for text in hunk.strip("\n").split("\n"):
            number += 1
            if text.strip():
                lines.append(AddedLine(number, text, index))
        number += 100
    return Added(lines)


def found(target: Added, *edits: Sought, enough: int = ENOUGH) -> dict[int, str | None]:
    target.match(edits, enough=[enough] * len(edits))
    return {line: one.generation.tool for line, one in sorted(target.writers.items())}


def test_a_block_is_found_whole() -> None:
    assert found(added("import os", REDUCE), edit(REDUCE)) == dict.fromkeys(range(102, 107), "a")


def test_what_is_left_of_a_block_is_found() -> None:
    changed = REDUCE.replace("if reduced < 0", "if reduced <= 0.0")

    assert found(added(changed), edit(REDUCE)) == dict.fromkeys((1, 2, 4, 5), "a")


def test_another_indentation_is_the_same_line() -> None:
    assert found(added(REDUCE.replace("    ", "\t\t")), edit(REDUCE)) == dict.fromkeys(range(1, 6), "a")


def test_lines_that_anybody_would_write_are_no_find() -> None:
    short = edit(")", "return None", "else:\n    return None", "import os")

    assert found(added(")", "return None", "else:\n    return None", "import os"), short, enough=ENOUGH_LATER) == {}


def test_one_line_is_found_in_the_first_commit_and_is_too_little_for_a_later_one() -> None:
    line = edit(REDUCE)

    assert found(added("    reduced = price - price * percent / 100"), line) == {1: "a"}
    assert found(added("    reduced = price - price * percent / 100"), edit(REDUCE), enough=ENOUGH_LATER) == {}


def test_some_lines_are_too_little_for_a_commit_days_later() -> None:
    assert found(added(REDUCE), edit(REDUCE), enough=ENOUGH_DAYS_LATER) == {}
    assert len(found(added(REDUCE * 4), edit(REDUCE * 4), enough=ENOUGH_DAYS_LATER)) == 20


def test_a_block_is_found_in_a_later_commit() -> None:
    assert found(added(REDUCE), edit(REDUCE), enough=ENOUGH_LATER) == dict.fromkeys(range(1, 6), "a")


def test_keywords_prove_nothing_even_in_the_first_commit() -> None:
    assert found(added("return None"), edit("return None")) == {}


def test_a_short_block_is_found_in_the_first_commit() -> None:
    assert found(added("timeout = 30"), edit("timeout = 30")) == {1: "a"}


def test_a_short_block_that_stands_twice_is_not_found() -> None:
    assert found(added("timeout = 30", "timeout = 30"), edit("timeout = 30")) == {}


def test_part_of_a_short_block_is_not_found() -> None:
    assert found(added("timeout = 30"), edit("timeout = 30\nretry = 2")) == {}


def test_a_short_block_is_found_beside_a_long_one_of_the_same_edit() -> None:
    assert found(added("import os", REDUCE), edit("import os", REDUCE))[1] == "a"


def test_a_copy_of_an_edit_is_nobodys() -> None:
    assert found(added(REDUCE, REDUCE), edit(REDUCE)) == {}


def test_copies_are_found_where_edits_account_for_all_of_them() -> None:
    assert list(found(added(REDUCE, REDUCE), edit(REDUCE), edit(REDUCE))) == [*range(1, 6), *range(106, 111)]


def test_of_two_edits_on_one_line_the_last_one_wrote_it() -> None:
    older, newer = edit(REDUCE, by="older"), edit("    reduced = price - price * percent / 100", by="newer")

    assert found(added(REDUCE), newer, older) == {1: "older", 2: "newer", 3: "older", 4: "older", 5: "older"}


def test_the_same_code_elsewhere_in_other_order_is_not_one_run() -> None:
    one, other = "alpha_value = 1", "beta_value = 2"

    assert found(added(other, one), edit(f"{one}\n{other}")) == {}


def test_a_line_that_stands_a_thousand_times_costs_no_time() -> None:
    many = "\n".join(["x = y", ")"] * 2000)

    assert len(found(added(many, REDUCE), *(edit(many, REDUCE) for _ in range(5)))) == 5
