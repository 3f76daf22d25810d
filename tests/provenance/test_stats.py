from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provenance._work import CLAUDE, CODEX, Work

from aiprov.cli import run
from aiprov.git import Repository
from aiprov.provenance import Range, Shares, parse_range, stats, write_manifest
from aiprov.provenance.ask._stats import apportion, shares_of_file
from aiprov.provenance.lines._code import Code
from aiprov.provenance.sources import UNTRACKED, Line
from aiprov.report.stats import percent
from aiprov_runtime._manifest import Generation, Manifest, Record

OPUS = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", evidence="trailers", commit="1" * 40)
HELD = Generation(model="openai/o3", tool="codex", evidence="record")
F = "def f(a):\n    return a + 1\n"
G = "def g(a):\n    return a + 2\n"


def numbers(shares: Shares) -> tuple[int, int, int, int]:
    return shares.ai_lines, shares.human_lines, shares.unknown_lines, shares.total_lines


def functions(shares: Shares) -> dict[str, int]:
    return dict(shares.functions)


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 1000), max_size=8))
def test_apportioned_numbers_add_up_and_stay_next_to_their_weights(weights):
    total = round(sum(weights.values()))
    found = apportion(weights, total)

    assert total == sum(found.values())
    assert all(abs(found[key] - weight) < 1.0001 for key, weight in weights.items())


def test_a_line_of_less_weight_counts_that_much_rounded_once():
    said = dict.fromkeys(range(1, 6), Line(OPUS, 0.3)) | {6: Line(None, 0.5), 7: UNTRACKED}

    assert (2, 0, 6, 8) == numbers(shares_of_file(said, range(1, 9)))


def test_models_and_tools_add_up_to_the_lines_by_models():
    said = {1: Line(OPUS, 0.5), 2: Line(HELD, 0.5), 3: Line(Generation(models=("a/b", "c/d"))), 4: Line(Generation())}
    found = shares_of_file(said, range(1, 5))

    assert {"a/b or c/d": 1, "unknown": 1} == {
        name: work.ai_lines
        for name, work in found.models.items()
        if name not in ("openai/o3", "anthropic/claude-opus-4-6")
    }
    assert found.ai_lines == sum(one.ai_lines for one in found.models.values())
    assert found.ai_lines == sum(one.ai_lines for one in found.tools.values())


def held(contributor: str, share: float | None, *made: Generation, code_hash: str | None = None) -> Manifest:
    code_hash = code_hash or Code(F.encode()).code_hash("f")
    record = Record(contributor, made[0].id if made else None, share, code_hash, tuple(one.id for one in made[1:]))
    return Manifest({one.id: one for one in made}, {"f.py": {"f": record}})


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (held("ai", 0.97, HELD), (2, 0, 1, 3)),
        (held("mixed", 0.5, HELD), (1, 0, 2, 3)),
        (held("mixed", None, HELD), (0, 0, 3, 3)),
        (held("human", 0.0), (0, 2, 1, 3)),
        (held("unknown", None), (0, 0, 3, 3)),
        (held("ai", 1.0, HELD, code_hash="0" * 16), (0, 0, 3, 3)),
    ],
)
def test_a_record_that_no_line_bears_out_speaks_for_its_lines_while_it_fits(manifest, expected):
    found = shares_of_file({}, range(1, 4), code=Code(f"{F}x = 1\n".encode()), path="f.py", manifest=manifest)

    assert expected == numbers(found)


def test_a_record_made_from_lines_leaves_the_word_to_them():
    manifest = held("mixed", 0.5, OPUS)
    found = shares_of_file({2: Line(OPUS)}, range(1, 3), code=Code(F.encode()), path="f.py", manifest=manifest)

    assert ((1, 0, 1, 2), {"mixed": 1}) == (numbers(found), functions(found))


def test_a_record_of_a_person_made_from_lines_leaves_the_word_to_them():
    said = {1: Line(None)}
    found = shares_of_file(said, range(1, 3), code=Code(F.encode()), path="f.py", manifest=held("human", None))

    assert ((0, 1, 1, 2), {"human": 1}) == (numbers(found), functions(found))


def test_a_stale_record_counts_as_unknown_and_is_told():
    manifest = held("ai", 1.0, HELD, code_hash="0" * 16)
    found = shares_of_file({}, range(1, 3), code=Code(F.encode()), path="f.py", manifest=manifest)

    assert ({"unknown": 1}, 1, {}) == (functions(found), found.stale, found.models)


def test_functions_count_where_a_line_of_theirs_does():
    source = f"import os\n\n\n{F}\n\n{G}"
    code = Code(source.encode())

    def of(*lines: int) -> int:
        return shares_of_file({}, lines, code=code).functions.total()

    assert [3, 1, 0, 1, 2] == [of(*range(1, 10)), of(1), of(2, 3), of(5), of(4, 8)]


@pytest.fixture
def shop(work: Work) -> Work:
    """Four commits: a person's, tagged v1; a model's; a person's; another model's."""
    work.human({"f.py": F, "notes.md": "one\ntwo"})
    work.git("tag", "v1")
    work.ai({"g.py": G, "notes.md": "one\ntwo\nthree\n"})
    work.human({"g.py": G.replace("2", "3")})
    work.ai({"style.css": "a {}\n"}, trailer=CODEX)
    return work


def of(work: Work, text: str = "") -> dict[str, tuple[int, int, int, int]]:
    repository = Repository(work.root)
    asked = parse_range(text, repository) if text else Range()
    assert asked is not None
    return {path: numbers(shares) for path, shares in stats(repository, asked).files.items()}


def test_lines_of_every_text_file_by_who_wrote_them(shop: Work):
    assert {"f.py": (0, 0, 2, 2), "g.py": (1, 0, 1, 2), "notes.md": (1, 0, 2, 3), "style.css": (1, 0, 0, 1)} == of(shop)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("v1..HEAD", {"g.py": 2, "notes.md": 1, "style.css": 1}),
        ("v1..", {"g.py": 2, "notes.md": 1, "style.css": 1}),
        ("v1...HEAD", {"g.py": 2, "notes.md": 1, "style.css": 1}),
        ("HEAD~1..HEAD", {"style.css": 1}),
        ("..v1", {}),
        ("HEAD..HEAD", {}),
        ("v1", {"f.py": 2, "notes.md": 2}),
        ("HEAD~2..HEAD~1", {"g.py": 1}),
    ],
)
def test_a_range_is_what_came_in_after_its_beginning(shop: Work, text, paths):
    assert paths == {path: counts[3] for path, counts in of(shop, text).items()}


@pytest.mark.parametrize("since", ["v1", "HEAD~1", "HEAD~2"])
def test_lines_of_a_range_and_of_before_it_are_all_lines(shop: Work, since):
    repository = Repository(shop.root)
    commits = {repository.resolve(since), *shop.git("rev-list", since).split()}
    whole, later = of(shop, "HEAD"), of(shop, f"{since}..HEAD")
    before = sum(
        line[:40] in commits
        for path in whole
        for line in shop.git("blame", "-w", "-M", "--line-porcelain", "HEAD", "--", path).splitlines()
        if line[40:41] == " "
    )

    assert sum(counts[3] for counts in whole.values()) == before + sum(counts[3] for counts in later.values())


def test_a_side_branch_counts_where_its_lines_came_in(work: Work):
    work.human({"f.py": F})
    work.git("checkout", "-q", "-b", "side")
    work.ai({"g.py": G})
    work.git("checkout", "-q", "-")
    work.human({"f.py": F + "x = 1\n"})
    work.git("tag", "main1")
    work.git("merge", "-q", "--no-ff", "-m", "merge", "side")

    assert {"g.py": (2, 0, 0, 2)} == of(work, "main1..HEAD") == of(work, "main1...side")
    assert {"f.py": (0, 0, 1, 1)} == of(work, "side..HEAD")


def test_what_a_merge_itself_wrote_came_in_with_it(work: Work):
    work.human({"f.txt": "one\n"})
    work.git("checkout", "-q", "-b", "side")
    work.human({"f.txt": "one\nside\n"})
    work.git("checkout", "-q", "-")
    work.human({"f.txt": "one\nmain\n"})
    work.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "side")
    work.human({"f.txt": "one\nboth\n"})

    assert {"f.txt": (0, 0, 1, 1)} == of(work, "HEAD^2..HEAD^1") | of(work, "HEAD^1..HEAD")
    assert 2 == len(work.git("log", "-1", "--format=%P").split())


def test_a_file_that_only_lost_lines_has_none_that_came_in(work: Work):
    work.human({"f.py": F, "g.py": G})
    work.human({"f.py": F.splitlines(keepends=True)[0] + "    pass\n", "g.py": G.partition("\n")[0] + "\n"})

    assert {"f.py": (0, 0, 1, 1)} == of(work, "HEAD~1..")


def test_functions_by_the_manifest_of_the_revision(shop: Work):
    shop.scan()
    shop.human()
    write_manifest(shop.root, Manifest({}, {}))
    found = stats(Repository(shop.root), Range(shop.git("rev-parse", "HEAD")))
    before = stats(Repository(shop.root), Range(shop.git("rev-parse", "HEAD~1")))

    assert ({"mixed": 1, "unknown": 1}, {"unknown": 2}) == (functions(found.totals), functions(before.totals))
    assert {"mixed": 1} == dict(found.totals.models["anthropic/claude-opus-4-6"].functions)


def test_a_revision_older_than_its_scan_counts_what_was_recorded_later_of_the_same_code(shop: Work):
    shop.scan()  # g.py has been as it is since HEAD~1
    repository = Repository(shop.root)
    of_same, of_other = (stats(repository, Range(shop.git("rev-parse", name))).totals for name in ("HEAD~1", "HEAD~2"))

    assert ({"mixed": 1, "unknown": 1}, {"unknown": 2}) == (functions(of_same), functions(of_other))
    assert (0, 0) == (of_same.stale, of_other.stale)


def test_a_formatter_shifts_nothing_from_a_model_to_nobody(work: Work):
    work.ai({"f.py": "def f(a):\n    x = call( a,1 )\n    return {'a':x,'b':[1,2,3]}\n"})
    work.human(
        {"f.py": 'def f(a):\n    x = call(a, 1)\n    return {\n        "a": x,\n        "b": [1, 2, 3],\n    }\n'}
    )

    assert {"f.py": (6, 0, 0, 6)} == of(work)


def test_totals_are_the_sum_of_the_files(shop: Work):
    shop.scan()
    found = stats(Repository(shop.root), Range())
    sums = [sum(column) for column in zip(*map(numbers, found.files.values()), strict=True)]

    assert sums == list(numbers(found.totals))
    assert found.totals.functions.total() == sum(one.functions.total() for one in found.files.values())


def test_lines_are_counted_as_git_counts_them(work: Work):
    for name, data in {"empty": b"", "open": b"a\nb", "crlf": b"a\r\nb\r\n", "cr": b"a\rb", "binary": b"\0\n"}.items():
        (work.root / name).write_bytes(data)
    (work.root / "link").symlink_to("open")
    work.human()

    assert {"cr": 1, "crlf": 2, "empty": 0, "open": 2} == {path: counts[3] for path, counts in of(work).items()}
    assert of(work) == of(work, "HEAD")


def test_work_that_is_not_committed_is_counted_in_the_work_tree_only(shop: Work):
    shop.write("f.py", F + "# more\n")
    shop.write("new.py", G)
    (shop.root / "style.css").unlink()

    assert {"f.py": (0, 0, 3, 3), "g.py": (1, 0, 1, 2), "notes.md": (1, 0, 2, 3)} == of(shop)
    assert 4 == len(of(shop, "HEAD"))


def test_a_file_that_is_not_checked_out_is_not_in_the_work_tree(shop: Work):
    shop.git("update-index", "--skip-worktree", "style.css")
    (shop.root / "style.css").unlink()

    assert "style.css" not in of(shop)


def test_a_file_that_is_no_python_now_has_lines_and_no_functions(shop: Work):
    shop.write("g.py", "def g(:\n")
    found = stats(Repository(shop.root), Range())

    assert ((0, 0, 1, 1), {}) == (numbers(found.files["g.py"]), functions(found.files["g.py"]))
    assert ["g.py: not valid"] == [problem[:15] for problem in found.problems]


def test_a_repository_without_commits_counts_what_is_staged(work: Work):
    work.write("f.py", F)
    work.git("add", "-A")

    assert {"f.py": (0, 0, 2, 2)} == of(work)


def call(work: Work, *arguments: str) -> int:
    return run(["stats", *arguments, "--repo", str(work.root)])


def test_as_json(shop: Work, capsys):
    shop.scan()
    assert 0 == call(shop, "--json", "HEAD~1..")
    payload = json.loads(capsys.readouterr().out)

    counts = {"ai_lines": 1, "human_lines": 0, "unknown_lines": 0, "total_lines": 1}
    none = {"functions": {"ai": 0, "mixed": 0, "human": 0, "unknown": 0}}
    assert {
        "schema": "aiprov.stats/1",
        "range": {"since": shop.git("rev-parse", "HEAD~1"), "until": shop.git("rev-parse", "HEAD")},
        "totals": counts | none,
        "stale": 0,
        "models": {"unknown": {"ai_lines": 1, "functions": {"ai": 0, "mixed": 0}}},
        "tools": {"codex": {"ai_lines": 1, "functions": {"ai": 0, "mixed": 0}}},
        "files": {"style.css": counts | none},
        "problems": [],
    } == payload


@pytest.mark.parametrize(
    "word", ["nothing", "nothing..HEAD", "v1..nothing", "-x", "--", "a\nb", "\x1b[2J", "../x", "/"]
)
def test_an_unknown_revision_or_path_is_one_line(shop: Work, capsys, word):
    assert 2 == call(shop, word, *([word] if word == "--" else []), "no")
    out, err = capsys.readouterr()
    assert ("", 1, True) == (out, err.count("\n"), err.rstrip("\n").isprintable())


def test_only_the_paths_that_are_named(shop: Work, capsys):
    shop.write("sub/x.py", F)
    shop.write("subject.py", F)
    shop.human()

    for words, paths in ((["sub"], {"sub/x.py"}), (["HEAD", "sub/", "g.py"], {"sub/x.py", "g.py"}), (["."], 6)):
        capsys.readouterr()
        assert 0 == call(shop, "--json", *words)
        files = json.loads(capsys.readouterr().out)["files"].keys()
        assert paths == (files if isinstance(paths, set) else len(files))


HOSTILE = (b'"quoted".py', b"new\nline.py", b"-rf", b"HEAD", b"\xff\xfe.py", b"\\xff.txt")


def test_hostile_names_are_counted_and_give_valid_json(work: Work):
    for name in HOSTILE:
        (work.root / os.fsdecode(name)).write_bytes(F.encode())
    work.ai({})
    work.scan()
    for words in ([], ["HEAD"]):
        done = subprocess.run(
            [sys.executable, "-m", "aiprov", "stats", "--json", *words], cwd=work.root, capture_output=True
        )
        payload = json.loads(done.stdout.decode("ascii"))

        assert (0, 12) == (done.returncode, payload["totals"]["total_lines"])
        assert {'"quoted".py', "new\nline.py", "-rf", "HEAD", "\\xff\\xfe.py", "\\xff.txt"} == payload["files"].keys()
        assert ["\\xff\\xfe.py: not looked into, so its lines count as unknown"] == payload["problems"]
    piped = subprocess.run([sys.executable, "-m", "aiprov", "stats"], cwd=work.root, capture_output=True)
    assert ["-rf", "new\\nline.py"] == sorted(
        line.split(b" ")[0].decode() for line in piped.stdout.splitlines() if line.startswith((b"-rf", b"new"))
    )


def test_a_shallow_clone_counts_only_what_came_in_after_the_cut(shop: Work, tmp_path, capsys):
    shop.git("clone", "-q", "--depth", "2", f"file://{shop.root}", str(tmp_path / "shallow"))
    shallow = Work(tmp_path / "shallow")

    assert 2 == call(shallow)
    assert "git fetch --unshallow" in capsys.readouterr().err
    assert {"style.css": (1, 0, 0, 1)} == of(shallow, "HEAD~1..")


def test_a_broken_manifest_of_a_revision_is_said_and_lines_are_counted(shop: Work, capsys):
    write_manifest(shop.root, Manifest({}, {}))
    (shop.root / ".aiprov/manifest.yaml").write_text("nonsense: [")
    shop.human()

    assert 0 == call(shop, "HEAD", "--json")
    assert 8 == json.loads((captured := capsys.readouterr()).out)["totals"]["total_lines"]
    assert ".aiprov/manifest.yaml" in captured.err
    assert 2 == call(shop)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 0, ""), (0, 9, "0 %"), (9, 9, "100 %"), (1, 999, "<1 %"), (998, 999, ">99 %"), (1, 3, "33 %")],
)
def test_a_share_is_never_rounded_to_all_or_none(part, whole, expected):
    assert expected == percent(part, whole)


def test_as_text(shop: Work, capsys):
    shop.scan()
    assert 0 == call(shop, "g.py", "notes.md")

    assert [
        "lines share functions",
        "ai 2 40 % 0",
        "mixed 1",
        "human 0 0 % 0",
        "unknown 3 60 % 0",
        "total 5 1",
        "",
        "model ai lines share ai functions mixed",
        "anthropic/claude-opus-4-6 2 40 % 0 1",
        "",
        "tool ai lines share ai functions mixed",
        "claude-code 2 40 % 0 1",
        "",
        "path ai lines share human unknown",
        "g.py 1 50 % 0 1",
        "notes.md 1 33 % 0 2",
    ] == [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_manifest_is_nobodys_work(work: Work):
    work.ai({"f.py": F})
    work.scan()
    work.ai({})

    assert {"f.py": (2, 0, 0, 2)} == of(work) == of(work, "HEAD")


def test_one_model_of_two_tools_is_not_picked(work: Work):
    work.ai({"f.py": F}, trailer=f"{CLAUDE}\n{CODEX}")
    work.scan()

    found = stats(Repository(work.root), Range())
    assert {"anthropic/claude-opus-4-6 or another": (2, {"ai": 1})} == {
        name: (model.ai_lines, dict(model.functions)) for name, model in found.totals.models.items()
    }
