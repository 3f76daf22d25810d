from __future__ import annotations

import hashlib
import subprocess

import pytest

from aiprov.git import Repository
from aiprov.triage._revisions import revision_of_manifest, revision_of_release


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "-q", "-b", "main")
    for number in range(3):
        (root / ".aiprov").mkdir(exist_ok=True)
        (root / ".aiprov" / "manifest.yaml").write_text(f"# {number % 2}\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", f"Commit {number}")
    git(root, "tag", "v1.2.3", "HEAD~1")
    git(root, "tag", "-a", "-m", "two", "shop-2.0.0", "HEAD")
    git(root, "branch", "abcdef0")
    return Repository.discover(root)


def git(root, *arguments):
    command = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("release", "revision"),
    [
        ("v1.2.3", "HEAD~1"),
        ("1.2.3", "HEAD~1"),
        ("shop@1.2.3", "HEAD~1"),
        ("@acme/shop@v1.2.3", "HEAD~1"),
        ("shop@2.0.0", "HEAD"),
        ("shop-2.0.0", "HEAD"),
        ("SHA", "HEAD~2"),
        ("SHORT", "HEAD~2"),
        ("shop@SHORT", "HEAD~2"),
        ("9.9.9+SHORT", "HEAD~2"),
        ("shop@1.2.3+SHORT", "HEAD~2"),
        ("1.2.4.dev3+gSHORT.d20261122", "HEAD~2"),
        ("main", None),
        ("abcdef0", None),
        ("9.9.9", None),
        ("", None),
        ("--all", None),
        ("v1.2.3\n", None),
        ("v1.2.3^{/x}", None),
        ("x" * 5000, None),
    ],
)
def test_a_release_name_is_a_tag_a_commit_or_ends_in_one(repository, release, revision):
    first = repository.resolve("HEAD~2")
    name = release.replace("SHA", first).replace("SHORT", first[:9])
    expected = None if revision is None else repository.resolve(revision)

    assert revision_of_release(repository, name) == expected


def test_a_digest_is_the_newest_commit_with_that_manifest(repository):
    digest = hashlib.sha256(b"# 0\n").hexdigest()

    assert revision_of_manifest(repository, digest[:12]) == repository.resolve("HEAD")
    assert revision_of_manifest(repository, digest) == repository.resolve("HEAD")
    assert revision_of_manifest(repository, hashlib.sha256(b"# 1\n").hexdigest()[:12]) == repository.resolve("HEAD~1")


@pytest.mark.parametrize("digest", ["", "abc", "0" * 12, "--all", "Z" * 12])
def test_a_digest_of_nothing_finds_nothing(repository, digest):
    assert revision_of_manifest(repository, digest) is None
