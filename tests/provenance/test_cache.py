from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from provenance._work import CLAUDE, CODEX, Work

from aiprov.git import Repository
from aiprov.provenance import Scanned, scan

NAMES = ("a.py", "b.py", "pkg/c.py", "pkg/d.py")


def function(name: str, number: int) -> str:
    return f"def {name}(x):\n    y = x + {number}\n    if y > {number % 7}:\n        y = {{'k': y}}\n    return y\n"


def cache(work: Work) -> Path:
    return work.root / ".git/aiprov/scan.sqlite3"


def only_scan(work: Work) -> Scanned:
    return scan(Repository(work.root), jobs=1)


class History:
    """A series of what teams do to a repository, the same for the same seed."""

    def __init__(self, work: Work, *, seed: int) -> None:
        self.work = work
        self.random = random.Random(seed)
        self.count = 0
        work.ai({name: function(f"f{place}", place) for place, name in enumerate(NAMES)})

    def files(self) -> list[Path]:
        return sorted(self.work.root.rglob("*.py"))

    def path(self) -> Path:
        return self.random.choice(self.files())

    def commit(self) -> None:
        trailer = self.random.choice([CLAUDE, CODEX, None, None])
        self.work.ai({}, trailer=trailer) if trailer else self.work.human()

    def edit(self) -> None:
        path = self.path()
        lines = path.read_text().splitlines(keepends=True)
        place = self.random.randrange(len(lines) + 1)
        if lines and self.random.random() < 0.5:
            lines = [line.replace("y = x + ", "y = x + 1") for line in lines]
        else:
            lines.insert(place, f"# note {self.count}\n")
        path.write_text("".join(lines))

    def add(self) -> None:
        path = self.path()
        path.write_text(f"{path.read_text()}\n\n{function(f'g{self.count}', self.count)}")

    def edit_and_commit(self) -> None:
        self.random.choice([self.edit, self.add])()
        self.commit()

    def leave_uncommitted(self) -> None:
        self.random.choice([self.edit, self.add])()

    def rename(self) -> None:
        path = self.path()
        path.rename(path.with_name(f"r{self.count}.py"))
        self.commit()

    def move_function(self) -> None:
        source, target = self.path(), self.path()
        head, found, last = source.read_text().rpartition("\n\n\ndef ")
        if found and source != target:
            source.write_text(head + "\n")
            target.write_text(f"{target.read_text()}\n\ndef {last}")
        self.commit()

    def format(self) -> None:
        for path in self.files():
            path.write_text(path.read_text().replace("'", '"').replace("y > ", "y  >  "))
        self.commit()

    def merge(self) -> None:
        self.commit()
        start = self.work.git("rev-parse", "HEAD")
        self.work.git("checkout", "-q", "--detach", f"HEAD~{self.random.randrange(1, 3)}")
        self.edit_and_commit()
        side = self.work.git("rev-parse", "HEAD")
        first, second = self.random.choice([(start, side), (side, start)])
        self.work.git("checkout", "-q", "-B", "main", first)
        self.work.git("merge", "-q", "--no-edit", "-X", "ours", second)

    def amend(self) -> None:
        self.edit()
        self.work.git("commit", "-q", "-a", "--amend", "-m", self.random.choice([CLAUDE, "by hand"]))

    def reset(self) -> None:
        self.work.git("reset", "-q", "--hard", "HEAD~1")

    def there_and_back(self) -> None:
        """The same content afterwards, by somebody else."""
        self.commit()
        path = self.path()
        before = path.read_text()
        path.write_text(before.replace("y = x", "y = 1"))
        self.work.human()
        path.write_text(before)
        self.work.ai({}, trailer=CODEX)

    def ignore(self) -> None:
        self.work.write(".git-blame-ignore-revs", self.work.git("rev-parse", "HEAD") + "\n")

    def note(self) -> None:
        """Of git-ai, which comes after its commit."""
        self.commit()
        path = self.path().relative_to(self.work.root)
        session = {"agent_id": {"tool": "cursor", "id": "1", "model": "gpt-5.1"}}
        head = self.work.git("rev-parse", f"HEAD~{self.random.randrange(2)}")
        metadata = {"schema_version": "authorship/3.0.0", "base_commit_sha": head, "prompts": {}}
        metadata |= {"sessions": {"s_1": session}, "humans": {"h_1": {"author": "x"}}}
        text = f"{path}\n  s_1::t_1 1-3\n  h_1 4-90\n---\n{json.dumps(metadata)}"
        self.work.git("notes", "--ref=ai", "add", "-f", "-m", text, head)

    def step(self) -> None:
        self.count += 1
        usual = [self.edit_and_commit] * 3
        rare = [self.leave_uncommitted, self.rename, self.move_function, self.format, self.merge, self.amend]
        rare += [self.there_and_back, self.reset, self.ignore, self.note]
        self.random.choice([*usual, *rare])()


@pytest.mark.parametrize("seed", [1, 2])
def test_with_and_without_what_was_kept_a_scan_finds_the_same(work: Work, seed: int):
    history = History(work, seed=seed)
    for _ in range(4):
        history.edit_and_commit()
    for _ in range(14):
        history.step()
        warm = only_scan(work)
        kept = cache(work).read_bytes()
        cache(work).unlink()
        cold = only_scan(work)

        assert cold == warm
        cache(work).write_bytes(kept)


@pytest.fixture
def scanned(work: Work) -> Work:
    work.human({name: function(f"f{place}", place) for place, name in enumerate(NAMES)})
    work.ai({"a.py": function("f0", 7), "b.py": function("f1", 8)})
    only_scan(work)
    assert cache(work).stat().st_size
    return work


def other_database(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE files (path TEXT)")
    connection.close()


def flipped(file: Path) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE files SET data = CAST(substr(data, 1, length(data) - 1) || 'x' AS BLOB)")
    connection.close()


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:5000]),
    "text": lambda file: file.write_text("no database" * 1000),
    "empty": lambda file: file.write_bytes(b""),
    "another's": other_database,
    "flipped": flipped,
    "a directory": directory,
    "gone": lambda file: shutil.rmtree(file.parent),
    "no directory": lambda file: (shutil.rmtree(file.parent), file.parent.write_text("")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_to_what_was_kept_is_neither_seen_nor_believed(scanned: Work, damage: Callable[[Path], object]):
    before = only_scan(scanned)
    damage(cache(scanned))

    assert before == only_scan(scanned)
    assert before == only_scan(scanned)


def test_a_locked_cache_is_not_waited_for_long(scanned: Work):
    before = only_scan(scanned)
    connection = sqlite3.connect(cache(scanned))
    connection.execute("BEGIN EXCLUSIVE")

    found = only_scan(scanned)

    connection.close()
    assert before == found


def test_all_work_trees_share_what_was_kept(scanned: Work, tmp_path: Path):
    before = only_scan(scanned)
    scanned.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    other = Work(tmp_path / "other")

    assert before == only_scan(other)
    assert not (other.root / ".git/aiprov").exists()


def test_an_interrupted_scan_goes_on_where_it_was(work: Work):
    names = [f"m{number}.py" for number in range(9)]
    work.ai({name: function("f", number) for number, name in enumerate(names)})
    seen: list[int] = []

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(Repository(work.root), jobs=2, progress=stop)
    scan(Repository(work.root), jobs=2, progress=lambda done, _total: seen.append(done))

    assert (5, 9) == (seen[0], seen[-1])


def test_worker_processes_find_what_one_process_finds(work: Work):
    history = History(work, seed=5)
    for _ in range(12):
        history.edit_and_commit()
    work.ai({f"m{number}.py": function("f", number) for number in range(8)} | {"broken.py": "def f(:\n"})
    alone = scan(Repository(work.root), jobs=1)
    cache(work).unlink()

    assert alone == scan(Repository(work.root), jobs=3)


def test_workers_do_not_import_what_lies_in_the_repository(work: Work):
    trap = "open('trapped', 'w')\n"
    names = ("ast.py", "pickle.py", "aiprov.py", "sitecustomize.py", "typing.py", "a.py", "b.py", "c.py")
    work.ai(dict.fromkeys(names, trap))
    code = "import sys; from aiprov.cli import run; sys.exit(run(['scan', '--jobs', '2', '--dry-run']))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=work.root, capture_output=True, text=True)

    assert 0 == done.returncode, done.stderr
    assert not (work.root / "trapped").exists()
