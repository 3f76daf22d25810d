"""A strict reader of DogStatsD datagrams, and sockets to receive them on; it takes less than the Agent does."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,199}", re.ASCII)
_TAG = re.compile(r"[A-Za-z]\w{0,60}(\.\w+)*(:[\w\-:/.]{1,150})?")
_EVENT = re.compile(r"_e\{(\d+),(\d+)\}:", re.ASCII)
_MAX_EVENT = 8192
_ABOUT_ITSELF = "datadog.dogstatsd.client."


class MalformedError(ValueError):
    """What of a line is not in the grammar."""


@dataclass(frozen=True)
class Metric:
    name: str
    values: tuple[float, ...]
    type: str
    tags: tuple[str, ...] = ()
    rate: float = 1.0


@dataclass(frozen=True)
class Event:
    title: str
    text: str
    fields: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()


def parse(datagram: bytes) -> list[Metric | Event]:
    """Every line of a datagram, which may end with one line feed."""
    try:
        text = datagram.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("not UTF-8") from error
    return [_event(line) if line.startswith("_e{") else _metric(line) for line in text.removesuffix("\n").split("\n")]


def _metric(line: str) -> Metric:
    name, colon, rest = line.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise MalformedError(f"name: {line!r}")
    values, *fields = rest.split("|")
    if not fields or fields[0] not in ("c", "d", "g", "h", "ms", "s"):
        raise MalformedError(f"type: {line!r}")
    if fields[0] == "s":
        raise MalformedError(f"sets are nothing that we send: {line!r}")
    found = _fields(line, fields[1:], ("@", "#", "c:", "e:", "card:", "T"))
    if "T" in found and (fields[0] not in ("c", "g") or not re.fullmatch(r"\d{1,12}", found["T"], re.ASCII)):
        raise MalformedError(f"timestamp: {line!r}")
    rate = _number(line, found.get("@", "1"))
    if not 0 < rate <= 1:
        raise MalformedError(f"rate: {line!r}")
    return Metric(name, tuple(_number(line, v) for v in values.split(":")), fields[0], _tags(line, found), rate)


def _event(line: str) -> Event:
    head = _EVENT.match(line)
    if head is None or len(line.encode()) > _MAX_EVENT:
        raise MalformedError(f"event: {line[:80]!r}")
    title, text = int(head[1]), int(head[2])
    rest = line[head.end() :].encode()
    if len(rest) < title + 1 + text or rest[title : title + 1] != b"|" or not title:
        raise MalformedError(f"lengths: {line!r}")
    tail = rest[title + 1 + text :].decode()
    if tail and not tail.startswith("|"):
        raise MalformedError(f"lengths: {line!r}")
    names = ("d:", "h:", "k:", "p:", "s:", "t:", "#", "c:", "e:", "card:")
    found = _fields(line, tail.split("|")[1:], names)
    if found.get("t:", "info") not in ("error", "warning", "info", "success") or len(found.get("k:", "")) > 100:
        raise MalformedError(f"field: {line!r}")
    others = tuple((key.rstrip(":"), value) for key, value in found.items() if key != "#")
    return Event(rest[:title].decode(), rest[title + 1 : title + 1 + text].decode(), others, _tags(line, found))


def _fields(line: str, fields: list[str], allowed: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in fields:
        key = next((known for known in sorted(allowed, key=len, reverse=True) if field.startswith(known)), None)
        if key is None or key in found or len(field) == len(key):
            raise MalformedError(f"field {field!r}: {line!r}")
        found[key] = field.removeprefix(key)
    return found


def _tags(line: str, found: dict[str, str]) -> tuple[str, ...]:
    tags = tuple(found["#"].split(",")) if "#" in found else ()
    if not all(_TAG.fullmatch(tag) for tag in tags):
        raise MalformedError(f"tags: {line!r}")
    return tags


def _number(line: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise MalformedError(f"number {text!r}: {line!r}")
    return float(text)


class Receiver:
    """A bound socket and what has arrived on it, without the client's metrics about itself."""

    def __init__(self, bound: socket.socket) -> None:
        self._bound = bound

    @property
    def port(self) -> int:
        return int(self._bound.getsockname()[1])

    def wait(self, count: int = 1) -> list[Metric | Event]:
        """At least so many lines, waited for; a test hangs for ten seconds before it fails."""
        lines: list[Metric | Event] = []
        self._bound.settimeout(10)
        while len(lines) < count:
            lines += self._next()
        return lines + self.rest()

    def rest(self) -> list[Metric | Event]:
        """Whatever is there by now."""
        return [line for datagram in self.datagrams() for line in _lines(datagram)]

    def datagrams(self) -> list[bytes]:
        """The same as it came."""
        found: list[bytes] = []
        self._bound.settimeout(0)
        try:
            while True:
                found.append(self._bound.recv(65536))
        except BlockingIOError:
            return found

    def _next(self) -> list[Metric | Event]:
        return _lines(self._bound.recv(65536))


def _lines(datagram: bytes) -> list[Metric | Event]:
    assert len(datagram) <= (8192 if datagram.startswith(b"_e") else 1432)
    return [one for one in parse(datagram) if isinstance(one, Event) or not one.name.startswith(_ABOUT_ITSELF)]


@contextmanager
def on_udp() -> Iterator[Receiver]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield Receiver(bound)


@contextmanager
def on_unix(path: Path) -> Iterator[Receiver]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(path))
        yield Receiver(bound)
