from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance.edits._edits import Edit, edit_of, find_edits
from aiprov.provenance.sources import UNCOMMITTED, CommitText, SomeLines
from aiprov_runtime._manifest import Generation

SHOP = "def total(prices):\n    return sum(prices)\n"
REDUCE = """

def reduce_price(price, percent):
    reduced = price - price * percent / 100
    if reduced < 0:
        return 0
    return reduced
"""
LINES = list(range(5, 10))
START = 1_793_613_600  # 2026-11-02T10:00:00Z, a minute before the first commit


def at(minute: float) -> Generation:
    seconds = int(minute * 60)
    when = datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Generation(model="anthropic/claude-opus-4-6", tool="claude-code", generated_at=when, evidence="transcript")


def adding(text: str, *, minute: float, path: str = "shop.py") -> Edit:
    made = edit_of(path, "", text, at(minute))
    assert made is not None
    return made


def find(work: Work, *edits: Edit) -> dict[str, SomeLines]:
    ids = work.git("rev-list", "--topo-order", "HEAD").split()
    return find_edits(Repository(work.root), edits, [CommitText(commit, "", "", None, "") for commit in ids])


def places(found: dict[str, SomeLines]) -> dict[tuple[str, str], list[int]]:
    return {(commit, path): list(lines) for commit, some in found.items() for path, lines in some.lines.items()}


def test_an_edit_is_found_in_the_commit_after_it(work: Work) -> None:
    work.human({"shop.py": SHOP})
    taken = work.human({"shop.py": SHOP + REDUCE})
    work.human({"shop.py": "# A shop\n" + SHOP + REDUCE})

    found = find(work, adding(REDUCE, minute=1.5))

    assert {(taken, "shop.py"): LINES} == places(found)
    line = found[taken].at("shop.py", 5)
    assert line is not None
    assert at(1.5)._replace(commit=taken) == line.generation


def test_a_commit_before_the_edit_did_not_take_it_in(work: Work) -> None:
    work.human({"shop.py": SHOP + REDUCE})

    assert find(work, adding(REDUCE, minute=30)) == {}


def test_a_clock_may_be_some_seconds_off(work: Work) -> None:
    taken = work.human({"shop.py": SHOP + REDUCE})

    assert [taken] == list(find(work, adding(REDUCE, minute=1.5)))


def test_work_that_is_not_committed_is_found(work: Work) -> None:
    work.human({"shop.py": SHOP})
    work.write("shop.py", SHOP + REDUCE)

    found = find(work, adding(REDUCE, minute=1.5))

    assert {(UNCOMMITTED, "shop.py"): LINES} == places(found)
    line = found[UNCOMMITTED].at("shop.py", 5)
    assert line is not None
    assert at(1.5) == line.generation


def test_an_edit_that_was_committed_is_not_looked_for_in_the_work_tree(work: Work) -> None:
    work.human({"shop.py": SHOP})
    taken = work.human({"shop.py": SHOP + REDUCE})
    work.write("shop.py", SHOP + REDUCE + REDUCE.replace("reduce_price", "reduce_again"))

    assert [taken] == list(find(work, adding(REDUCE, minute=1.5)))


def test_an_edit_that_two_commits_took_in_is_found_in_both(work: Work) -> None:
    other = REDUCE.replace("reduce", "raise").replace("percent", "per_mille")
    work.human({"shop.py": SHOP})
    one = work.human({"shop.py": SHOP + REDUCE})
    two = work.human({"shop.py": SHOP + REDUCE + other})

    found = places(find(work, adding(REDUCE + other, minute=1.5)))

    assert {(one, "shop.py"): LINES, (two, "shop.py"): [12, 13, 14, 15, 16]} == found


def test_a_commit_that_was_amended_after_the_edit_holds_it(work: Work) -> None:
    work.human({"shop.py": SHOP})
    work.write("shop.py", SHOP + REDUCE)
    work.git("add", "-A")
    env = {"GIT_COMMITTER_DATE": "2026-11-02T12:00:00Z"}
    work.git("commit", "-q", "--amend", "--no-edit", env=env)
    amended = work.git("rev-parse", "HEAD")

    assert [amended] == list(find(work, adding(REDUCE, minute=30)))


def test_a_rebased_commit_keeps_its_place_by_its_author_date(work: Work) -> None:
    work.human({"shop.py": SHOP})
    env = {"GIT_COMMITTER_DATE": "2026-11-02T12:00:00Z"}
    taken = work.commit("Take it in", {"shop.py": SHOP + REDUCE}, env=env)
    other = REDUCE.replace("reduce_price", "reduced_price")
    work.human({"shop.py": SHOP + REDUCE + other})

    assert taken in find(work, adding(REDUCE, minute=1.5))


def test_a_merge_that_mends_a_conflict_holds_the_edit_that_mended_it(work: Work) -> None:
    work.human({"shop.py": SHOP})
    work.git("checkout", "-q", "-b", "side")
    work.human({"shop.py": SHOP.replace("sum(prices)", "sum(prices) + 1")})
    work.git("checkout", "-q", "main")
    work.human({"shop.py": SHOP.replace("sum(prices)", "sum(prices) + 2")})
    work.git("merge", "-q", "--no-ff", "-s", "ours", "--no-commit", "side")
    mended = work.human({"shop.py": SHOP.replace("sum(prices)", "sum(prices, start=first_price)")})

    found = places(find(work, adding("    return sum(prices, start=first_price)\n", minute=3.5)))

    assert {(mended, "shop.py"): [2]} == found


def test_a_file_that_was_renamed_before_it_was_committed_is_found(work: Work) -> None:
    work.human({"shop.py": SHOP})
    work.git("mv", "shop.py", "store.py")
    taken = work.human({"store.py": SHOP + REDUCE})

    assert {(taken, "store.py"): LINES} == places(find(work, adding(REDUCE, minute=1.5)))


def test_a_file_that_was_moved_before_git_knew_it_is_found(work: Work) -> None:
    work.human()
    taken = work.human({"src/shop.py": SHOP + REDUCE})

    assert {(taken, "src/shop.py"): [1, 2, *LINES]} == places(find(work, adding(SHOP + REDUCE, minute=1.5)))


def test_edits_of_one_prompt_in_one_commit_are_one_act(work: Work) -> None:
    taken = work.human({"shop.py": SHOP + REDUCE})

    found = find(work, adding(SHOP, minute=0.5), adding(REDUCE, minute=0.8))

    assert {line.generation for line in found[taken].lines["shop.py"].values()} == {at(0.8)._replace(commit=taken)}


def test_lines_that_a_person_is_known_to_have_written_name_nobody(work: Work) -> None:
    taken = work.human({"shop.py": SHOP + REDUCE})
    edit = adding(REDUCE, minute=0.5)

    line = find(work, Edit(edit.path, edit.generation, edit.blocks, is_human=True))[taken].at("shop.py", 5)

    assert line is not None
    assert line.generation is None
    assert line.weight == 1.0


def test_an_edit_without_a_time_is_found_by_what_it_says(work: Work) -> None:
    taken = work.human({"shop.py": SHOP + REDUCE})
    edit = adding(REDUCE, minute=0)

    assert [taken] == list(find(work, Edit(edit.path, edit.generation._replace(generated_at=None), edit.blocks)))


def test_a_time_without_a_zone_may_be_hours_off(work: Work) -> None:
    taken = work.human({"shop.py": SHOP + REDUCE})
    edit = adding(REDUCE, minute=0)
    local = edit.generation._replace(generated_at="2026-11-02T18:00:00")

    assert [taken] == list(find(work, Edit(edit.path, local, edit.blocks)))


def test_names_that_would_confuse_git_are_found(work: Work) -> None:
    names = ["-rf.py", 'quo"te.py', "tab\there.py", "new\nline.py", "ünï.py", "--.py", "b/+++ b.py", ":(top)x.py"]
    taken = work.human(dict.fromkeys(names, REDUCE))

    found = places(find(work, *(adding(REDUCE, minute=0.5, path=name) for name in names)))

    assert {(taken, name): [3, 4, 5, 6, 7] for name in names} == found


def test_lines_that_look_like_a_diff_are_lines(work: Work) -> None:
    text = "++ b/other.py\n-- a/other.py\n@@ -1 +1 @@\n" + REDUCE
    taken = work.human({"shop.py": text})

    found = places(find(work, adding(REDUCE, minute=0.5), adding(REDUCE, minute=0.5, path="other.py")))

    assert {(taken, "shop.py"): [6, 7, 8, 9, 10]} == found


def test_settings_of_the_person_do_not_change_what_is_found(work: Work) -> None:
    for key in ("diff.noprefix", "diff.mnemonicPrefix", "diff.renames", "log.showSignature"):
        work.git("config", key, "true")
    work.human({"shop.py": SHOP})
    work.write("shop.py", SHOP + REDUCE)

    assert {(UNCOMMITTED, "shop.py"): LINES} == places(find(work, adding(REDUCE, minute=1.5)))


def test_a_repository_without_commits_has_nothing(work: Work) -> None:
    assert find_edits(Repository(work.root), [adding(REDUCE, minute=0.5)], []) == {}


def test_thousands_of_edits_and_commits_take_seconds(work: Work) -> None:
    stream, edits = _long_history(commits=3000, files=50)
    work.git("fast-import", "--quiet", data=stream)
    started = time.perf_counter()

    found = find(work, *edits)

    assert sum(len(lines) for some in found.values() for lines in some.lines.values()) == 3000 * 3
    assert time.perf_counter() - started < 20


def _long_history(*, commits: int, files: int) -> tuple[bytes, Sequence[Edit]]:
    parts: list[str] = []
    edits: list[Edit] = []
    texts = [""] * files
    for number in range(commits):
        path, when = f"pkg/file{number % files}.py", START + number * 60
        block = (
            f"def function_{number}(argument):\n    value_{number} = argument * {number}\n    return value_{number}\n"
        )
        edits.append(adding(block, minute=number, path=path))
        texts[number % files] += block
        data = texts[number % files]
        parts.append(
            f"commit refs/heads/main\nauthor A <a@example.com> {when} +0000\ncommitter A <a@example.com> {when} +0000\n"
            f"data 1\nx\nM 100644 inline {path}\ndata {len(data)}\n{data}\n"
        )
    return "".join(parts).encode(), edits
