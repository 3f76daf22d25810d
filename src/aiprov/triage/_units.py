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

# One per user, or host where no user is known, per fingerprint and minute. A trace counts once however often it
# retries, and where it failed in several ways it counts as a part of each.
_UNITS = """
create or replace temp table units as
with seen as (
    select m.fingerprint, m.shape, m.release, e.ts, coalesce(e.weight, 1) as weight, hash(e.trace) as trace,
           e.trace is not null as traced, e."user" is not null as is_user,
           hash(coalesce('u' || e."user", 'h' || e.host, 't' || e.trace, '')) as actor
    from events e join shape_of m on e.stack = m.stack and coalesce(e.release, '') = m.release_name
        and coalesce(e.manifest, '') = m.manifest
    where $environment is null or e.environment = $environment
), firsts as (
    select fingerprint, trace, traced, min(ts) as ts, max(weight) as weight,
           min_by({'shape': shape, 'release': release, 'actor': actor, 'is_user': is_user},
                  coalesce(ts, 'epoch')) as event
    from seen where traced group by fingerprint, trace, traced
    union all
    select fingerprint, null, false, ts, weight,
           {'shape': shape, 'release': release, 'actor': actor, 'is_user': is_user}
    from seen where not traced
), cells as (
    select fingerprint, event.actor as actor, bool_or(event.is_user) as is_user, min(ts) as ts, max(weight) as weight,
           min(trace) as trace, min_by(event, coalesce(ts, 'epoch')) as event
    from firsts group by fingerprint, event.actor, date_trunc('minute', ts)
), parts as (
    select trace, count(*) as n from cells where trace is not null group by trace having count(*) > 1
)
select c.fingerprint, c.event.shape as shape, c.event.release as release, c.actor, c.is_user, c.ts, c.weight,
       1.0 / coalesce(p.n, 1) as share
from cells c left join parts p on c.trace = p.trace
"""

# No user counts more often than the third-loudest: one client's storm is not evidence about everybody's code.
_GROUPS = """
with sided as (
    select fingerprint, shape, release, actor, is_user, {side} as side, sum(share) as units,
           sum(share * weight) as weighted
    from units group by all having side is not null
), users as (
    select fingerprint, side, actor, sum(units) as units from sided where is_user group by all
), caps as (
    select fingerprint, side, greatest(coalesce(max(units, 3)[3], 1), 1) as cap from users group by all
), scales as (
    select u.fingerprint, u.side, u.actor, least(1, c.cap / u.units) as scale
    from users u join caps c on u.fingerprint = c.fingerprint and u.side = c.side
)
select s.fingerprint, s.shape, s.release, s.side, sum(s.units), sum(s.units * coalesce(k.scale, 1)),
       sum(s.weighted * coalesce(k.scale, 1))
from sided s left join scales k on s.is_user and s.fingerprint = k.fingerprint and s.side = k.side and s.actor = k.actor
group by all order by all
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


def served(connection: duckdb.DuckDBPyConnection, find: Callable[[str | None, str | None], Served]) -> list[Served]:
    """Every distinct pair of release and manifest digest, in the order of first appearance."""
    rows = connection.execute(
        "select release, manifest from events group by all order by min(ts) nulls last, release, manifest"
    ).fetchall()
    return [find(release, manifest) for release, manifest in rows]


def resolve(
    connection: duckdb.DuckDBPyConnection,
    releases: Sequence[Served],
    shape_at: Callable[[tuple[Raised, ...], str | None], Shape],
) -> Shapes:
    """Fill `shape_of`: for each distinct stack at each release, its shape and fingerprint."""
    connection.execute(
        "create or replace temp table shape_of(stack ubigint, release_name varchar, manifest varchar, release integer,"
        " shape integer, fingerprint integer)"
    )
    connection.execute(
        "create or replace table pairs as select distinct stack, coalesce(release, '') as release,"
        " coalesce(manifest, '') as manifest from events"
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


def count(connection: duckdb.DuckDBPyConnection, *, environment: str | None) -> None:
    """Fill `units` from `events` and `shape_of`."""
    connection.execute(_UNITS, {"environment": environment})


def groups(connection: duckdb.DuckDBPyConnection, windows: Windows) -> list[Group]:
    sql, values = windows.side_sql()
    rows = connection.execute(_GROUPS.format(side=sql), values).fetchall()
    return [
        Group(fingerprint, shape, release, Side(side), units, evidence, weighted)
        for fingerprint, shape, release, side, units, evidence, weighted in rows
    ]


def baseline_series(connection: duckdb.DuckDBPyConnection, windows: Windows, *, buckets: int) -> list[list[float]]:
    """Per fingerprint, its baseline cut into equal buckets; a user counts once in each."""
    since, until = windows.baseline.since, windows.baseline.until
    if since is None or until is None or buckets < 1:
        return []
    sql, values = windows.side_sql()
    rows = connection.execute(
        f"""with cut as (
            select fingerprint, is_user, actor, share, least(floor(epoch(ts - $since) / $width), $last) as bucket
            from units where ts is not null and ({sql}) = 0)
        select fingerprint, bucket::integer, count(distinct actor) filter (is_user)
               + coalesce(sum(share) filter (not is_user), 0)
        from cut group by all""",  # noqa: S608  # the windows' own text, values bound
        values | {"since": since, "width": (until - since).total_seconds() / buckets, "last": buckets - 1},
    ).fetchall()
    series: dict[int, list[float]] = {}
    for fingerprint, bucket, units in rows:
        series.setdefault(fingerprint, [0.0] * buckets)[max(0, bucket)] = units
    return [series[key] for key in sorted(series)]


def actors(connection: duckdb.DuckDBPyConnection, windows: Windows, shapes: Sequence[int]) -> int:
    """Distinct users, or hosts where no user is known, behind the incident's units of these shapes."""
    sql, values = windows.side_sql()
    (found,) = connection.execute(
        f"select count(distinct actor) from units where ({sql}) = 1 and list_contains($shapes::integer[], shape)",  # noqa: S608
        values | {"shapes": list(shapes)},
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
        f"select coalesce(avg(is_user::int), 0), count(distinct actor) from units where ({sql}) = 1",  # noqa: S608
        values,
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
    connection: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, buckets: int
) -> tuple[float, ...]:
    """All units between two times, in equal buckets."""
    width = (until - since).total_seconds() / buckets
    rows: Iterable[tuple[int, float]] = connection.execute(
        "select least(floor(epoch(ts - $since) / $width), $last)::integer as bucket, sum(share) from units"
        " where ts >= $since and ts < $until group by all",
        {"since": since, "until": until, "width": width, "last": buckets - 1},
    ).fetchall()
    found: Mapping[int, float] = dict(rows)
    return tuple(found.get(bucket, 0.0) for bucket in range(buckets))
