from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.git import Repository
from aiprov.provenance.edits import _journal
from aiprov.provenance.edits._edits import Edit, edit_of
from aiprov.provenance.sources import CommitText
from aiprov.provenance.sources.hook import Hook
from aiprov_runtime._manifest import Generation

TEXT = "def reduce_price(price, percent):\n    return price - price * percent / 100\n"


def edit(path: str = "shop.py", *, text: str = TEXT) -> Edit:
    generation = Generation(model="anthropic/claude-opus-4-6", generated_at="2026-11-02T10:00:30Z", evidence="hook")
    made = edit_of(path, "", text, generation)
    assert made is not None
    return made


def test_what_was_written_is_read_in_order(tmp_path: Path) -> None:
    edits = [edit(), edit("naïve.py"), edit('quo"te.py')]

    _journal.append(tmp_path, edits[:2])
    _journal.append(tmp_path, edits[2:])

    assert edits == list(_journal.read(tmp_path))


def test_no_text_is_kept_and_nobody_else_may_read(tmp_path: Path) -> None:
    _journal.append(tmp_path, [edit()])

    folder, file = tmp_path / "aiprov", tmp_path / "aiprov" / "edits.jsonl"
    assert [0o700, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in (folder, file)]
    assert "reduce" not in file.read_text()


def test_one_path_is_read_alone(tmp_path: Path) -> None:
    _journal.append(tmp_path, [edit("a.py"), edit("b.py"), edit("a.py")])

    assert [edit("a.py"), edit("a.py")] == list(_journal.read(tmp_path, path="a.py"))


def test_the_end_alone_is_read(tmp_path: Path) -> None:
    _journal.append(tmp_path, [edit(f"{number}.py") for number in range(100)])

    assert ["98.py", "99.py"] == [one.path for one in _journal.read(tmp_path, last=700)][-2:]
    assert len(list(_journal.read(tmp_path, last=700))) < 5


def test_a_line_that_was_cut_short_spoils_no_other(tmp_path: Path) -> None:
    _journal.append(tmp_path, [edit("a.py")])
    with (tmp_path / "aiprov" / "edits.jsonl").open("rb+") as file:
        file.truncate(file.seek(0, 2) - 20)

    _journal.append(tmp_path, [edit("b.py")])

    assert [edit("b.py")] == list(_journal.read(tmp_path))


@given(st.binary(max_size=200))
def test_garbage_is_passed_over(garbage: bytes) -> None:
    assert _journal._edit(garbage) is None


def test_lines_of_unfit_shape_are_passed_over(tmp_path: Path) -> None:
    head = b'{"schema":"aiprov.edit/1",'
    (tmp_path / "aiprov").mkdir()
    unfit = [b'"path":"../a.py","blocks":[]', b'"path":7,"blocks":[]', b'"path":"a.py"', b'"path":"a.py","blocks":7']
    unfit += [b'"path":"a.py","blocks":["zz"]', b'"path":"a.py","blocks":[7]', b'"path":"a.py","blocks":[],"model":7']
    (tmp_path / "aiprov" / "edits.jsonl").write_bytes(b"\n".join(head + rest + b"}" for rest in unfit))

    assert list(_journal.read(tmp_path)) == []


def test_a_large_journal_is_turned_over_and_still_read(tmp_path: Path) -> None:
    for number in range(20):
        _journal.append(tmp_path, [edit(f"{number}.py")], limit=1000)

    paths = [one.path for one in _journal.read(tmp_path)]
    assert paths[-1] == "19.py"
    assert 4 <= len(paths) < 20
    assert sum(path.stat().st_size for path in (tmp_path / "aiprov").iterdir()) < 3000


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "aiprov").mkdir()
    (tmp_path / "aiprov" / "edits.jsonl").symlink_to(tmp_path / "elsewhere")

    assert list(_journal.read(tmp_path)) == []


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    edits = [edit(f"{number}.py", text=f"{TEXT}value_{number} = {'1' * 5000}\n") for number in range(200)]

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda one: _journal.append(tmp_path, [one]), edits))

    assert set(edits) == set(_journal.read(tmp_path))


def test_a_scan_finds_the_journals_edits_in_commits(work: Work) -> None:
    _journal.append(work.root / ".git", [edit(), edit()])
    commit = work.human({"shop.py": TEXT})

    found = Hook().read(Repository(work.root), [CommitText(commit, "", "", None, "")])

    assert found.evidence[commit].at("shop.py", 2) is not None


def test_a_linked_work_tree_shares_the_journal(work: Work, tmp_path: Path) -> None:
    commit = work.human({"shop.py": TEXT})
    work.git("worktree", "add", "-q", str(tmp_path / "tree"))
    _journal.append(work.root / ".git", [edit()])

    found = Hook().read(Repository(tmp_path / "tree"), [CommitText(commit, "", "", None, "")])

    assert [commit] == list(found.evidence)
