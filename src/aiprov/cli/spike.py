"""`aiprov spike`: from an error spike to the functions to revert."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiprov.cli import _output
from aiprov.errors import UsageError
from aiprov.text import safe

if TYPE_CHECKING:
    from aiprov.git import Repository
    from aiprov.triage import Spike, Suspect

_RELATIVE = re.compile(r"(\d{1,6})\s*([smhdw])(?:\s*ago)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EXPOSURE = re.compile(r"(incident|baseline)=(\d{1,15}(?:\.\d{1,6})?)")
_TIME = "ISO 8601 (UTC where no zone is given), or like 2h ago: 2h, 30m, 1d."


def spike(  # noqa: PLR0913, PLR0917  # one parameter an option
    source: Annotated[str, typer.Argument(help="A file of error events or logs, or - for standard input.")],
    release: Annotated[str | None, typer.Option(help="The release that fails.")] = None,
    baseline_release: Annotated[str | None, typer.Option(help="The release to compare with.")] = None,
    since: Annotated[str | None, typer.Option(help=f"Start of the incident. {_TIME}")] = None,
    until: Annotated[str | None, typer.Option(help="End of the incident, not included.")] = None,
    baseline_since: Annotated[str | None, typer.Option(help="Start of the baseline; default: all before.")] = None,
    baseline_until: Annotated[str | None, typer.Option(help="End of the baseline; default: the incident.")] = None,
    exposure: Annotated[
        str | None, typer.Option(help="Requests served: incident=N,baseline=M. Default: the windows' lengths.")
    ] = None,
    environment: Annotated[str | None, typer.Option(help="Only events of this environment.")] = None,
    repo: Annotated[Path, typer.Option(help="The repository of the code.")] = Path(),
    app: Annotated[list[str] | None, typer.Option(help="Files that are yours: part of a path, or a glob.")] = None,
    not_app: Annotated[list[str] | None, typer.Option(help="Files that are not yours.")] = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many functions to show.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> int:
    """Name the AI-generated functions that an error spike is consistent with, and the commands that revert them."""
    import duckdb

    from aiprov import events, triage
    from aiprov.config import load_config
    from aiprov.git import Repository
    from aiprov.report import spike as report

    now = datetime.now(UTC)
    request = triage.Request(
        since=_time(since, "--since", now=now),
        until=_time(until, "--until", now=now),
        baseline_since=_time(baseline_since, "--baseline-since", now=now),
        baseline_until=_time(baseline_until, "--baseline-until", now=now),
        release=release,
        baseline_release=baseline_release,
        requests=None if exposure is None else _exposure(exposure),
        environment=environment,
        scope=triage.Scope(tuple(app or ()), tuple(not_app or ())),
        top=top,
    )
    repository = Repository.discover(repo)
    if repository.resolve("HEAD") is None:
        raise UsageError("this repository has no commit yet; commit the code that the events come from")
    prompt_url = load_config(repository.root).prompt_url
    codebase = triage.GitCodebase(repository)
    with duckdb.connect() as connection:
        loaded = events.load(source, connection)
        found = triage.spike(connection, codebase=codebase, request=request)
    found = _tried(found, repository)
    for problem in (*loaded.problems, *codebase.problems):
        _output.note(problem)
    if as_json:
        _output.emit(report.as_json(found, prompt_url=prompt_url), verb="spike")
    else:
        report.show(found, _output.console(), prompt_url=prompt_url)
    if found.verdict != "none" and not Path.cwd().resolve().is_relative_to(repository.root.resolve()):
        _output.note(f"run the commands in {safe(str(repository.root))}, or add --repo to them")
    return 0 if found.verdict == "none" else 1


def _tried(found: Spike, repository: Repository) -> Spike:
    """With what `aiprov revert` would refuse of the commands, in the work tree as it is."""
    return replace(found, suspects=tuple(replace(one, refusal=_refusal(one, repository)) for one in found.suspects))


def _refusal(one: Suspect, repository: Repository) -> str:
    from aiprov import revert

    if one.revert_to is None or one.changed == "unchanged":
        return ""
    try:
        plan = revert.plan(repository, [one.function], to=one.revert_to)
    except UsageError as error:
        return str(error)
    return "; ".join(outcome.reason for outcome in plan.outcomes if outcome.reason)


def _time(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """Naive UTC."""
    if text is None:
        return None
    relative = _RELATIVE.fullmatch(text.strip())
    try:
        if relative is not None:
            moment = now - timedelta(seconds=int(relative[1]) * _UNITS[relative[2]])
        else:
            moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        shown = safe(text, limit=60)
        raise UsageError(f"{option} {shown!r}: write it as 2026-11-22T10:00:00Z, or as 2h for two hours ago") from None


def _exposure(text: str) -> tuple[float, float]:
    """Requests of the incident and of the baseline."""
    given = dict(_EXPOSURE.findall(text))
    values = tuple(float(given.get(name, 0)) for name in ("incident", "baseline"))
    if len(text.split(",")) != 2 or not all(values):  # noqa: PLR2004  # one for each window
        raise UsageError(f"--exposure {safe(text, limit=60)!r}: write it as incident=N,baseline=M, both above 0")
    return values[0], values[1]
