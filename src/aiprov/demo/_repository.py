"""The example's history as a real repository, with a manifest that `aiprov` itself recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from aiprov.demo._commands import Commands
from aiprov.demo._example import Commit, Example
from aiprov.demo._versions import Version, versions
from aiprov.provenance import record
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import Manifest, load

MANIFEST = ".aiprov/manifest.yaml"


@dataclass(frozen=True, slots=True)
class Built:
    """What stands in the repository at the last release."""

    commits: int
    people: int
    manifest: Manifest
    functions: int
    """Of the last release, recorded or not."""


def build(example: Example, repository: Commands) -> Built:
    """Commit after commit, and a scan before each release is tagged."""
    everything = list(versions(example))
    repository.directory.mkdir(parents=True)
    repository.git("-c", "init.defaultBranch=main", "init", "--quiet", "--template=")
    # Of the copy alone: whoever looks around in it later needs no identity either.
    repository.git("config", "user.name", "The shop's on-call")
    repository.git("config", "user.email", "on-call@shop.example")
    repository.git("config", "commit.gpgSign", "false")
    for number, version in enumerate(everything):
        _write(repository, version)
        _record(repository, version)
        author = example.people[version.commit.by]
        _commit(repository, _message(version.commit), author=author, date=version.commit.date)
        is_last = number + 1 == len(everything) or everything[number + 1].release is not version.release
        if is_last:
            tag, date = version.release.tag, version.release.date
            repository.aiprov("scan")
            _commit(repository, f"Release {tag}", author=author, date=date)
            repository.git("tag", tag)
    return Built(
        commits=int(repository.git("rev-list", "--count", "HEAD")),
        people=len({version.commit.by for version in everything}),
        manifest=load(repository.git("show", f"HEAD:{MANIFEST}").encode(), name=MANIFEST),
        functions=len({function for version in everything for function in version.functions}),
    )


def changed_functions(repository: Commands, old: str, new: str) -> frozenset[str]:
    """Functions whose logic differs between two revisions, new and removed ones included."""
    paths = repository.git("diff", "--name-only", "-z", old, new, "--", "*.py").split("\0")[:-1]
    before, after = (_hashes(repository, revision, paths) for revision in (old, new))
    return frozenset(f for f in before.keys() | after.keys() if before.get(f) != after.get(f))


def _hashes(repository: Commands, revision: str, paths: Iterable[str]) -> dict[str, str]:
    present = set(repository.git("ls-tree", "-r", "-z", "--name-only", revision).split("\0"))
    return {
        f"{path}::{name}": region.code_hash
        for path in paths
        if path in present
        for name, region in regions(repository.git("show", f"{revision}:{path}")).items()
        if name != "<module>"
    }


def _write(repository: Commands, version: Version) -> None:
    for path, text in version.files.items():
        target = repository.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def _record(repository: Commands, version: Version) -> None:
    """As `aiprov record` does; by its Python door, which costs no process each time."""
    commit = version.commit
    if commit.model is not None:
        record(
            version.functions,
            model=commit.model,
            tool=commit.tool,
            prompt=commit.prompt,
            generated_at=commit.date.isoformat(),
            repo=repository.directory,
        )


def _message(commit: Commit) -> str:
    return f"{commit.subject}\n\n{commit.trailer}\n" if commit.trailer else f"{commit.subject}\n"


def _commit(repository: Commands, message: str, *, author: str, date: dt.datetime) -> None:
    name, _, mail = author.removesuffix(">").partition(" <")
    when = date.isoformat()
    people = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }
    repository.git("add", "--all")
    repository.git(
        "commit",
        "--quiet",
        "--allow-empty",
        f"--message={message}",
        extra={**people, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when},
    )
