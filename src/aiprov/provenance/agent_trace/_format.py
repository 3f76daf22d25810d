"""Agent Trace records as they are written in the world: the specification's form, and a flat one of one edit a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from aiprov.provenance import _times
from aiprov.provenance._models import normalise
from aiprov_runtime._manifest import Generation

EVIDENCE = "agent-trace"
METADATA = "dev.aiprov"
"""Under this key stands what aiprov itself has exported."""
MAX_LENGTH = 100_000
_OWN = f'"{METADATA}"'.encode()
_MAX_RECORD = 8 * 1024 * 1024
_MAX_TEXT = 250
_MAX_PATH = 4096
_DRIVE = re.compile(r"[A-Za-z]:/")
_PLACEHOLDERS = frozenset({"", "unknown"})
# Names that the reference writer gives to what happened outside of any file.
_NO_FILES = frozenset({".shell-history", ".sessions", ".unknown"})


class _Contributor(msgspec.Struct):
    type: str = "unknown"
    model_id: str | None = None


class _Range(msgspec.Struct):
    start_line: int = 0
    end_line: int = 0
    content_hash: str | None = None
    contributor: _Contributor | None = None


class _Conversation(msgspec.Struct):
    ranges: list[_Range]
    contributor: _Contributor | None = None


class _File(msgspec.Struct):
    path: str
    conversations: list[_Conversation]


class _Vcs(msgspec.Struct):
    type: str = ""
    revision: str = ""


class _Tool(msgspec.Struct):
    name: str | None = None


class _Record(msgspec.Struct):
    files: list[_File]
    timestamp: str | None = None
    vcs: _Vcs | None = None
    tool: _Tool | None = None


class Own(msgspec.Struct):
    """One generation of an exported manifest, and the functions that it wrote most of."""

    functions: dict[str, dict[str, dict[str, object]]]
    manifest: int = 0
    id: str | None = None
    generation: dict[str, object] | None = None


class _Metadata(msgspec.Struct):
    own: Own = msgspec.field(name=METADATA)


class _Exported(msgspec.Struct):
    metadata: _Metadata


class _Any(msgspec.Struct):
    """Other tools keep their prompts and logs beside the traces; these are objects too."""

    files: object = None
    file_path: object = None


class _Flat(msgspec.Struct):
    file_path: str
    start_line: int
    end_line: int
    content_hash: str | None = None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One range of lines of a record."""

    path: str
    """With `/`; as the record has it, so it may be absolute."""
    start: int
    end: int
    generation: Generation | None
    """None where the record says that a person wrote it, or that nobody knows."""
    contributor: str
    content_hash: str | None = None
    revision: str | None = None
    recorded_at: str | None = None

    @property
    def is_absolute(self) -> bool:
        return self.path.startswith("/") or _DRIVE.match(self.path) is not None

    @property
    def is_placeholder(self) -> bool:
        """The reference writer says line 1 where it does not know the lines."""
        return self.start == self.end == 1 and self.content_hash is None


@dataclass(frozen=True, slots=True)
class Parsed:
    spans: tuple[Span, ...]
    unreadable: int
    """Records that are in neither form."""
    own: tuple[Own, ...] = ()
    """Of aiprov's own export; what its ranges say was in the manifest before."""


def parse(data: bytes) -> Parsed:
    """A record, a list of records or one on each line."""
    spans: list[Span] = []
    own: list[Own] = []
    unreadable = 0
    for raw in _records(data):
        try:
            if _OWN in raw and (exported := _exported(raw)):
                own.append(exported)
            else:
                spans += _spans(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            unreadable += 1
    return Parsed(tuple(spans), unreadable, tuple(own))


def _records(data: bytes) -> Iterator[bytes]:
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        if data.startswith(b"["):
            yield from map(bytes, msgspec.json.decode(data, type=list[msgspec.Raw]))
        else:
            yield bytes(msgspec.json.decode(data, type=msgspec.Raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        yield from filter(None, map(bytes.strip, data.split(b"\n")))


def _exported(raw: bytes) -> Own | None:
    try:
        return msgspec.json.decode(raw, type=_Exported).metadata.own
    except msgspec.ValidationError:
        return None


def _spans(raw: bytes) -> Iterator[Span]:
    if len(raw) > _MAX_RECORD:
        raise msgspec.DecodeError("too large")
    try:
        record = msgspec.json.decode(raw, type=_Record)
    except msgspec.ValidationError:
        other = msgspec.json.decode(raw, type=_Any)
        if other.files is None and other.file_path is None:
            return iter(())
        flat = msgspec.json.decode(raw, type=_Flat)
        at = _times.from_iso(flat.timestamp or "")
        # Every record of this form is one act of a coding agent; it does not say whose.
        generation = Generation(generated_at=at, evidence=EVIDENCE)
        range_ = _Range(flat.start_line, flat.end_line, flat.content_hash)
        return iter(_span(flat.file_path, range_, generation, "ai", recorded_at=at))
    return _spans_of(record)


def _spans_of(record: _Record) -> Iterator[Span]:
    at = _times.from_iso(record.timestamp or "")
    tool = (record.tool.name or "").strip().lower() if record.tool else ""
    tool = "" if tool in _PLACEHOLDERS or len(tool) > _MAX_TEXT or not tool.isprintable() else tool
    revision = record.vcs.revision.strip().lower() if record.vcs and record.vcs.type == "git" else None
    for file in record.files:
        for conversation in file.conversations:
            for range_ in conversation.ranges:
                by = range_.contributor or conversation.contributor or _Contributor()
                generation = None
                if by.type in ("ai", "mixed"):
                    model, raw = normalise(by.model_id or "")
                    generation = Generation(
                        model=model, raw_model=raw, tool=tool or None, generated_at=at, evidence=EVIDENCE
                    )
                yield from _span(file.path, range_, generation, by.type, revision=revision, recorded_at=at)


def _span(
    path: str,
    range_: _Range,
    generation: Generation | None,
    contributor: str,
    *,
    revision: str | None = None,
    recorded_at: str | None,
) -> list[Span]:
    name = path.replace("\\", "/").removeprefix("./")
    if name in _NO_FILES or not 0 < len(name) <= _MAX_PATH or "\0" in name or "\n" in name:
        return []
    if not 1 <= range_.start_line <= range_.end_line < range_.start_line + MAX_LENGTH:
        raise msgspec.ValidationError("no such lines")
    return [
        Span(
            path=name,
            start=range_.start_line,
            end=range_.end_line,
            generation=generation,
            contributor=contributor,
            content_hash=range_.content_hash,
            revision=revision,
            recorded_at=recorded_at,
        )
    ]
