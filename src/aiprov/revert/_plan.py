"""From function names to edits and a patch; nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.revert._choose import Chosen, Context
from aiprov.revert._file import REFUSED, FileResult, Outcome, refused, revert_file
from aiprov.revert._gates import Wanted, check_idle, committed_file, revision, wanted
from aiprov.revert._history import History
from aiprov.revert._patch import check, diff
from aiprov.revert._provenance import Returned, returned, with_records
from aiprov.revert._source import Refusal
from aiprov.revert._write import Edit
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, dumps, load


@dataclass(frozen=True, slots=True)
class Plan:
    head: str
    to: str | None
    """The commit named by `--to`; None where each function has its own."""
    outcomes: tuple[Outcome, ...]
    edits: tuple[Edit, ...]
    """Empty where any function is refused."""
    patch: bytes
    notes: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        return any(o.status == REFUSED for o in self.outcomes)


def plan(
    repository: Repository,
    functions: Sequence[str],
    *,
    to: str | None = None,
    incident: str | None = None,
    writing: bool = False,
) -> Plan:
    """Everything that a revert would change; UsageError where the question itself is wrong."""
    head = repository.resolve("HEAD")
    if head is None:
        raise UsageError("this repository has no commit yet; commit the code first")
    target = None if to is None else revision(repository, to, option="--to")
    since = None if incident is None else revision(repository, incident, option="--incident")
    if writing:
        check_idle(repository)
    context = Context(repository, History(repository), head, target, since)
    asked, covered, bad = _asked(functions)
    notes = [f"{nested} comes back with {outer}" for nested, outer in covered.items()]
    if target is not None and repository.run("rev-list", "--max-count=1", target, f"^{head}"):
        notes.append(f"{target[:12]} is not part of HEAD's history: this version may never have stood here")
    results = [
        revert_file(
            context,
            path,
            [one for one in asked if one.path == path],
            whole=frozenset(n.qualname for n in covered if n.path == path),
        )
        for path in sorted({one.path for one in asked})
    ]
    outcomes = (*bad, *(outcome for result in results for outcome in result.outcomes))
    if any(o.status == REFUSED for o in outcomes):
        return Plan(head, target, outcomes, (), b"", tuple(notes))
    edits = [r.edit for r in results if r.edit is not None and r.edit.after != r.edit.before]
    if edits:
        edits += _manifest_edit(context, results, notes)
    patch = b"".join(diff(e.path, e.before, e.after) for e in sorted(edits, key=lambda e: e.path))
    check(repository, patch)
    return Plan(head, target, outcomes, tuple(edits), patch, tuple(notes))


def _asked(functions: Sequence[str]) -> tuple[list[Wanted], dict[Wanted, Wanted], list[Outcome]]:
    """Each function once; nested ones with the function that covers them; what is no function name."""
    asked: dict[Wanted, None] = {}
    bad: dict[str, Outcome] = {}
    for text in functions:
        try:
            asked[wanted(text)] = None
        except Refusal as refusal:
            bad[text] = refused(text, refusal)
    covered: dict[Wanted, Wanted] = {}
    for one in asked:
        outer = [o for o in asked if o.path == one.path and one.qualname.startswith(f"{o.qualname}.<locals>.")]
        if outer:
            covered[one] = min(outer, key=lambda o: len(o.qualname))
    return [one for one in asked if one not in covered], covered, list(bad.values())


def _manifest_edit(context: Context, results: Sequence[FileResult], notes: list[str]) -> list[Edit]:
    """The manifest with the records of then for what came back; none, with a note, where it cannot be kept true."""
    if context.repository.read(context.head, MANIFEST_PATH) is None:
        return []
    try:
        edit = committed_file(context.repository, context.head, MANIFEST_PATH)
        manifest = load(edit.before, name=MANIFEST_PATH)
        written = dumps(manifest) == edit.before
        chosen = [choice for result in results for choice in result.chosen]
        then = {commit: context.repository.manifest(commit) for commit in {c.place.commit for c in chosen}}
        functions = [record for c in chosen for record in _records(c, manifest, then[c.place.commit])]
        after = dumps(with_records(manifest, functions))
    except (Refusal, ValueError) as error:
        notes.append(f"the manifest is left as it is ({error}); run `aiprov scan` after the revert")
        return []
    if not written:
        notes.append("the manifest is left as it is (not in the form that aiprov writes); run `aiprov scan` after it")
        return []
    notes += [
        f"the record of {result.edit.path}::{MODULE} no longer matches; run `aiprov scan`"
        for result in results
        if result.added and result.edit and MODULE in manifest.files.get(result.edit.path, {})
    ]
    return [Edit(edit.path, edit.before, after, edit.crlf)] if after != edit.before else []


def _records(choice: Chosen, today: Manifest, then: Manifest | None) -> list[Returned]:
    """Records for the function, all that are nested in it then or today, and what was brought back for it."""
    path, qualname, place = choice.wanted.path, choice.wanted.qualname, choice.place
    before = then.files.get(place.path, {}) if then else {}
    tails = {q.removeprefix(qualname) for q in today.files.get(path, {}) if q.startswith(f"{qualname}.<locals>.")}
    tails |= {q.removeprefix(place.qualname) for q in before if q.startswith(f"{place.qualname}.<locals>.")}
    pairs = [(qualname + tail, place.qualname + tail) for tail in ["", *sorted(tails)]]
    pairs += [(q, q) for q in sorted(before) for helper in choice.helpers if q == helper or q.startswith(f"{helper}.")]
    return [
        returned(path, name, then=then, then_path=place.path, then_qualname=then_name)
        for name, then_name in pairs
        if name not in choice.kept
    ]
