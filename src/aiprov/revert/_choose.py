"""Which earlier version of one function comes back, and whether it may."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiprov.git import Repository
from aiprov.revert._callers import MAX_SHOWN, callers
from aiprov.revert._gates import Wanted
from aiprov.revert._history import Change, History, Place
from aiprov.revert._names import signature
from aiprov.revert._source import Refusal
from aiprov.revert._splice import Module

_MAX_COMMITS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Context:
    """The question that all functions of one call share."""

    repository: Repository
    history: History
    head: str
    to: str | None
    incident: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The version that comes back; `then` is None where it has today's logic already."""

    wanted: Wanted
    place: Place
    then: Module | None
    kept: tuple[str, ...] = ()
    """Nested functions that were changed on their own since and stay as they are."""
    warnings: tuple[str, ...] = ()
    undone: str | None = None
    helpers: tuple[str, ...] = ()
    """Functions and classes that were brought back for it."""


def choose(context: Context, wanted: Wanted, today: Module, *, whole: frozenset[str]) -> Chosen:
    """Find the version to restore; `whole` names nested functions that come back whatever happened to them since."""
    now = Place(context.head, wanted.path, wanted.qualname)
    if not today.nodes(wanted.qualname):
        raise Refusal(_unknown(wanted, today.functions))
    _check_incident(context, now)
    place, undone = _target(context, now)
    then = context.history.module(place.commit, place.path)
    assert then is not None
    kept = _kept(context, now, place, whole)
    warnings = [f"{q} was changed on its own since and is kept; name it too to revert it" for q in kept]
    if place.path != now.path or place.qualname != now.qualname:
        warnings.append(f"it was {place.path}::{place.qualname} at {place.commit[:12]}")
    if not _differs(context.history, now, place, kept):
        return Chosen(wanted, place, None, kept, tuple(warnings), undone)
    warnings += _callers_of_changed(context, now, today, then, place)
    return Chosen(wanted, place, then, kept, tuple(warnings), undone)


def _unknown(wanted: Wanted, functions: Iterable[str]) -> str:
    names = list(functions)
    close = difflib.get_close_matches(wanted.qualname, names, n=3, cutoff=0.5)
    close = close or [n for n in names if n.rpartition(".")[2] == wanted.qualname.rpartition(".")[2]][:3]
    hint = f"did you mean {', '.join(close)}?" if close else "check the qualname, such as Cart.total"
    return f"{wanted.path} has no function {wanted.qualname} today; {hint}"


def _check_incident(context: Context, now: Place) -> None:
    if context.incident is None:
        return
    then = context.history.locate(now, context.incident)
    if then is None:
        raise Refusal(f"it does not exist at the incident's revision, {context.incident[:12]}; check --incident")
    if context.history.code_hash(then) != context.history.code_hash(now):
        commits = [change.after.commit[:12] for change in context.history.changes(now, since=context.incident)]
        shown = ", ".join(commits[:_MAX_COMMITS_NAMED]) or "a commit that git log does not show"
        more = f" and {len(commits) - _MAX_COMMITS_NAMED} more" if len(commits) > _MAX_COMMITS_NAMED else ""
        raise Refusal(f"it was changed again since the incident by {shown}{more}; look at those, then drop --incident")


def _target(context: Context, now: Place) -> tuple[Place, str | None]:
    """The place to restore from and the commit that this undoes; Refusal for a function that was not there."""
    if context.to is not None:
        place = context.history.locate(now, context.to)
        if place is None:
            context.history.module(context.to, now.path)  # says so where the file cannot be read
            raise Refusal(_new(context, now, f"it did not exist at {context.to[:12]}"))
        return place, None
    change = _last_change(context, now)
    if change is None:
        raise Refusal("git shows no commit that changed it; name the revision with --to")
    if change.before is None:
        if _is_cut(context.repository, change.after.commit):
            raise Refusal(
                f"this clone is shallow and its history ends at {change.after.commit[:12]}; "
                "run git fetch --unshallow, or name the revision with --to"
            )
        context.history.module(f"{change.after.commit}^", change.after.path)
        raise Refusal(_new(context, now, f"it came with {change.after.commit[:12]} and has not changed since"))
    return change.before, change.after.commit


def _is_cut(repository: Repository, commit: str) -> bool:
    """Whether a shallow clone hides what came before."""
    if repository.run("rev-parse", "--is-shallow-repository").strip() != b"true":
        return False
    return not repository.run("log", "-1", "--no-show-signature", "--format=%P", "--end-of-options", commit).strip()


def _last_change(context: Context, now: Place) -> Change | None:
    return next(context.history.changes(now), None)


def _new(context: Context, now: Place, reason: str) -> str:
    used = callers(context.repository, context.head, path=now.path, qualname=now.qualname)
    shown = ", ".join(map(str, used[:MAX_SHOWN])) or "none found"
    more = f" and {len(used) - MAX_SHOWN} more" if len(used) > MAX_SHOWN else ""
    return f"{reason}: a new function, so a revert means removing it by hand; its name is used at: {shown}{more}"


def _kept(context: Context, now: Place, place: Place, whole: frozenset[str]) -> tuple[str, ...]:
    """Nested functions whose own later change survives: a three-way choice, one function at a time."""
    today, then = context.history.logic(now), context.history.logic(place)
    changed = [t for t in today if t and now.qualname + t not in whole and then.get(t) != today[t]]
    base = _base(context, now) if changed else None
    if base is None:
        return ()
    between = context.history.logic(base)
    kept = []
    for tail in changed:
        if between.get(tail, today[tail]) == today[tail]:
            continue
        nested = now.qualname + tail
        if then.get(tail) != between[tail]:
            raise Refusal(
                f"{nested} inside it was changed on its own since {base.commit[:12]}; "
                f"name {now.path}::{nested} to revert it too"
            )
        kept.append(nested)
    return tuple(sorted(kept, key=lambda q: q.count(".")))


def _base(context: Context, now: Place) -> Place | None:
    """The common ground of the three-way choice: the incident, else the last commit that changed the outer logic."""
    if context.incident is not None:
        return context.history.locate(now, context.incident)
    change = _last_change(context, now)
    return None if change is None else change.after


def _differs(history: History, now: Place, place: Place, kept: Sequence[str]) -> bool:
    """Whether the logic of the function, or of one nested in it that is not kept, is another than then."""
    skipped = {q.removeprefix(now.qualname) for q in kept}
    today, then = (
        {tail: value for tail, value in history.logic(where).items() if tail not in skipped} for where in (now, place)
    )
    return today != then


def _callers_of_changed(context: Context, now: Place, today: Module, then: Module, place: Place) -> list[str]:
    """Who to look at when the way to call the function changes."""
    before, after = ([signature(n) for n in m.nodes(q)] for m, q in ((today, now.qualname), (then, place.qualname)))
    if before == after:
        return []
    used = callers(context.repository, context.head, path=now.path, qualname=now.qualname)
    shown = ", ".join(map(str, used[:MAX_SHOWN]))
    more = f" and {len(used) - MAX_SHOWN} more" if len(used) > MAX_SHOWN else ""
    return [f"its signature goes back too; by name it is used at: {shown}{more}"] if used else []
