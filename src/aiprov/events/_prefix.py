"""What stands before the text of a log line: where it comes from, and when it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = r"(?P<iso>\d{4}[-/]\d\d[-/]\d\d)[T ]|(?P<clf>\d\d?/[A-Z][a-z]{2}/\d{4})[: ]|(?P<bsd>[A-Z][a-z]{2} [ \d]\d) "
_TIME = (
    rf"(?:{_DATE})(?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)(?![\w:]))?"
)
_ANYWHERE = re.compile(_TIME, re.ASCII)
_LEADING = re.compile(r"(?:<\d{1,3}>(?P<syslog>1 )?)?[\[(]?" + _TIME + r"[\])]?(?: |$)", re.ASCII)
_CONTAINER = re.compile(r"\[(pod/[^\]\s]{1,300})\] |([\w.-]{1,100}) {0,100}\|(?: |$)", re.ASCII)
_CRI = re.compile(r"(stdout|stderr) ([FP])(?: |$)")
_PROCESS = re.compile(r"(?:(?P<host>[\w.-]{1,255}) )?(?P<unit>[\w./@-]{1,100}\[[\w.-]{1,20}\]):(?: |$)", re.ASCII)
_PROGRAM = re.compile(r"(?P<host>[\w.-]{1,255}) (?P<unit>[\w./@-]{1,100}(?:\[[\w.-]{1,20}\])?):(?: |$)", re.ASCII)
_SYSLOG = re.compile(r"(?P<host>\S{1,255}) (?P<unit>\S{1,48} \S{1,128}) \S{1,32} (?:-|\[[^\]]{0,500}\])(?: |$)")
_ESCAPES = re.compile("\x1b\\[[0-9;:]{0,32}[A-Za-z]")

_JSON_TEXT = ("log", "message", "msg", "MESSAGE")
_JSON_TIME = ("time", "timestamp", "@timestamp", "ts", "asctime", "datetime", "__REALTIME_TIMESTAMP")
_JSON_UNIT = ("stream", "container_id", "container_name", "process", "pid", "thread", "_PID")
_JSON_HOST = ("host", "hostname", "pod_name", "pod", "container_name", "_HOSTNAME")
_MAX_JSON_DEPTH = 4
_DOCKER_LIMIT = 16 * 1024 - 4  # what Docker splits lines at, but for a cut character
_BIG = 2**63

Key = tuple[str, str, bool]
"""Container, process, and whether the line begins with a time: what the lines of one traceback share."""


class Line(NamedTuple):
    """One line of a log; `time` is in microseconds of UTC."""

    key: Key
    text: str
    time: int | None = None
    host: str | None = None
    zoned: bool = True
    partial: bool = False


class Clock:
    """Reads times; one without a year is the last such day before the log was written, one without a zone is UTC."""

    def __init__(self, written: datetime) -> None:
        self._latest = written + timedelta(days=1)

    def find(self, text: str) -> tuple[int, bool] | None:
        """The first time in the text, and whether its zone was known."""
        found = _ANYWHERE.search(text)
        return None if found is None else self.read(found)

    def read(self, found: re.Match[str]) -> tuple[int, bool] | None:
        fraction = (found["fraction"] or "").ljust(6, "0")[:6]
        try:
            hour, minute, second = (int(part) for part in found["clock"].split(":"))
            moment = datetime(*self._date(found), hour, minute, second, int(fraction), tzinfo=UTC)
            if found["bsd"] and moment > self._latest:
                moment = moment.replace(year=moment.year - 1)
            moment -= _offset(found["zone"])
        except (ValueError, OverflowError):
            return None
        return (moment - _EPOCH) // timedelta(microseconds=1), found["zone"] is not None

    def _date(self, found: re.Match[str]) -> tuple[int, int, int]:
        if iso := found["iso"]:
            return int(iso[:4]), int(iso[5:7]), int(iso[8:])
        if clf := found["clf"]:
            day, month, year = clf.split("/")
            return int(year), _MONTHS.index(month) + 1, int(day)
        month, day = found["bsd"].split()
        return self._latest.year, _MONTHS.index(month) + 1, int(day)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in ("Z", "UTC"):
        return timedelta()
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def plain(text: str) -> str:
    """Without colours."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def split(text: str, clock: Clock) -> Line:
    """The line without what a container runtime, syslog or a time put before it."""
    text = plain(text)
    if text[:1] in ("", " ", "\t"):
        return Line(("", "", False), text)
    container, host, start = "", None, 0
    if found := _CONTAINER.match(text):
        container = host = found[1] or found[2]
        start = found.end()
    unit, partial, when = "", False, None
    if timed := _LEADING.match(text, start):
        when, start = clock.read(timed), timed.end()
        if found := _CRI.match(text, start):
            unit, partial = found[1], found[2] == "P"
        elif found := _named(timed).match(text, start):
            host, unit = host or found["host"], f"{found['host']} {found['unit']}"
        start = found.end() if found else start
    time, zoned = when or (None, True)
    line = Line((container, unit, timed is not None), text[start:], time, host, zoned, partial)
    return (_json(line, clock) or line) if line.text.startswith("{") else line


def _named(timed: re.Match[str]) -> re.Pattern[str]:
    if timed["syslog"]:
        return _SYSLOG
    return _PROGRAM if timed["bsd"] else _PROCESS


def _json(line: Line, clock: Clock) -> Line | None:
    """A JSON object holds the text in one of its members, and perhaps a whole traceback in another."""
    try:
        members = msgspec.json.decode(line.text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    time, zoned = line.time, line.zoned
    if time is None:
        values = [members[name] for name in _JSON_TIME if name in members]
        values += [text for text in _texts(members) if _short(text) and not text.isdecimal()]
        time, zoned = next((read for value in values if (read := _json_time(value, clock))), (None, True))
    unit = " ".join(repr(members[name])[:64] for name in _JSON_UNIT if _short(members.get(name)))
    host = line.host or next((v[:250] for name in _JSON_HOST if isinstance(v := members.get(name), str)), None)
    whole = max(
        (text for text in _texts(members) if "Traceback (most" in text and "\n  " in text), key=len, default=None
    )
    text = next((v for name in _JSON_TEXT if isinstance(v := members.get(name), str)), "")
    partial = text is members.get("log") and len(text) >= _DOCKER_LIMIT and not text.endswith("\n")
    key = (line.key[0], f"{line.key[1]} {{{unit}}}", True)
    return Line(key, text.removesuffix("\n") if whole is None else whole, time, host, zoned, partial)


def _json_time(value: Any, clock: Clock) -> tuple[int, bool] | None:
    if isinstance(value, str) and not value.isdecimal():
        return clock.find(value[:64])
    if _short(value):
        number = float(value)
        for unit in (1e6, 1e3, 1):  # seconds, milliseconds, microseconds since 1970
            if 6e8 * 1e6 < number * unit < 7e9 * 1e6:
                return int(number * unit), True
    return None


def _short(value: Any) -> bool:
    """Text of few characters or a number of few digits, so that turning one into the other is cheap and never fails."""
    return len(value) < 64 if isinstance(value, str) else isinstance(value, (int, float)) and abs(value) < _BIG  # noqa: PLR2004


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _MAX_JSON_DEPTH and isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
