"""The incident, from the first commit to the error rate after the revert."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from aiprov.demo._commands import CommandError, Commands, clean_environment
from aiprov.demo._example import Example
from aiprov.demo._repository import Built, build, changed_functions
from aiprov.demo._service import deploy, serving
from aiprov.demo._tell import Tell
from aiprov.demo._traffic import CUSTOMERS, Call, Phase, planned, send

REQUESTS = 1500
REVERTED, HOTFIX = "v1.2.1", "hotfix"
SURE = frozenset({"strong", "likely"})
_GONE = 0.95
_REFUSED = 2


class Suspect(msgspec.Struct, frozen=True):
    function: str
    verdict: str
    revert: str | None = None
    model: str | None = None
    prompt_hash: str | None = None


class Spike(msgspec.Struct, frozen=True):
    """The part of `spike --json` that the story needs."""

    verdict: str
    suspects: tuple[Suspect, ...] = ()


class Event(msgspec.Struct, frozen=True):
    """The part of a sink line that the story shows."""

    release: str | None = None
    user: str | None = None
    exceptions: tuple[dict[str, object], ...] = ()
    aiprov: dict[str, str] = {}

    def error(self) -> str:
        return str(self.exceptions[0].get("type", "")).removeprefix("builtins.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened; every number was counted on this machine."""

    built: Built
    before: Phase
    during: Phase
    spike: Spike
    event: Event | None
    """The error of the incident that came most often."""
    changed: frozenset[str]
    """Functions that the bad release changed."""
    reverted: frozenset[str] = frozenset()
    """Functions that differ after the revert."""
    after: Phase | None = None

    @property
    def rose(self) -> bool:
        return self.during.errors > self.before.errors

    @property
    def suspect(self) -> Suspect | None:
        """Whom the story acts on: only a verdict that is more than possible."""
        return self.spike.suspects[0] if self.spike.suspects and self.spike.verdict in SURE else None

    @property
    def recovered(self) -> bool:
        """At least 95 % of the added errors are gone again."""
        last = self.after or self.during
        added, left = self.during.errors - self.before.errors, last.errors - self.before.errors
        return left <= max(0, added) * (1 - _GONE)


def play(example: Example, directory: Path, *, tell: Tell, requests: int = REQUESTS) -> Outcome:
    """The whole story in an empty directory; every process that it starts ends with it."""
    shop = Commands(directory / "shop", clean_environment())
    stage = _Stage(example, directory, shop, tell, planned(example.requests, requests))
    _, good, bad = (release.tag for release in example.releases)

    tell.title(
        "A release breaks, its errors name a model and a prompt, and one function goes",
        "back. All of it happens now, on this machine, over 127.0.0.1.",
    )
    tell.step("A service that people and models wrote")
    with tell.busy("Writing its history: commits, recorded prompts, three releases"):
        built = build(example, shop)
    _introduce(tell, built, example)
    before = stage.run(good, "serves its customers")
    during = stage.run(bad, "is deployed; the same customers, the same requests")
    changed = changed_functions(shop, good, bad)

    tell.step("One of its errors, as the service wrote it down")
    event = _most_frequent(stage.sink, bad)
    _show_event(tell, event)
    if event is None:
        return Outcome(built, before, during, Spike("none"), event, changed)

    tell.step(f"Which of the {len(changed)} functions that {bad} changed is it?")
    spike = stage.spike(good, bad, before=before, during=during)
    outcome = Outcome(built, before, during, spike, event, changed)
    if outcome.suspect is None or not outcome.rose:
        return outcome

    tell.step("Put that function back, and nothing else")
    reverted = stage.revert(outcome.suspect, bad)
    if not reverted:
        return outcome
    after = stage.run(REVERTED, "is deployed; once more the same requests")
    return replace(outcome, reverted=reverted, after=after)


@dataclass(frozen=True, slots=True)
class _Stage:
    example: Example
    directory: Path
    shop: Commands
    tell: Tell
    calls: tuple[Call, ...]

    @property
    def sink(self) -> Path:
        return self.directory / "errors.jsonl"

    def run(self, release: str, title: str) -> Phase:
        """Deploy, serve and stop one release."""
        self.tell.step(f"{release} {title}")
        place = self.directory / "deployed" / release
        deploy(self.shop, release, place)
        log = self.directory / f"{release}.log"
        environment = self.shop.environment
        with (
            self.tell.busy(f"{len(self.calls):,} requests"),
            serving(place, release=release, sink=self.sink, log=log, environment=environment) as service,
        ):
            phase = send(service, self.calls, release=release)
        self.tell.say(
            f"{phase.requests:,} requests of {CUSTOMERS} customers in {phase.seconds:.1f} s: "
            f"{phase.errors:,} failed, {phase.rate:.1%}"
        )
        return phase

    def spike(self, good: str, bad: str, *, before: Phase, during: Phase) -> Spike:
        exposure = f"incident={during.requests},baseline={before.requests}"
        arguments = ["spike", f"../{self.sink.name}", "--release", bad, "--baseline-release", good]
        arguments += ["--exposure", exposure]
        self.tell.show(self.shop, *arguments, ok=(0, 1))
        with self.tell.busy("The same once more as JSON, to go on with"):
            done = self.shop.aiprov(*arguments, "--json", ok=(0, 1))
        try:
            return msgspec.json.decode(done.text, type=Spike)
        except msgspec.DecodeError as error:
            raise CommandError(f"spike --json: {error}") from None

    def revert(self, suspect: Suspect, bad: str) -> frozenset[str]:
        """What differs after the command that `spike` gave, tagged as a release of its own; empty where it refuses."""
        words = shlex.split(suspect.revert or "")
        if words[:2] != ["aiprov", "revert"]:
            raise CommandError(f"spike gave no revert command for {suspect.function}")
        if self.tell.perform(self.shop, *words[1:], "--branch", HOTFIX, ok=(0, _REFUSED)) == _REFUSED:
            return frozenset()
        diff = ["diff", "--unified=1", bad, REVERTED, "--", "shop"]
        for arguments in (["tag", REVERTED, HOTFIX], diff, ["diff", "--stat", bad, REVERTED]):
            self.tell.quote(shlex.join(["git", *arguments]), self.shop.git(*arguments))
        return changed_functions(self.shop, bad, REVERTED)


def _introduce(tell: Tell, built: Built, example: Example) -> None:
    tags = " ".join(release.tag for release in example.releases)
    by_model = Counter(_models(built))
    tell.say(
        f"{built.functions} functions in {built.commits} commits by {built.people} people"
        f" and {len(by_model)} models, {tags}.",
        "One line in shop/app.py instruments it: aiprov_runtime.init(...).",
        "`aiprov record` and `aiprov scan` wrote the manifest, which is committed too.",
        "Functions by",
        "",
    )
    rows = [(model, f"{count:2}") for model, count in by_model.most_common()]
    tell.facts([*rows, ("people, or not recorded", f"{built.functions - by_model.total():2}")])


def _models(built: Built) -> Iterator[str]:
    """The model of every function that the manifest has one for."""
    for functions in built.manifest.files.values():
        for name, record in functions.items():
            if name != "<module>" and record.generation is not None:
                yield built.manifest.generations[record.generation].model or "a model"


def _most_frequent(sink: Path, release: str) -> Event | None:
    """The last of the release's most frequent kind of error."""
    kinds: dict[tuple[str, str], list[Event]] = {}
    if sink.exists():
        with sink.open("rb") as lines:
            for line in lines:
                event = msgspec.json.decode(line, type=Event)
                if event.release == release and event.exceptions:
                    kinds.setdefault((event.error(), event.aiprov.get("aiprov.function", "")), []).append(event)
    return max(kinds.values(), key=len)[-1] if kinds else None


def _show_event(tell: Tell, event: Event | None) -> None:
    if event is None:
        tell.say("There is none.")
        return
    rows = [("error", event.error()), ("release", event.release or ""), ("user", f"{event.user} (a hash)")]
    tell.facts([*rows, *event.aiprov.items()])
