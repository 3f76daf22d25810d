from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aiprov.errors import UsageError
from aiprov.git import GitError, Repository
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, Record, dumps


def git(directory: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    git(tmp_path, "init", "-q")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "cart.py").write_text("x = 1\n")
    (tmp_path / "é.py").write_text("y = 1\n")
    (tmp_path / "link.py").symlink_to("é.py")
    (tmp_path / b"\xff.py".decode("utf-8", "surrogateescape")).write_text("z = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "v1")
    return Repository.discover(tmp_path / "shop")


def head(repository: Repository) -> str:
    found = repository.resolve("HEAD")
    assert found is not None
    return found


def test_the_root_is_found_from_below(repository: Repository, tmp_path: Path) -> None:
    assert tmp_path.resolve() == repository.root.resolve()


def test_outside_of_a_repository_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        Repository.discover(tmp_path)
    with pytest.raises(UsageError, match="no such directory"):
        Repository.discover(tmp_path / "nope")


def test_a_bare_repository_is_told_what_to_do(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare")
    with pytest.raises(UsageError, match="with a work tree; run this inside of one, or name it with --repo"):
        Repository.discover(tmp_path)


def test_a_revision_is_a_commit_or_nothing(repository: Repository) -> None:
    commit = head(repository)

    assert [commit] * 3 == [repository.resolve(name) for name in ("v1", commit[:8], "HEAD~0")]
    for name in ("", "nope", "--help", "-h", "HEAD\nHEAD", "HEAD:shop", "\x1b[31m", "v1..v1", "@{-1}"):
        assert repository.resolve(name) is None


def test_a_file_is_read_as_committed(repository: Repository) -> None:
    (repository.root / "shop" / "cart.py").write_text("edited\n")

    assert b"x = 1\n" == repository.read(head(repository), "shop/cart.py")
    for path in ("shop", "nope.py", "a\nb.py", "../cart.py", ""):
        assert repository.read(head(repository), path) is None
    assert b"y = 1\n" == repository.read("v1", "é.py")


def test_only_regular_files_with_names_in_utf8_are_listed(repository: Repository) -> None:
    assert ("shop/cart.py", "é.py") == repository.files(head(repository))
    assert ("shop/cart.py", "é.py") == repository.tracked()


def test_the_committed_manifest_is_read(repository: Repository) -> None:
    manifest = Manifest({}, {"shop/cart.py": {"<module>": Record("human")}})
    (repository.root / ".aiprov").mkdir()
    (repository.root / MANIFEST_PATH).write_bytes(dumps(manifest))
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "two")

    found = repository.manifest(head(repository))
    assert found is not None
    assert manifest.files == found.files
    assert repository.manifest("v1") is None


def test_the_repositorys_own_commands_are_not_run(repository: Repository, tmp_path: Path) -> None:
    git(repository.root, "config", "core.fsmonitor", f"touch {tmp_path / 'ran'}; false")
    git(repository.root, "config", "diff.external", f"touch {tmp_path / 'ran'}")
    repository.run("status", "--porcelain")
    repository.run("diff", "HEAD")

    assert not (tmp_path / "ran").exists()


def test_a_refusal_of_git_is_its_first_line(repository: Repository) -> None:
    with pytest.raises(GitError, match=r"^git cat-file: .*nope"):
        repository.run("cat-file", "-p", "nope")
