"""Sentry's events, as an SDK sends them and as its API returns them: JSON lines, an array, or printed over lines."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import duckdb

from aiprov.events import _ndjson, _records
from aiprov.events._sentry_stack import stack
from aiprov.events._tables import Counts, Reader

_KEYS = (
    "exception",
    "entries",
    "threads",
    "stacktrace",
    "timestamp",
    "dateCreated",
    "datetime",
    "release",
    "environment",
    "server_name",
    "user",
    "contexts",
    "tags",
    "sample_rate",
    "_metrics",
)

# The two spellings are transformed apart, because the members of a struct must differ in more than case.
_SDK = {"filename": "VARCHAR", "abs_path": "VARCHAR", "function": "VARCHAR", "lineno": "BIGINT", "in_app": "BOOLEAN"}
_API = {"filename": "VARCHAR", "absPath": "VARCHAR", "function": "VARCHAR", "lineNo": "BIGINT", "inApp": "BOOLEAN"}
_MECHANISM = {"exception_id": "BIGINT", "parent_id": "BIGINT", "source": "VARCHAR", "is_exception_group": "BOOLEAN"}


def _values(frame: dict[str, str]) -> str:
    """Only what we read of each value; a member of another type is null, and messages and variables never leave."""
    value = {"type": "VARCHAR", "module": "VARCHAR", "mechanism": _MECHANISM, "stacktrace": {"frames": [frame]}}
    return json.dumps([value | {"crashed": "BOOLEAN"}])


def _listed(member: str) -> str:
    """`{"values": [...]}`, or the list, or the one value in its place."""
    kinds = f"case json_type({member}) when 'ARRAY' then {member} when 'OBJECT' then json_array({member}) end"
    return f"coalesce({member}->'values', {kinds})"


def _entry(kind: str) -> str:
    found = f"list_filter(json_extract(entries, '$[*]'), lambda e: e->>'type' = '{kind}')[1]->'data'->'values'"
    return f"json_transform({found}, '{_values(_API)}')"


def _text(member: str) -> str:
    return f"case when json_type({member}) = 'VARCHAR' then nullif({member}->>'$', '')[:250] end"


def _tag(name: str) -> str:
    """Tags are an object, a list of pairs, or a list of {key, value}."""
    pairs = """json_transform(tags, '[["VARCHAR"]]')"""
    items = """json_transform(tags, '[{"key":"VARCHAR","value":"VARCHAR"}]')"""
    pair = f"list_filter({pairs}, lambda p: p[1] = '{name}')[1][2]"
    item = f"list_filter({items}, lambda t: t.key = '{name}')[1].value"
    return f"nullif(coalesce(tags->>'{name}', {pair}, {item}), '')[:250]"


_USER = ", ".join(f"nullif(\"user\"->>'{key}', '')" for key in ("id", "email", "username", "ip_address", "ipAddress"))
_SDK_VALUES = f"json_transform({_listed('exception')}, '{_values(_SDK)}')"
_SDK_THREADS = (
    f"json_transform(coalesce({_listed('threads')}, json_array(json_object('stacktrace', stacktrace))),"
    f" '{_values(_SDK)}')"
)
# The rate at which *errors* were kept; that of traces says nothing of them, the SDK samples the two apart.
_RATE = """coalesce(try_cast(contexts->'error_sampling'->>'client_sample_rate' as double),
                    try_cast(sample_rate->>'$' as double),
                    list_product([r.rate for r in json_transform(_metrics->'sample_rates', '[{"rate":"DOUBLE"}]')]))"""
_SELECT = f"""
select coalesce(case when seconds between 631152000 and 7258118400 then make_timestamp((seconds * 1e6)::bigint) end,
                {_ndjson.utc("written")}) as ts,
       coalesce({_text("release")}, release->>'version', {_tag("sentry:release")}, {_tag("release")})[:250] as release,
       coalesce({_text("environment")}, {_tag("environment")}) as environment,
       coalesce({_text("server_name")}, {_tag("server_name")}) as host,
       sha256(coalesce({_USER}))[:16] as "user",
       nullif(contexts->'trace'->>'trace_id', '')[:64] as trace,
       nullif(regexp_extract({_tag("aiprov.manifest")}, '^[0-9a-f]{{12}}'), '') as manifest,
       case when rate between 1e-6 and 1 then 1 / rate else 1.0 end as weight,
       text
from (
  select *, {_RATE} as rate, try_cast(written as double) as seconds,
         case when entries is not null then to_json({{'raised': {_entry("exception")}, 'threads': {_entry("threads")}}})
              when coalesce(exception, threads, stacktrace) is not null
              then to_json({{'raised': {_SDK_VALUES}, 'threads': {_SDK_THREADS}}})
         end::varchar as text
  from (select *, coalesce(timestamp, "dateCreated", datetime)->>'$' as written
        from {_ndjson.source(dict.fromkeys(_KEYS, "JSON"))})
)
"""  # noqa: S608  # constants


def sniff(head: bytes) -> bool:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return False
    telling = rb'"(?:exception|threads)"\s*:\s*\{\s*"values"|"event_?id"\s*:\s*"|"entries"\s*:\s*\[\s*\{'
    return re.search(telling, head, re.IGNORECASE) is not None


def load(path: Path, connection: duckdb.DuckDBPyConnection) -> Counts:
    otherwise = "no exception and no stack"
    with path.open("rb") as file:
        start = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith(b"{") and not re.match(rb"\{\s*\n", start):
            return _ndjson.explained(_ndjson.fill([path], connection, _SELECT, stack), [path], otherwise)
        file.seek(0)
        with tempfile.NamedTemporaryFile(prefix="aiprov-", suffix=".jsonl") as lines:
            dropped = _records.one_a_line(file, lines, limit=_ndjson.MAX_RECORD)
            lines.flush()
            counts = _ndjson.fill([Path(lines.name)], connection, _SELECT, stack)
    problems = [f"{counts.skipped} events: {otherwise}"] if counts.skipped else []
    if dropped:
        problems.append(f"{dropped} events cut short or beyond {_ndjson.MAX_RECORD >> 20} MiB")
    return replace(counts, skipped=counts.skipped + dropped, problems=tuple(problems))


READER = Reader("Sentry events", sniff, load)
