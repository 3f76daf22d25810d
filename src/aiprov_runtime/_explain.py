"""From an exception or a live stack to the suspect function: the AI or mixed function nearest to the raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple, cast

from aiprov_runtime._index import Attribution, Index

RAISED, ON_STACK, EXECUTED = "raised", "on_stack", "executed"
MAX_EXCEPTIONS = 64
_MAX_FRAMES = 100_000
_MAX_FUNCTIONS = 16
_MAX_VALUE = 200
_MAX_LIST = 3000


class Raised(NamedTuple):
    """One exception of a chain or group: how it hangs on its parent."""

    error: BaseException
    relation: str
    """`top`, `cause`, `context` or `member`."""
    parent: int | None


class Step(NamedTuple):
    """A recorded function on the path, with the frame that it ran in."""

    attribution: Attribution
    relation: str
    name: str
    """Module and qualname, as `code.function.name` wants them."""
    file: str
    line: int


class Explanation(NamedTuple):
    """What is known of the failing path."""

    manifest: str
    origin: str
    suspect: Step | None
    steps: tuple[Step, ...]
    """The recorded functions on the path, nearest to the raise first: 16 of models and as many others at most."""
    executed: tuple[str, ...] = ()
    """AI functions that ran in the same trace and are not on the path: a hint, never the suspect."""

    def tags(self) -> dict[str, str]:
        """The `aiprov.*` names of the wire; a name whose value is not known is left out."""
        tags: dict[str, str | None] = {
            "aiprov.origin": self.origin,
            "aiprov.generated": "true" if self.suspect else "false",
            "aiprov.manifest": self.manifest,
        }
        if self.suspect is not None:
            found = self.suspect.attribution
            tags |= {
                "aiprov.function": found.function,
                "aiprov.model": found.model,
                "aiprov.tool": found.tool,
                "aiprov.prompt_hash": found.prompt_hash,
                "aiprov.relation": self.suspect.relation,
                "aiprov.state": found.state,
            }
        elif self.executed:
            tags["aiprov.relation"] = EXECUTED
        return {name: fit(value) for name, value in tags.items() if value}

    def context(self) -> dict[str, object]:
        """Where the suspect is, and every AI function on the path; flat and below 8 kB for vendors' serializers."""
        context: dict[str, object] = {"manifest": self.manifest}
        if self.suspect is not None:
            found = self.suspect.attribution
            context["code.function.name"] = fit(self.suspect.name)
            context["code.file.path"] = fit(found.function.partition("::")[0])
            context["code.line.number"] = self.suspect.line
            if found.generated_at:
                context["generated_at"] = fit(found.generated_at)
        written = [step.attribution for step in self.steps if step.attribution.is_ai]
        context["functions"] = _bounded(found.function for found in written)
        context["models"] = _bounded(dict.fromkeys(m for found in written for m in (found.model, *found.models) if m))
        if self.executed:  # in the room that the path's own functions leave
            used = sum(len(ascii(name)) for name in cast("list[str]", context["functions"]))
            context["executed"] = _bounded(self.executed, _MAX_LIST - used)
        return context


def _bounded(values: Iterable[str], room: int = _MAX_LIST) -> list[str]:
    """As many of the first values as a few kB hold."""
    kept = []
    for value in map(fit, values):
        room -= len(ascii(value))
        if room < 0:
            break
        kept.append(value)
    return kept


def fit(value: str) -> str:
    """At most 200 characters and one line, which every vendor takes; of a longer value the end says more."""
    value = value.replace("\n", " ")
    return value if len(value) <= _MAX_VALUE else "…" + value[1 - _MAX_VALUE :]


def exceptions(top: BaseException) -> list[Raised]:
    """The exception, what it was raised from or while handling, and the members of groups; bounded."""
    found = [Raised(top, "top", None)]
    if top.__cause__ is None and top.__context__ is None and not isinstance(top, BaseExceptionGroup):
        return found
    seen = {id(top)}

    def add(error: BaseException | None, relation: str, parent: int) -> None:
        if error is not None and id(error) not in seen and len(found) < MAX_EXCEPTIONS:
            seen.add(id(error))
            found.append(Raised(error, relation, parent))

    index = 0
    while index < len(found):
        error = found[index].error
        if error.__cause__ is not None:
            add(error.__cause__, "cause", index)
        elif not error.__suppress_context__:
            add(error.__context__, "context", index)
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                add(member, "member", index)
        index += 1
    return found


def nearest_first(found: Sequence[Raised]) -> list[Raised]:
    """The root cause, then what wraps it, then the members of groups in the same way."""
    if len(found) == 1:
        return list(found)
    ordered: list[Raised] = []
    heads = [0]
    for head in heads:
        chain = [head]
        while (below := _raised_from(found, chain[-1])) is not None:
            chain.append(below)
        ordered += (found[index] for index in reversed(chain))
        heads += (i for i, r in enumerate(found) if r.relation == "member" and r.parent in chain)
    return ordered


def _raised_from(found: Sequence[Raised], parent: int) -> int | None:
    return next((i for i, r in enumerate(found) if r.parent == parent and r.relation in ("cause", "context")), None)


Frame = tuple[CodeType, TracebackType | FrameType]
"""A code object and where it ran; the line is only read where it is wanted, as CPython has to decode it."""


def frames_of(traceback: TracebackType | None) -> list[Frame]:
    """A traceback's frames, outermost first."""
    frames: list[Frame] = []
    while traceback is not None:  # ends: CPython refuses a loop
        frames.append((traceback.tb_frame.f_code, traceback))
        traceback = traceback.tb_next
    return frames


def line_of(frame: Frame) -> int:
    """The line that the frame was on."""
    place = frame[1]
    return (place.tb_lineno if isinstance(place, TracebackType) else place.f_lineno) or 0


def _module_of(place: TracebackType | FrameType) -> str:
    frame = place.tb_frame if isinstance(place, TracebackType) else place
    return str(frame.f_globals.get("__name__", ""))


def _stack_of(frame: FrameType | None) -> Iterator[Frame]:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return
        yield frame.f_code, frame
        frame = frame.f_back


def _step(attribution: Attribution, frame: Frame, relation: str) -> Step:
    code, place = frame
    return Step(
        attribution, relation, f"{_module_of(place) or '?'}.{code.co_qualname}", code.co_filename, line_of(frame)
    )


class _Path:
    """Collects the steps of one path, exception by exception, innermost frame first."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.steps: dict[str, Step] = {}
        self.suspect: Step | None = None
        self.innermost: CodeType | None = None
        self._room = {True: _MAX_FUNCTIONS, False: _MAX_FUNCTIONS}
        self._crowded: set[str] = set()

    def add(self, frames: Sequence[Frame]) -> None:
        # All of them first: a resolved file makes its whole package application code.
        files = {name: self._index.file(name) for name in {code.co_filename for code, _ in frames}}
        if not any(files.values()):
            if self.innermost is None:
                self.innermost = next((code for code, _ in frames if self._index.is_application(code)), None)
            return
        met_application = False
        for frame in frames:
            code = frame[0]
            file = files[code.co_filename]
            known = None if file is None else file.find(code)
            if known is None and (met_application or not self._index.is_application(code)):
                continue
            if self.innermost is None:
                self.innermost = code
            if file is not None and known is not None and known.function not in self.steps:
                is_ai = known.is_ai
                if self._room[is_ai]:  # each on its own: many people's functions leave room for the model's
                    self._room[is_ai] -= 1
                    step = _step(file.verified(known, code) or known, frame, ON_STACK if met_application else RAISED)
                    self.steps[known.function] = step
                    if is_ai and self.suspect is None:
                        self.suspect = step
                else:
                    self._crowded.add(known.function)
            met_application = True

    def explanation(self, executed: Sequence[str] = ()) -> Explanation:
        origin = "unknown"
        if self.suspect is not None:
            origin = self.suspect.attribution.contributor
        elif self.innermost is not None and (known := self._index.lookup(self.innermost)) is not None:
            origin = known.contributor
        elsewhere = tuple(n for n in executed if n not in self.steps and n not in self._crowded) if executed else ()
        return Explanation(self._index.manifest, origin, self.suspect, tuple(self.steps.values()), elsewhere)


def explain_exception(index: Index, error: BaseException, *, executed: Sequence[str] = ()) -> Explanation:
    """Judge an exception by the tracebacks of its whole chain."""
    path = _Path(index)
    for raised in nearest_first(exceptions(error)):
        path.add(frames_of(raised.error.__traceback__)[::-1])
    return path.explanation(executed)


def explain_frame(
    index: Index,
    frame: FrameType | None,
    *,
    skip: Callable[[str], bool] = lambda _: False,
    executed: Sequence[str] = (),
) -> Explanation:
    """Judge a live stack, from `frame` outward; `skip` is told module names that are a reporter's own."""
    path = _Path(index)
    path.add([entry for entry in _stack_of(frame) if not skip(_module_of(entry[1]))])
    return path.explanation(executed)
