"""A spike as an on-call engineer reads it, and as a program does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiprov.provenance import prompt_link
from aiprov.provenance._models import said_of
from aiprov.text import safe
from aiprov.triage import Period, Spike, Suspect, Timeline

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_BARS, _ASCII_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_STYLES = {"strong": "bold red", "likely": "bold yellow", "possible": "bold cyan", "none": "bold green"}
_MOST = 0.5
_HASH = 19
_SURE = 0.995
_CONSIDERED = 3
_MANY = 1000


def as_json(spike: Spike, *, prompt_url: str | None = None) -> dict[str, object]:
    """The contract's fields, and what else a program may want."""
    return {
        "verdict": spike.verdict,
        "headline": " ".join(headline(spike)),
        "reason": spike.reason,
        "window": _period(spike.incident) | {"proposed": spike.proposed},
        "baseline": _period(spike.baseline),
        "exposure": {"kind": spike.exposure, "ratio": _number(spike.exposure_ratio)},
        "totals": {
            "events": spike.incident.events,
            "units": _number(spike.incident.units),
            "excess": _number(spike.excess),
            "baseline_events": spike.baseline.events,
            "baseline_units": _number(spike.baseline.units),
        },
        "dispersion": _number(spike.dispersion),
        "unexplained": _number(spike.unexplained.total),
        "unexplained_by": {
            "human": _number(spike.unexplained.human),
            "unrecorded": _number(spike.unexplained.unrecorded),
            "third_party": _number(spike.unexplained.third_party),
            "unresolved": _number(spike.unexplained.unresolved),
        },
        "suspects": [_suspect(one, prompt_url) for one in spike.suspects],
        "considered": [_suspect(one, prompt_url) for one in spike.considered],
        "notes": list(spike.notes),
    }


def _period(period: Period) -> dict[str, object]:
    return {
        "since": _iso(period.since),
        "until": _iso(period.until),
        "release": period.release,
        "revision": period.revision,
    }


def _suspect(one: Suspect, prompt_url: str | None) -> dict[str, object]:
    change = one.last_change
    return {
        "function": one.function,
        "contributor": one.contributor,
        "model": one.model,
        "models": list(one.models),
        "tool": one.tool,
        "prompt_hash": one.prompt_hash,
        "prompt_url": _link(one, prompt_url),
        "state": one.state,
        "verdict": one.verdict,
        "reason": one.reason,
        "tier": one.tier,
        "score": _number(one.score),
        "factors": {
            "explained_share": _number(one.explained_share),
            "rate": _number(one.rate),
            "specificity": _number(one.specificity),
            "change": _number(one.change),
        },
        "rate_ratio": _number(one.rate_ratio),
        "rate_ratio_at_least": _number(one.rate_ratio_at_least),
        "q": _number(one.q),
        "changed": one.changed,
        "units": {"incident": _number(one.units_incident), "baseline": _number(one.units_baseline)},
        "actors": one.actors,
        "resolved_by": one.resolved_by,
        "linked": one.linked,
        **_ran(one),
        "last_change": None
        if change is None
        else {
            "commit": change.commit,
            "date": change.date,
            "subject": change.subject,
            "recorded": one.last_recorded,
            "model": one.last_generation.model if one.last_generation else None,
        },
        "revert": one.revert,
        "revert_refused": one.refusal or None,
    }


def _ran(one: Suspect) -> dict[str, object]:
    if one.ran is None:
        return {}
    return {
        "ran": {
            "failing": one.ran.failing,
            "failing_traces": one.ran.failing_traces,
            "healthy": one.ran.healthy,
            "healthy_traces": one.ran.healthy_traces,
            "healthy_share": _number(one.ran.healthy_share),
        }
    }


def _link(one: Suspect, prompt_url: str | None) -> str | None:
    return prompt_link(prompt_url, prompt_hash=one.prompt_hash, generation=one.generation)


def _number(value: float) -> float | int | None:
    """Six significant digits, whole numbers as such; JSON knows no infinity."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat() + "Z"


def show(spike: Spike, console: Console, *, prompt_url: str | None = None) -> None:
    """Verdict, timeline, functions with their factors and commands, then what is not known."""
    from rich.padding import Padding
    from rich.text import Text

    for line in headline(spike):
        console.print(
            Text(safe(line), style=_STYLES[spike.verdict] if line == headline(spike)[0] else ""), soft_wrap=True
        )
    console.print()
    bars = _ASCII_BARS if not console.encoding.lower().startswith("utf") else _BARS
    if spike.timeline is not None:
        console.print(Text("  ").append_text(_timeline(spike.timeline, spike.incident, bars)), no_wrap=True)
    for name, period in (("baseline", spike.baseline), ("incident", spike.incident)):
        if period.since or period.release or period.events:
            console.print(Padding(Text(_window(name, period)), (0, 0, 0, 2), expand=False))
    for rank, one in enumerate(spike.suspects, 1):
        _show_suspect(rank, one, spike, console, link=_link(one, prompt_url))
    if spike.excess:
        console.print()
        for line in _null_row(spike):
            console.print(Padding(Text(line), (0, 0, 0, 3), expand=False))
    _show_rest(spike, console)


def _show_suspect(rank: int, one: Suspect, spike: Spike, console: Console, *, link: str | None) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print()
    console.print(_title(rank, one), soft_wrap=True)
    for text in _facts(one, spike):
        console.print(Padding(text, (0, 0, 0, 3), expand=False))
    # One line however long, so that a copy of it is the link or the command.
    if link:
        console.print(Text(f"   prompt at {safe(link, limit=4000)}"), soft_wrap=True)
    for line in _command(one):
        console.print(Text("   " + line, style="bold"), soft_wrap=True)


def _show_rest(spike: Spike, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if spike.considered and not spike.suspects:
        console.print("\nBy a model, on these stacks, and not named:")
        for one in spike.considered[:_CONSIDERED]:
            console.print(Padding(Text(safe(f"{one.function}: {one.reason}")), (0, 0, 0, 2), expand=False))
    if spike.notes:
        console.print("\nTo know:", style="dim")
        for note in spike.notes:
            console.print(Padding(Text("- " + safe(note), style="dim"), (0, 0, 0, 2), expand=False))


def headline(spike: Spike) -> tuple[str, ...]:
    """The verdict in one sentence, and where it stands in the way of a hasty revert, a second one."""
    if not spike.suspects:
        if not spike.excess:
            return "No spike found.", spike.reason
        return "No AI-generated function explains this spike.", spike.reason
    best = spike.suspects[0]
    beside = "" if best.tier == "on_stack" else ", which is not on the stack itself"
    sentence = f"{spike.verdict.capitalize()}: consistent with a regression in {best.function}{beside}."
    expected = spike.incident.units - spike.excess
    passing = (
        f"{_share(best.through)} of {_count(spike.excess)} excess errors pass through it"
        f" ({_count(spike.incident.units)} units, about {_count(max(0.0, expected))} expected)."
    )
    if spike.unexplained.total > _MOST:
        return "No AI-generated function explains this spike.", f"Nearest to it: {sentence}"
    return (sentence, passing) if best.tier == "on_stack" else (sentence,)


def _timeline(timeline: Timeline, incident: Period, bars: str) -> Text:
    from rich.text import Text

    top = max(timeline.units, default=0.0) or 1.0
    width = (timeline.until - timeline.since) / len(timeline.units)
    start = len(timeline.units)
    if incident.since is not None:
        start = max(0, min(start, round((incident.since - timeline.since) / width)))
    drawn = "".join(bars[min(len(bars) - 1, math.ceil(units / top * (len(bars) - 1)))] for units in timeline.units)
    text = Text(drawn[:start], style="dim")
    text.append("|" if start < len(drawn) else "", style="bold")
    text.append(drawn[start:], style="red")
    if incident.since is not None:
        text.append("\n  " + _mark(timeline, incident, at=start, width=len(drawn) + 1), style="bold")
    return text


def _mark(timeline: Timeline, incident: Period, *, at: int, width: int) -> str:
    """Under the bars: where the incident starts, and when its release was first seen."""
    words = f"incident since {incident.since:%Y-%m-%d %H:%M} UTC"
    if timeline.released is not None:
        words += f", {safe(incident.release or '', limit=24)} first seen {timeline.released:%H:%M}"
    if at + 2 + len(words) <= width:
        return " " * at + f"^ {words}"
    return " " * max(0, at - 1 - len(words)) + f"{words} ^"


def _window(name: str, period: Period) -> str:
    duration = ""
    if period.since is not None and period.until is not None:
        duration = f" in {_length(period.until - period.since)}"
    parts = [f"{name}  {_count(period.units)} units{duration} ({_count(period.events)} events)"]
    parts += [safe(period.release, limit=40)] if period.release else []
    parts += [period.short] if period.short and period.short != period.release else []
    return "  ".join(parts)


def _title(rank: int, one: Suspect) -> Text:
    from rich.text import Text

    text = Text(f"{rank}  ")
    text.append(safe(one.function), style="bold")
    text.append(f"  {one.verdict}", style=_STYLES[one.verdict])
    if one.tier != "on_stack":
        text.append("  ran before the error" if one.tier == "executed" else "  not on the stack", style="dim")
    return text


def _facts(one: Suspect, spike: Spike) -> Iterator[Text]:
    from rich.text import Text

    if one.tier == "on_stack":
        yield Text(", ".join(_factors(one)))
        yield Text(
            f"{_count(one.units_incident)} units now, {_count(one.units_baseline)} in the baseline"
            f"{_longer(spike)}" + (f", from {one.actors} users or hosts" if one.actors else "")
        )
    if one.reason:
        yield Text(safe(one.reason), style="yellow")
    who = safe(said_of(one.model, one.models) or "model not known", limit=120)
    details = [safe(one.tool, limit=60)] if one.tool else []
    details += [f"prompt {safe(one.prompt_hash)[:_HASH]}"] if one.prompt_hash else []
    stale = ", but the code has changed since the record" if one.state == "stale" else ""
    mixed = ", in part by people" if one.contributor == "mixed" else ""
    yield Text(f"by {', '.join([who, *details])}; record {one.state}{stale}{mixed}")
    if one.resolved_by in ("qualname", "name") and one.tier == "on_stack":
        yield Text(f"found by its {one.resolved_by}, not by line: the lines do not fit this revision", style="yellow")
    if one.last_change is not None:
        change = one.last_change
        subject = safe(change.subject, limit=120)
        yield Text(f"last change {change.commit[:12]} {change.date[:10]}{_changed_by(one)}: {subject}")


def _changed_by(one: Suspect) -> str:
    made = one.last_generation
    if made is None:
        return "" if one.last_recorded is None else ", no model recorded for it"
    return ", by " + safe(said_of(made.model, made.models) or made.tool or "a model not known", limit=120)


def _factors(one: Suspect) -> Iterator[str]:
    """Explained share, rate, specificity and change, in words."""
    yield f"carries {_share(one.explained_share)} of the excess"
    bound = f"at least x{_times(one.rate_ratio_at_least)}"
    sure = "" if one.rate >= _SURE else f", doubled with {_share(one.rate)} certainty"
    if one.units_baseline:
        yield f"rate x{_times(one.rate_ratio)} ({bound}{sure})"
    else:
        yield f"rate {bound} (none before{sure})"
    yield f"specificity {one.specificity:.2f}"
    yield {
        "changed": "code changed since the baseline",
        "new": "new code since the baseline",
        "unchanged": "code unchanged since the baseline",
        "unknown": "change not known",
    }[one.changed]


def _longer(spike: Spike) -> str:
    """How the baseline's exposure compares."""
    ratio = 1 / spike.exposure_ratio if spike.exposure_ratio else 1.0
    unit = "requests" if spike.exposure == "requests" else "time"
    return f" (x{_times(ratio)} the {unit})" if not 0.95 < ratio < 1.05 else ""  # noqa: PLR2004  # the same


def _command(one: Suspect) -> Iterator[str]:
    if one.revert_to is None:
        yield "no revision is known to go back to: name the baseline's with --baseline-release"
    elif one.changed == "unchanged":
        yield "nothing to revert: the baseline ran the same code"
    elif one.revert is not None:
        yield safe(one.revert)
    if one.refusal:
        yield f"aiprov revert refuses as things are: {safe(one.refusal, limit=1000)}"


def _null_row(spike: Spike) -> Iterator[str]:
    shares = spike.unexplained
    parts = (
        ("by people", shares.human),
        ("without a record", shares.unrecorded),
        ("third-party", shares.third_party),
        ("unresolved", shares.unresolved),
    )
    listed = ", ".join(f"{name} {_share(value)}" for name, value in parts if round(value, 2))
    yield f"{_share(shares.total)} of the excess is on other code" + (f": {listed}" if listed else "")
    if spike.leading is not None and shares.total > _MOST:
        yield f"most of it on {safe(spike.leading.removeprefix('?'))}"


def _share(value: float) -> str:
    return f"{value:.0%}" if round(value, 2) > 0 or not value else "under 1%"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or float(value).is_integer() else f"{value:.1f}"  # noqa: PLR2004


def _times(value: float) -> str:
    if not math.isfinite(value) or value >= _MANY:
        return "1000+"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004


def _length(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1000:.0f} ms"
