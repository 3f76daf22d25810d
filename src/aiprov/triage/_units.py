"""From events to independent occurrences, grouped where the events lie; Python sees distinct stacks and groups only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from aiprov.events import Raised, decode_stack
from aiprov.triage._responsibility import Fingerprint, Shape
from aiprov.triage._window import Side, Windows

_BATCH = 1000

_SEEN = """(
    select m.fingerprint, m.shape::bigint * 2097152 + m.release * 2 + (e."user" is not null)::int as event, e.ts,
           coalesce(e.weight, 1) as weight, e.trace,
           hash(coalesce('u' || e."user", 'h' || e.host, 't' || e.trace, '')) as actor
    from events e join shape_of m on e.stack = m.stack and coalesce(e.release, '') = m.release_name
        and coalesce(e.manifest, '') = m.manifest
    where $environment is null or e.environment = $environment
)"""

# A trace counts once however often it retries; numbers are packed, for picking the first of them is then cheap.
_TRACES = f"""
create or replace temp table traces as
select hash(trace) as trace, min(fingerprint) as fingerprint, max(fingerprint) <> min(fingerprint) as is_several,
       min(ts) as ts, max(weight) as weight, min_by(event, coalesce(ts, 'epoch')) as event,
       min_by(actor, coalesce(ts, 'epoch')) as actor
from {_SEEN} where trace is not null group by hash(trace)
"""  # noqa: S608  # our own text

# One per user, or host where no user is known, per fingerprint and minute, at each release its own. A trace that failed
# in several ways counts as a part of each.
_UNITS = f"""
create or replace temp table units as
with firsts as (
    select fingerprint, trace, ts, weight, event, actor from traces where not is_several
    union all
    select fingerprint, hash(trace), min(ts), max(weight), min_by(event, coalesce(ts, 'epoch')),
           min_by(actor, coalesce(ts, 'epoch'))
    from {_SEEN} where hash(trace) in (select trace from traces where is_several) group by fingerprint, hash(trace)
    union all
    select fingerprint, null, ts, weight, event, actor from {_SEEN} where trace is null
), cells as (
    select fingerprint, actor, min(ts) as ts, max(weight) as weight, min(trace) as trace,
           min_by(event, coalesce(ts, 'epoch')) as event
    from firsts group by fingerprint, actor, date_trunc('minute', ts), event % 2097152 // 2
), parts as (
    select trace, count(*) as n from cells where trace in (select trace from traces where is_several) group by trace
)
select c.fingerprint, (c.event // 2097152)::integer as shape, (c.event % 2097152 // 2)::integer as release, c.actor,
       c.event % 2 = 1 as is_user, c.ts, c.weight, 1::double / coalesce(p.n, 1) as share
from cells c left join parts p on c.trace = p.trace
"""  # noqa: S608  # our own text

_EVENTS = f"""
create or replace temp table units as
select fingerprint, (event // 2097152)::integer as shape, (event % 2097152 // 2)::integer as release,
       hash(random()) as actor, true as is_user, ts, weight, 1::double as share
from {_SEEN}
"""  # noqa: S608  # our own text

# Nobody counts more often than the third-loudest: one client's storm is no evidence about everybody's code. Where no
# user is known the same goes for a host, if the release runs on three or more.
_SCALES = """
create or replace temp table scaled as
with wide as (
    select release as number, count(distinct actor) >= 3 as is_wide from units where not is_user group by release
), sided as (
    select u.*, {side} as side, u.is_user or coalesce(w.is_wide, false) as capped
    from units u left join wide w on u.release = w.number
), loud as (
    select fingerprint, side, actor, sum(share) as units from sided where capped and side is not null group by all
), caps as (
    select fingerprint, side, greatest(coalesce(max(units, 3)[3], 1), 1) as cap from loud group by all
), scales as (
    select l.fingerprint, l.side, l.actor, c.cap / l.units as scale
    from loud l join caps c on l.fingerprint = c.fingerprint and l.side = c.side where l.units > c.cap
)
select s.fingerprint, s.shape, s.release, s.side, s.ts, s.actor, s.is_user, s.share, s.weight,
       s.share * coalesce(k.scale, 1) as evidence
from sided s left join scales k
    on s.capped and s.fingerprint = k.fingerprint and s.side = k.side and s.actor = k.actor
where s.side is not null
"""


@dataclass(frozen=True, slots=True)
class Served:
    """What events say of the code behind them, and the commit found for it."""

    release: str | None
    manifest: str | None
    revision: str | None
    assumed: bool = False
    """The events name nothing that was found: looked up at the revision in use here instead."""


@dataclass(frozen=True, slots=True)
class Group:
    """Units of one shape and release in one window."""

    fingerprint: int
    shape: int
    served: int
    side: Side
    units: float
    evidence: float
    """Units with each user capped, as evidence of a rate; raw counts."""
    weighted: float
    """The same, scaled up by the sample rate."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Distinct shapes and fingerprints of all events, by number."""

    shapes: Sequence[Shape]
    fingerprints: Sequence[Fingerprint]


def served(
    connection: duckdb.DuckDBPyConnection,
    find: Callable[[str | None, str | None], Served],
    *,
    environment: str | None = None,
) -> list[Served]:
    """Every distinct pair of release and manifest digest, in the order of first appearance."""
    rows = connection.execute(
        "select release, manifest from events where $1 is null or environment = $1"
        " group by all order by min(ts) nulls last, release, manifest",
        [environment],
    ).fetchall()
    return [find(release, manifest) for release, manifest in rows]


def resolve(
    connection: duckdb.DuckDBPyConnection,
    releases: Sequence[Served],
    shape_at: Callable[[tuple[Raised, ...], str | None], Shape],
    *,
    environment: str | None = None,
) -> Shapes:
    """Fill `shape_of`: for each distinct stack at each release, its shape and fingerprint."""
    connection.execute(
        "create or replace temp table shape_of(stack ubigint, release_name varchar, manifest varchar, release integer,"
        " shape integer, fingerprint integer)"
    )
    connection.execute(
        "create or replace table pairs as select distinct stack, coalesce(release, '') as release,"
        " coalesce(manifest, '') as manifest from events where $1 is null or environment = $1",
        [environment],
    )
    shapes: dict[Shape, int] = {}
    fingerprints: dict[Fingerprint, int] = {}
    numbers = {(one.release or "", one.manifest or ""): index for index, one in enumerate(releases)}
    # A second cursor reads while the first one writes; it cannot see temporary tables.
    bodies = connection.cursor().execute(
        "select s.id, s.body, list((p.release, p.manifest)) from stacks s join pairs p on s.id = p.stack"
        " group by s.id, s.body order by s.id"
    )
    while batch := bodies.fetchmany(_BATCH):
        rows: list[tuple[int, str, str, int, int, int]] = []
        for stack_id, body, pairs in batch:
            stack = decode_stack(body)
            by_revision: dict[str | None, tuple[int, int]] = {}
            for release, manifest in pairs:
                number = numbers[release, manifest]
                revision = releases[number].revision
                if revision not in by_revision:
                    shape = shape_at(stack, revision)
                    fingerprint = fingerprints.setdefault(shape.fingerprint, len(fingerprints))
                    by_revision[revision] = (shapes.setdefault(shape, len(shapes)), fingerprint)
                rows.append((stack_id, release, manifest, number, *by_revision[revision]))
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(
            "insert into shape_of select unnest(?::ubigint[]), unnest(?::varchar[]), unnest(?::varchar[]),"
            " unnest(?::integer[]), unnest(?::integer[]), unnest(?::integer[])",
            columns,
        )
    return Shapes(tuple(shapes), tuple(fingerprints))


def on_long_traces(connection: duckdb.DuckDBPyConnection, *, environment: str | None) -> int:
    """Events on traces that last over an hour: of a process rather than of a request, where nobody starts new ones."""
    rows = connection.execute(
        "select coalesce(sum(n), 0) from (select count(*) as n from events"
        " where trace is not null and ($1 is null or environment = $1)"
        " group by hash(trace) having max(ts) - min(ts) > interval 1 hour)",
        [environment],
    ).fetchall()
    return int(rows[0][0])


def count(connection: duckdb.DuckDBPyConnection, *, environment: str | None, dedupe: bool = True) -> None:
    """Fill `units` from `events` and `shape_of`; without deduplication every event is one."""
    for statement in (_TRACES, _UNITS) if dedupe else (_EVENTS,):
        connection.execute(statement, {"environment": environment})
    connection.execute("drop table if exists traces")


def side(connection: duckdb.DuckDBPyConnection, windows: Windows) -> None:
    """Fill `scaled` from `units`: those in either window, and what each is worth as evidence."""
    sql, values = windows.side_sql()
    connection.execute(_SCALES.format(side=sql), values)


def groups(connection: duckdb.DuckDBPyConnection) -> list[Group]:
    rows = connection.execute(
        "select fingerprint, shape, release, side, sum(share), sum(evidence), sum(evidence * weight) from scaled"
        " group by fingerprint, shape, release, side order by all"
    ).fetchall()
    return [
        Group(fingerprint, shape, release, Side(number), units, evidence, weighted)
        for fingerprint, shape, release, number, units, evidence, weighted in rows
    ]


def baseline_series(
    connection: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, buckets: int
) -> list[list[float]]:
    """Per fingerprint, the evidence of its baseline in equal buckets."""
    rows = connection.execute(
        "select fingerprint, greatest(0, least(floor(epoch(ts - $since) / $width), $last))::integer as bucket,"
        " sum(evidence) from scaled where side = 0 and ts is not null group by all",
        {"since": since, "width": (until - since).total_seconds() / buckets, "last": buckets - 1},
    ).fetchall()
    series: dict[int, list[float]] = {}
    for fingerprint, bucket, units in rows:
        series.setdefault(fingerprint, [0.0] * buckets)[bucket] = units
    return [series[key] for key in sorted(series)]


def actors(connection: duckdb.DuckDBPyConnection, shapes: Sequence[int]) -> int:
    """Distinct users, or hosts where no user is known, behind the incident's units of these shapes."""
    (found,) = connection.execute(
        "select count(distinct actor) from scaled where side = 1 and list_contains($1::integer[], shape)",
        [list(shapes)],
    ).fetchall()
    return int(found[0])


@dataclass(frozen=True, slots=True)
class Totals:
    """What the events are worth as a whole; `known` are the shares of units with a user."""

    events: tuple[int, int]
    """In the baseline and in the incident."""
    untimed: int
    incident_users: float
    """Share of the incident's units whose user is known."""
    incident_actors: int


def totals(connection: duckdb.DuckDBPyConnection, windows: Windows, *, environment: str | None) -> Totals:
    sql, values = windows.side_sql()
    rows = connection.execute(
        f"""with numbered as (
            select e.ts, m.release from events e join shape_of m on e.stack = m.stack
                and coalesce(e.release, '') = m.release_name and coalesce(e.manifest, '') = m.manifest
            where $environment is null or e.environment = $environment)
        select count(*) filter ({sql} = 0), count(*) filter ({sql} = 1), count(*) filter (ts is null) from numbered""",  # noqa: S608
        values | {"environment": environment},
    ).fetchall()
    people = connection.execute(
        "select coalesce(avg(is_user::int), 0), count(distinct actor) from scaled where side = 1"
    ).fetchall()
    (baseline, incident, untimed), (users, distinct) = rows[0], people[0]
    return Totals((baseline, incident), untimed, users, distinct)


@dataclass(frozen=True, slots=True)
class Span:
    """When a release's units were seen, and how many."""

    first: datetime | None
    last: datetime | None
    units: float


def spans(connection: duckdb.DuckDBPyConnection) -> dict[int, Span]:
    rows = connection.execute(
        "select release, min(ts), max(ts), sum(share) from units group by release order by release"
    ).fetchall()
    return {release: Span(first, last, units) for release, first, last, units in rows}


def timeline(
    connection: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, buckets: int, value: str = "share"
) -> tuple[float, ...]:
    """All units between two times, in equal buckets; `value` is "share", or "evidence" after `side`."""
    width = (until - since).total_seconds() / buckets
    table = "units" if value == "share" else "scaled"
    rows: Iterable[tuple[int, float]] = connection.execute(
        f"select least(floor(epoch(ts - $since) / $width), $last)::integer as bucket, sum({value}) from {table}"  # noqa: S608
        " where ts >= $since and ts < $until group by all",
        {"since": since, "until": until, "width": width, "last": buckets - 1},
    ).fetchall()
    found: Mapping[int, float] = dict(rows)
    return tuple(found.get(bucket, 0.0) for bucket in range(buckets))
