from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import CLAUDE, CODEX, Work

from aiprov.git import Repository
from aiprov.provenance.lines._commits import read_texts
from aiprov.provenance.lines._squash import aligned, bridged
from aiprov.provenance.sources import UNTRACKED, Line, LineEvidence
from aiprov.provenance.sources.git_ai import GitAi
from aiprov.provenance.sources.trailers import Trailers

BASE = "import math\n\n\ndef area(radius):\n    return math.pi * radius**2\n"
TOTAL = "\n\ndef total(prices):\n    result = sum(prices)\n    return round(result, 2)\n"
MEAN = "\n\ndef mean(prices):\n    return total(prices) / len(prices)\n"


def carried(work: Work, source: GitAi | Trailers | None = None) -> dict[str, LineEvidence]:
    repository = Repository(work.root)
    source = source or Trailers()
    texts = list(read_texts(repository, work.git("rev-list", "HEAD").split()))
    own = source.read(repository, texts).evidence
    return bridged(repository, texts, own, lambda theirs: source.read(repository, theirs).evidence)


def models(evidence: LineEvidence, path: str, count: int) -> str:
    """One letter a line: o for opus, c for Codex, h for a person, ? for nobody's, a dot where nothing is said."""

    def letter(line: Line | None) -> str:
        if line is None or line == UNTRACKED:
            return "." if line is None else "?"
        if line.generation is None:
            return "h"
        return "c" if line.generation.tool == "codex" else "o"

    return "".join(letter(evidence.at(path, number)) for number in range(1, count + 1))


def on_branch(work: Work, *steps: tuple[str, str]) -> None:
    """Commits that each add a text to a.py, on a branch of their own; main stays where it was."""
    work.git("checkout", "-q", "-b", "topic")
    for message, text in steps:
        work.commit(message, {"a.py": (work.root / "a.py").read_text() + text})
    work.git("checkout", "-q", "main")


def squash(work: Work, subject: str, *, request: int | None = None) -> str:
    """As a server does it; the branch is deleted, and only the request's head is left."""
    work.git("merge", "-q", "--squash", "topic")
    if request:
        work.git("update-ref", f"refs/pull/{request}/head", "topic")
        work.git("branch", "-q", "-D", "topic")
    return work.commit(subject)


@pytest.fixture
def begun(work: Work) -> Work:
    work.human({"a.py": BASE})
    return work


def test_lines_of_a_squash_are_those_of_the_requests_commits(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), (f"Mean\n\n{CODEX}\n", MEAN))
    merged = squash(begun, f"Prices (#7)\n\n{CLAUDE}\n{CODEX}\n", request=7)

    found = carried(begun)

    assert [merged] == list(found)
    # The first two lines of TOTAL are blank, and so are those of MEAN.
    assert "ooooocccc" == models(found[merged], "a.py", 14)[5:]
    line = found[merged].at("a.py", 8)
    assert line is not None
    assert line.generation is not None
    assert merged == line.generation.commit
    assert "2026-11-02T10:02:00Z" == line.generation.generated_at


def test_a_line_of_a_commit_that_is_not_marked_is_nobodys_though_the_squash_is_marked(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), ("Mean by hand\n", MEAN))
    merged = squash(begun, f"Prices (#7)\n\n{CLAUDE}\n", request=7)

    assert "ooooo????" == models(carried(begun)[merged], "a.py", 14)[5:]


def test_a_squash_that_says_nothing_learns_from_its_branch_and_no_more(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), ("Mean by hand\n", MEAN))
    merged = squash(begun, "Prices (#7)", request=7)

    assert "ooooo...." == models(carried(begun)[merged], "a.py", 14)[5:]


@pytest.mark.parametrize(
    ("ref", "subject"),
    [
        ("refs/pull/7/head", "Prices (#7)"),
        ("refs/remotes/origin/pull/7/head", "Prices (#7)"),
        ("refs/remotes/upstream/pr/7", "Prices (#7)"),
        ("refs/merge-requests/7/head", "Prices (!7)"),
        ("refs/remotes/origin/merge-requests/7", "Prices (!7)"),
    ],
)
def test_requests_are_known_by_every_servers_refs(begun: Work, ref, subject):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.git("update-ref", ref, "topic")
    begun.git("branch", "-q", "-D", "topic")
    begun.human({"a.py": BASE + "\n\nX = 1\n"})  # so that the file is not the same one
    merged = begun.commit(subject, {"a.py": BASE + TOTAL + "\n\nX = 1\n"})

    assert "ooo" == models(carried(begun)[merged], "a.py", 13)[7:10]


def test_a_file_that_main_has_changed_meanwhile_is_aligned_line_by_line(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.human({"a.py": "'''Geometry'''\n\n" + BASE})
    merged = squash(begun, "Prices (#7)", request=7)

    assert ".......ooooo" == models(carried(begun)[merged], "a.py", 12)


def test_another_requests_number_does_not_lend_its_evidence(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.git("update-ref", "refs/pull/7/head", "topic")
    begun.git("branch", "-q", "-D", "topic")
    other = begun.commit("Taken over from upstream (#7)", {"a.py": BASE + MEAN})

    assert "." * 9 == models(carried(begun)[other], "a.py", 9)


def test_a_rebased_commit_is_known_by_author_time_and_subject(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.human({"b.py": "x = 1\n"})
    begun.git("checkout", "-q", "topic")
    annotate(begun, begun.git("rev-parse", "HEAD"), "a.py\n  s_1::t_1 8-9\n")
    begun.git("rebase", "-q", "main")
    begun.git("branch", "-q", "-f", "main")

    (found,) = carried(begun, GitAi()).values()

    assert ".....??oo?" == models(found, "a.py", 10)


def annotate(work: Work, commit: str, attested: str) -> None:
    session = {"agent_id": {"tool": "claude", "id": "x", "model": "claude-opus-4-6"}}
    metadata = {"schema_version": "authorship/3.0.0", "sessions": {"s_1": session}, "prompts": {}}
    blob = work.git("hash-object", "-w", "--stdin", data=f"{attested}---\n{json.dumps(metadata)}".encode())
    work.git("notes", "--ref=ai", "add", "-f", "-C", blob, commit)


def test_a_merge_on_the_branch_may_have_changed_lines(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.human({"b.py": "x = 1\n"})
    begun.git("checkout", "-q", "topic")
    begun.git("merge", "-q", "--no-commit", "main")
    begun.human({"a.py": BASE + TOTAL.replace("result, 2", "result, 3")})
    begun.git("checkout", "-q", "main")
    merged = squash(begun, f"Prices (#7)\n\n{CODEX}\n", request=7)

    assert "oooo?" == models(carried(begun)[merged], "a.py", 10)[5:]


def test_lines_of_a_file_that_the_branch_renamed_are_not_the_renamers(begun: Work):
    begun.git("checkout", "-q", "-b", "topic")
    begun.git("mv", "a.py", "b.py")
    begun.commit(f"Rename\n\n{CLAUDE}\n", {"b.py": BASE + "\nX = 1\n"})
    begun.git("checkout", "-q", "main")
    merged = squash(begun, "Prices (#7)", request=7)

    assert ".....oo" == models(carried(begun)[merged], "b.py", 7)


def test_a_local_squash_without_a_number_is_known_by_its_files(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), ("Mean by hand\n", MEAN))
    merged = squash(begun, "Prices")

    assert "ooooo...." == models(carried(begun)[merged], "a.py", 14)[5:]


def test_where_the_request_is_known_a_copy_of_its_work_proves_nothing(begun: Work):
    on_branch(begun, (f"Copy\n\n{CLAUDE}\n", TOTAL))
    begun.git("branch", "-q", "-m", "topic", "copy")
    on_branch(begun, ("Total\n", TOTAL))
    merged = squash(begun, "Prices (#7)", request=7)

    assert merged not in carried(begun)


def test_files_that_agree_in_part_only_are_no_proof(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL))
    begun.git("checkout", "topic", "--", "a.py")
    begun.human({"b.py": "x = 1\n", "c.py": "y = 1\n"})

    assert {} == carried(begun)


def test_a_branch_that_took_over_code_of_main_lends_it_nothing(begun: Work):
    begun.git("checkout", "-q", "-b", "older")
    begun.ai({"b.py": MEAN})
    begun.git("checkout", "-q", "main")
    begun.human({"a.py": BASE + TOTAL})
    begun.git("checkout", "-q", "-b", "topic", "HEAD~1")
    begun.commit(f"Copy\n\n{CLAUDE}\n", {"a.py": BASE + TOTAL})
    begun.git("checkout", "-q", "main")

    assert {} == carried(begun)


def test_candidates_that_contradict_each_other_say_nothing(begun: Work):
    for name, trailer in (("one", CLAUDE), ("two", CODEX)):
        begun.git("checkout", "-q", "-b", name, "main")
        begun.commit(f"Total\n\n{trailer}\n", {"a.py": BASE + TOTAL})
    begun.git("checkout", "-q", "main")
    merged = begun.commit("Prices", {"a.py": BASE + TOTAL})

    assert "....." == models(carried(begun)[merged], "a.py", 10)[5:]


def test_notes_on_a_branch_reach_the_squash_line_by_line(begun: Work):
    on_branch(begun, ("Total\n", TOTAL), ("Mean\n", MEAN))
    annotate(begun, begun.git("rev-parse", "topic~1"), "a.py\n  s_1::t_1 8\n  h_2 9-10\n")
    merged = squash(begun, "Prices (#7)", request=7)

    found = carried(begun, GitAi())[merged]

    assert "??ohh...." == models(found, "a.py", 14)[5:]


def test_notes_on_commits_that_no_ref_reaches_are_found(begun: Work):
    on_branch(begun, ("Total\n", TOTAL))
    annotate(begun, begun.git("rev-parse", "topic"), "a.py\n  s_1::t_1 8-10\n")
    merged = squash(begun, "Prices")
    begun.git("branch", "-q", "-D", "topic")

    assert "??ooo" == models(carried(begun, GitAi())[merged], "a.py", 10)[5:]


def test_a_branch_that_says_what_its_squash_says_is_left_alone(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), (f"Mean\n\n{CLAUDE}\n", MEAN))
    squash(begun, f"Prices (#7)\n\n{CLAUDE}\n", request=7)

    assert {} == carried(begun)


def test_a_commit_with_lines_of_its_own_needs_no_branch(begun: Work):
    on_branch(begun, ("Total\n", TOTAL))
    annotate(begun, begun.git("rev-parse", "topic"), "a.py\n  s_1::t_1 8-10\n")
    merged = squash(begun, "Prices (#7)", request=7)
    annotate(begun, merged, "a.py\n  h_2 8-10\n")

    assert {} == carried(begun, GitAi())


def test_a_scan_takes_models_from_the_branch_of_a_squash(begun: Work):
    on_branch(begun, (f"Total\n\n{CLAUDE}\n", TOTAL), ("Mean by hand\n", MEAN))
    squash(begun, f"Prices (#7)\n\n{CLAUDE}\n", request=7)

    assert {"a.py::total": "ai"} == begun.marks()


def test_hostile_names_of_refs_and_files_are_borne(begun: Work):
    name = 'new\nline "and" -rf\t\u202e.py'
    begun.git("checkout", "-q", "-b", "topic")
    begun.commit(f"Total\n\n{CLAUDE}\n", {name: TOTAL, "a.py": BASE + TOTAL})
    begun.git("checkout", "-q", "main")
    merged = squash(begun, "Prices (#99999999999999999999)")

    assert "ooooo" == models(carried(begun)[merged], "a.py", 10)[5:]


def align(mine: str, theirs: str) -> dict[int, int]:
    return aligned(
        [b"line number " + c.encode() if c != "}" else b"}" for c in mine],
        [b"line number " + c.encode() if c != "}" else b"}" for c in theirs],
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("abc", "abc", {1: 1, 2: 2, 3: 3}),
        ("xabc", "abc", {2: 1, 3: 2, 4: 3}),
        ("bca", "abc", {1: 2, 2: 3, 3: 1}),
        ("aab", "ab", {3: 2}),
        ("a}b}", "a}b}", {1: 1, 2: 2, 3: 3, 4: 4}),
        ("a}b", "a}c}b", {1: 1, 3: 5}),
        ("}}", "}}", {1: 1, 2: 2}),
        ("}}", "}}}", {}),
        ("a}}", "a}", {1: 1}),
        ("", "abc", {}),
    ],
)
def test_lines_are_aligned_where_there_is_one_way_to(mine, theirs, expected):
    assert expected == align(mine, theirs)


@given(st.text("abc}", max_size=12), st.text("abc}", max_size=12))
def test_aligned_lines_are_equal_and_each_is_used_for_one(mine, theirs):
    found = align(mine, theirs)

    assert all(mine[here - 1] == theirs[there - 1] for here, there in found.items())
    assert align(mine, mine).items() <= {n: n for n in range(1, len(mine) + 1)}.items()
