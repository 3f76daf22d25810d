"""All functions of one file, put back together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiprov.revert._calls import check_calls
from aiprov.revert._choose import Chosen, Context, choose
from aiprov.revert._closure import Closed, Restored, close
from aiprov.revert._firstparty import Tree, gone_imports
from aiprov.revert._gates import Wanted, committed_file
from aiprov.revert._names import unresolved
from aiprov.revert._source import Refusal, Source
from aiprov.revert._splice import Module, splice
from aiprov.revert._write import Edit
from aiprov_runtime._functions import FunctionNode

REVERTED, UNCHANGED, REFUSED = "reverted", "unchanged", "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to one function."""

    function: str
    status: str
    to: str | None = None
    """The commit whose version comes back."""
    undone: str | None = None
    """The commit whose change is undone, where the version before it was chosen for want of `--to`."""
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileResult:
    outcomes: tuple[Outcome, ...]
    edit: Edit | None = None
    chosen: tuple[Chosen, ...] = ()
    """The functions that come back, for the manifest."""
    added: bool = False


def refused(function: object, refusal: Refusal) -> Outcome:
    return Outcome(str(function), REFUSED, reason=str(refusal))


def revert_file(context: Context, path: str, asked: Sequence[Wanted], *, whole: frozenset[str]) -> FileResult:
    """One edit for all functions of a file, with an outcome for each; no edit where any of them is refused."""
    try:
        edit = committed_file(context.repository, context.head, path)
        today = Module.read(Source.decode(edit.before), what="today's file")
    except Refusal as refusal:
        return FileResult(tuple(refused(one, refusal) for one in asked))
    outcomes: dict[Wanted, Outcome] = {}
    source, chosen = today.source, list[Chosen]()
    for one in asked:
        try:
            choice = choose(context, one, today, whole=whole)
            if choice.then is None:
                outcomes[one] = Outcome(str(one), UNCHANGED, choice.place.commit, warnings=choice.warnings)
                continue
            source = _splice_all(source, today, choice)
            chosen.append(choice)
        except Refusal as refusal:
            outcomes[one] = refused(one, refusal)
    chosen.sort(key=lambda c: today.nodes(c.wanted.qualname)[0].lineno)
    for number, choice in enumerate(chosen):
        try:
            closed = close(today, source, _restored(choice), others=[_restored(c) for c in chosen])
            source = closed.source
            chosen[number] = replace(choice, helpers=closed.definitions)
            outcomes[choice.wanted] = _outcome(context, choice, closed)
        except Refusal as refusal:
            outcomes[choice.wanted] = refused(choice.wanted, refusal)
    if chosen and not any(o.status == REFUSED for o in outcomes.values()):
        _check_together(today, source, chosen, outcomes)
    listed = tuple(outcomes[one] for one in asked)
    if any(o.status == REFUSED for o in listed):
        return FileResult(listed)
    try:
        after = source.encode()
    except Refusal as refusal:
        return FileResult(tuple(refused(one, refusal) for one in asked))
    return FileResult(listed, replace(edit, after=after), tuple(chosen), any(o.added for o in listed))


def _splice_all(source: Source, today: Module, choice: Chosen) -> Source:
    """The function as of then, with the nested functions that are kept put back as they are today."""
    assert choice.then is not None
    qualname = choice.wanted.qualname
    source = splice(source, choice.then.source, qualname, then_qualname=choice.place.qualname)
    for nested in choice.kept:
        source = splice(source, today.source, nested)
    return source


def _restored(choice: Chosen) -> Restored:
    assert choice.then is not None
    folders = {path.rpartition("/")[0] for path in (choice.wanted.path, choice.place.path)}
    return Restored(choice.wanted.qualname, choice.then, choice.place.qualname, same_folder=len(folders) == 1)


def _outcome(context: Context, choice: Chosen, closed: Closed) -> Outcome:
    assert choice.then is not None
    nodes: list[FunctionNode] = choice.then.nodes(choice.place.qualname)
    if gone := gone_imports(
        [*nodes, *closed.imports],
        path=choice.wanted.path,
        then_path=choice.place.path,
        today=_tree(context, context.head),
        then=_tree(context, choice.place.commit),
    ):
        raise Refusal(f"it imports {', '.join(gone)}, which the project had then and has not today; restore that first")
    warnings = (*choice.warnings, *closed.warnings)
    return Outcome(
        str(choice.wanted), REVERTED, choice.place.commit, choice.undone, warnings=warnings, added=closed.added
    )


def _tree(context: Context, commit: str) -> Tree:
    return Tree(lambda: context.history.files(commit), lambda path: context.repository.read(commit, path))


def _check_together(today: Module, source: Source, chosen: Sequence[Chosen], outcomes: dict[Wanted, Outcome]) -> None:
    """What can only be judged on the whole result: calls between its functions, and imports left over."""
    result = Module.read(source, what="the result")
    for choice in chosen:
        outcome = outcomes[choice.wanted]
        try:
            lost = check_calls(result, _restored(choice), path=choice.wanted.path)
            outcomes[choice.wanted] = replace(outcome, warnings=(*outcome.warnings, *lost))
        except Refusal as refusal:
            outcomes[choice.wanted] = refused(choice.wanted, refusal)
    idle = sorted(unresolved(result)[1] and unresolved(result)[1] - unresolved(today)[1])
    last = chosen[-1].wanted
    if idle and outcomes[last].status == REVERTED:
        note = f"nothing uses the import {', '.join(idle)} any more; it is left in place"
        outcomes[last] = replace(outcomes[last], warnings=(*outcomes[last].warnings, note))
