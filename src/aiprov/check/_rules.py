"""The policy's rules, one function each: from what is known to findings that say what would mend them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from aiprov.check._evidence import BY_MODELS, generations
from aiprov.check._findings import Finding
from aiprov.check._mentions import is_test, mentions, name_in_tests
from aiprov.check._reviews import Reviews
from aiprov.check._tree import Tree
from aiprov.config import Policy
from aiprov.provenance._moves import Place
from aiprov.text import safe
from aiprov_runtime._functions import MODULE
from aiprov_runtime._manifest import Generation, Manifest, Record

PYPROJECT = "pyproject.toml"
_SUBJECT = 60


@dataclass(frozen=True)
class Facts:
    """What the rules judge: the manifest as it should be today, the tree, and the commits since the policy began."""

    policy: Policy
    manifest: Manifest
    tree: Tree
    commits: Collection[str]
    """By a model, the newest first."""
    reviews: Reviews | None
    """Of these commits; None where history was not to be read."""
    is_new: Callable[[Generation], bool]
    """Whether it came after the policy's start."""

    @cached_property
    def functions(self) -> dict[Place, Record]:
        """By a model at least in part, since the policy's start and not excluded."""
        return {
            (path, qualname): record
            for path, functions in self.manifest.files.items()
            for qualname, record in functions.items()
            if record.contributor in BY_MODELS
            and not self.is_excluded(path, qualname)
            and any(map(self.is_new, generations(record, self.manifest)))
        }

    @cached_property
    def mentions(self) -> dict[str, set[Place]]:
        names = {name for _, qualname in self.functions if (name := name_in_tests(qualname))}
        return mentions((source for source in self.tree.all() if is_test(source.path)), names)

    def is_excluded(self, path: str, qualname: str) -> bool:
        names = (path, f"{path}::{qualname}")
        return any(fnmatchcase(name, pattern) for pattern in self.policy.exclude for name in names)

    def models(self, record: Record) -> tuple[set[str], bool]:
        """The models that the record names, and whether each of its generations names one and no more."""
        found: set[str] = set()
        is_known = True
        for generation in generations(record, self.manifest):
            named = [generation.model] if generation.model else list(generation.models)
            if not named and generation.raw_model:
                named = [generation.raw_model]
            found.update(named)
            is_known = is_known and len(named) == 1 and not _may_be_any(generation)
        return found, is_known and bool(found)

    def finding(self, place: Place, rule: str, message: str) -> Finding:
        path, qualname = place
        line = self.tree.source(path).line(qualname)
        function = f"{path}::{qualname}"
        return Finding(kind="policy", rule=rule, message=message, function=function, path=path, line=line)


def violations(facts: Facts) -> Iterator[Finding]:
    for rule in (_models, _reviewer, _tests, _same_model_tests, _unreviewed_share):
        yield from rule(facts)


def matches(model: str, pattern: str) -> bool:
    """A pattern without a slash is held against the model alone, whoever provides it."""
    name = model.lower()
    if "/" not in pattern:
        name = name.partition("/")[2] or name
    return fnmatchcase(name, pattern.lower())


def _may_be_any(generation: Generation) -> bool:
    """Whether the model may be one that the record does not name: a list of one leaves another open."""
    return not (generation.model or generation.raw_model or len(generation.models) > 1)


def _models(facts: Facts) -> Iterator[Finding]:
    policy = facts.policy
    if not (policy.allowed_models or policy.forbidden_models):
        return
    for place, record in facts.functions.items():
        named, _ = facts.models(record)
        forbidden = {model for model in named if any(matches(model, pattern) for pattern in policy.forbidden_models)}
        if forbidden:
            message = f"by {_list(forbidden)}, which is forbidden; have it written anew, then record who wrote it"
            yield facts.finding(place, "forbidden_models", message)
        if not policy.allowed_models:
            continue
        others = {model for model in named if not any(matches(model, pattern) for pattern in policy.allowed_models)}
        if others - forbidden:
            message = f"by {_list(others - forbidden)}, which is not allowed; have it written anew, or allow the model"
            yield facts.finding(place, "allowed_models", message)
        elif not policy.allow_unknown_model and any(map(_may_be_any, generations(record, facts.manifest))):
            message = "by a model that no record names, so it cannot be said to be allowed; record it: `aiprov record`"
            yield facts.finding(place, "allow_unknown_model", message)


def _reviewer(facts: Facts) -> Iterator[Finding]:
    if not facts.policy.require_reviewer or facts.reviews is None:
        return
    for commit in facts.commits:
        if commit not in facts.reviews.reviewed:
            subject = safe(facts.reviews.subjects.get(commit, ""), limit=_SUBJECT)
            named = f"commit {commit[:12]} ({subject}) names an AI tool, and no person under {facts.policy.trailer}"
            yield Finding(
                kind="policy",
                rule="require_reviewer",
                message=f"{named}; have it reviewed, and amend or merge it with that trailer",
                path=PYPROJECT,
                commit=commit,
            )


def _tests(facts: Facts) -> Iterator[Finding]:
    if not facts.policy.require_tests:
        return
    for place in facts.functions:
        name = name_in_tests(place[1])
        if name and not is_test(place[0]) and name not in facts.mentions:
            message = f"by a model, and no test file names {name}; write a test that calls it"
            yield facts.finding(place, "require_tests", message)


def _same_model_tests(facts: Facts) -> Iterator[Finding]:
    """Only where the records name every model, of the function and of each test function that names it."""
    if not facts.policy.forbid_same_model_tests:
        return
    for place, record in facts.functions.items():
        name = name_in_tests(place[1])
        writers, is_known = facts.models(record)
        if not name or is_test(place[0]) or not is_known:
            continue
        tests = [test for test in facts.mentions.get(name, ()) if test[1] != MODULE]
        if tests and all(_is_by(facts, test, writers) for test in tests):
            message = f"all tests that name {name} are by {_list(writers)}, as it is itself; add one by somebody else"
            yield facts.finding(place, "forbid_same_model_tests", message)


def _is_by(facts: Facts, test: Place, writers: set[str]) -> bool:
    record = facts.manifest.files.get(test[0], {}).get(test[1])
    if record is None or record.contributor != "ai":
        return False
    models, is_known = facts.models(record)
    return is_known and models <= writers


def _unreviewed_share(facts: Facts) -> Iterator[Finding]:
    cap, reviews = facts.policy.max_unreviewed_ai_share, facts.reviews
    if cap is None or reviews is None:
        return
    names = {
        (source.path, qualname)
        for source in facts.tree.all()
        for qualname in source.functions or ()
        if qualname != MODULE and not facts.is_excluded(source.path, qualname)
    }
    unreviewed = sum(
        place in names and any(g.commit not in reviews.reviewed for g in generations(record, facts.manifest))
        for place, record in facts.functions.items()
    )
    if names and unreviewed / len(names) > cap:
        share = f"{unreviewed} of {len(names)} functions are by a model and in no commit with a {facts.policy.trailer}"
        yield Finding(
            kind="policy",
            rule="max_unreviewed_ai_share",
            message=f"{share} trailer, more than {cap:g} of them; review what comes in, or raise the cap",
            path=PYPROJECT,
        )


def _list(models: Collection[str]) -> str:
    return ", ".join(sorted(models))
