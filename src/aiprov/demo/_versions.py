"""The files as each commit left them, put together function by function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiprov.demo._example import Commit, Example, Release
from aiprov.errors import UsageError
from aiprov_runtime._functions import MODULE, definitions, parse

Bodies = dict[str, str]
"""Source text by `path::qualname`."""


@dataclass(frozen=True, slots=True)
class Version:
    """One commit, the functions that it wrote and all files as they are after it."""

    release: Release
    commit: Commit
    functions: tuple[str, ...]
    files: Mapping[str, str]


def versions(example: Example) -> Iterator[Version]:
    """Every commit in turn; UsageError where the history does not account for the code."""
    newest = {path: _Layout.of(source, path=path) for path, source in example.sources("shop")}
    final = {function: text for layout in newest.values() for function, text in layout.bodies().items()}
    before = {release.tag: _read(example, f"before/{release.tag}") for release in example.releases}
    bug = _read(example, "bug")
    for release in example.releases:
        _check_rewrites(before[release.tag], release, final, folder=f"before/{release.tag}")
    _check_rewrites(bug, example.releases[-1], final, folder="bug")
    introduced = {f for r in example.releases for f in _named(r) if f not in before[r.tag]}
    written: Bodies = {}
    present: set[str] = set()
    for index, release in enumerate(example.releases):
        texts = dict(final)
        for later in reversed(example.releases[index + 1 :]):
            texts |= before[later.tag]
        if release is example.releases[-1]:
            texts |= bug
        for commit in release.commit:
            functions = tuple(_expand(commit, newest, introduced))
            written |= {function: texts[function] for function in functions}
            present |= {target.partition("::")[0] for target in commit.writes}
            files = {path: newest[path].render(written) for path in sorted(present)}
            yield Version(release, commit, functions, files)
    if missing := set(final) - set(written) | set(newest) - present:
        raise UsageError(f"history.toml: no commit writes {', '.join(sorted(missing))}")


def _named(release: Release) -> set[str]:
    return {target for commit in release.commit for target in commit.writes if "::" in target}


def _expand(commit: Commit, newest: Mapping[str, _Layout], introduced: set[str]) -> Iterator[str]:
    """The functions of a commit; a whole file stands for those that no other commit introduces."""
    for target in commit.writes:
        path, _, name = target.partition("::")
        if path not in newest or (name and target not in newest[path].bodies()):
            raise UsageError(f"history.toml: {commit.subject!r} writes {target}, which is not in the example")
        if name:
            yield target
        else:
            yield from (function for function in newest[path].bodies() if function not in introduced)


def _read(example: Example, folder: str) -> Bodies:
    found: Bodies = {}
    for path, source in example.sources(folder):
        bodies = _Layout.of(source, path=path).bodies()
        if not bodies:
            raise UsageError(f"{folder}: the file for {path} holds no function, and nothing else of it is used")
        found |= bodies
    return found


def _check_rewrites(bodies: Bodies, release: Release, final: Bodies, *, folder: str) -> None:
    """A body that nothing would use is a slip of whoever wrote it."""
    for function in bodies:
        if function not in final:
            raise UsageError(f"{folder} has {function}, which is not in shop/")
        if function not in _named(release):
            raise UsageError(
                f"{folder} has {function}, which no commit of {release.tag} writes: add it to history.toml"
            )


@dataclass(frozen=True, slots=True)
class _Layout:
    """The lines of a file and where its functions are; nested ones belong to their owner."""

    path: str
    lines: tuple[str, ...]
    spans: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, source: str, *, path: str) -> _Layout:
        try:
            found = list(definitions(parse(source)))
        except SyntaxError as error:
            raise UsageError(f"{path}:{error.lineno or 1}: {error.msg}") from None
        spans = {
            f"{path}::{d.qualname}": (d.start - 1, d.end)
            for d in found
            if d.qualname != MODULE and ".<locals>." not in d.qualname
        }
        return cls(path, tuple(source.splitlines(keepends=True)), spans)

    def bodies(self) -> Bodies:
        return {function: "".join(self.lines[start:end]) for function, (start, end) in self.spans.items()}

    def render(self, written: Bodies) -> str:
        """The file with these bodies, and without the functions that have none yet."""
        lines = list(self.lines)
        for function, (start, end) in sorted(self.spans.items(), key=lambda item: -item[1][0]):
            if function in written:
                lines[start:end] = [written[function]]
            else:
                while start and not lines[start - 1].strip():
                    start -= 1  # noqa: PLW2901  # the blank lines above go with it
                del lines[start:end]
        return "".join(lines)
