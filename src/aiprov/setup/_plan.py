"""From the parts that a user chose to the files as they would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiprov.git import Repository
from aiprov.setup import _files, _journal
from aiprov.setup._files import Edit
from aiprov.setup._git import git_folder
from aiprov.setup._journal import Was
from aiprov.setup._parts import Part, Target


@dataclass(frozen=True, slots=True)
class Plan:
    edits: tuple[Edit, ...]
    journal: Edit
    changed: tuple[str, ...]
    """The parts that need an edit; the others are as they should be."""


def plan(repository: Repository, parts: Sequence[Part], *, remove: bool = False) -> Plan:
    """UsageError where any file of any part cannot be changed; nothing is written."""
    git = git_folder(repository)
    known = _journal.load(git)
    edits: list[Edit] = []
    changed: list[str] = []
    states: dict[str, Was | None] = {}
    for part in parts:
        work = _removed if remove else _added
        found = [work(target, repository, known) for target in part.targets]
        made = [(edit, was) for edit, was in found if edit.before != edit.after]
        edits += [edit for edit, _ in made]
        states |= {edit.name: was for edit, was in made}
        changed += [part.name] if made else []
    return Plan(tuple(edits), _journal.edit(git, known, states), tuple(changed))


def apply(planned: Plan) -> None:
    _files.write([*planned.edits, planned.journal])


def _added(target: Target, repository: Repository, known: Mapping[str, Was]) -> tuple[Edit, Was | None]:
    path, name, before = _read(target, repository)
    source = _files.parse(before or b"", name=name)
    text = None if before is None else source.text
    made = target.add(text)
    after = None if made is None else source.encoded(made)
    edit = Edit(path, name, before, after, mode=target.mode)
    if after is None:
        return edit, None
    was = _journal.original(known, name, before) if before is not None else None
    if was is not None:
        return edit, Was(was.before, _journal.digest(after))
    is_new = text is None or target.remove(text) == text
    return edit, Was(before, _journal.digest(after)) if is_new else None


def _removed(target: Target, repository: Repository, known: Mapping[str, Was]) -> tuple[Edit, Was | None]:
    path, name, before = _read(target, repository)
    if before is None:
        return Edit(path, name, None, None), None
    was = _journal.original(known, name, before)
    if was is not None:
        return Edit(path, name, before, was.before), None
    source = _files.parse(before, name=name)
    left = target.remove(source.text)
    after = before if left == source.text else None if left is None else source.encoded(left)
    return Edit(path, name, before, after), None


def _read(target: Target, repository: Repository) -> tuple[Path, str, bytes | None]:
    root = repository.root
    path = root / target.path if isinstance(target.path, str) else target.path(repository)
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    return path, name, _files.read(path, root=root, name=name)
