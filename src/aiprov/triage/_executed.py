"""Changed functions by a model that ran in the failing traces and seldom in others: they returned before the error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
from scipy import special

from aiprov.triage import _evidence, _near
from aiprov.triage._change import Changes
from aiprov.triage._responsibility import UNRESOLVED, Shape
from aiprov.triage._score import CHANGED, Board, Scored
from aiprov.triage._verdict import MOSTLY, Q
from aiprov.triage._window import Window
from aiprov_runtime._tracking import MAX_FUNCTIONS

EXECUTED = 0.1
"""What the best of them scores: it is a matter of company, where a stack is one of fact."""
MIN_FAILING, MIN_HEALTHY = 10, 20
NEARLY_ALL = 0.9
CLEARLY_FEWER = 0.5
MOST = 5
"""More of them than this, and nothing tells them apart."""
_CARRIES = 0.05

# A trace is one run, however many services and lines it has. A failed one whose errors are known and none of the excess
# is left out. Failing runs are worth one per user, or host where no user is known, and minute, and no user is worth
# more than the third-loudest; healthy ones what sampling left out.
_RAN = """
create or replace temp table ran as
with picked as (
    select r.ts, r.host, r."user" as person, r.trace, r.failed, r.executed, r.weight
    from runs r join (select unnest($releases::varchar[]) as release, unnest($manifests::varchar[]) as manifest) s
        on coalesce(r.release, '') = s.release and coalesce(r.manifest, '') = s.manifest
    where ($environment is null or r.environment = $environment)
        and ($since::timestamp is null or r.ts >= $since) and ($until::timestamp is null or r.ts < $until)
), errors as (
    select e.trace, bool_or(list_contains($shapes::integer[], m.shape)) as is_excess, min(e."user") as person
    from events e join shape_of m on e.stack = m.stack and coalesce(e.release, '') = m.release_name
        and coalesce(e.manifest, '') = m.manifest
    where e.trace is not null group by e.trace
), whole as (
    select min(p.ts) as ts, coalesce('u' || min(p.person), 'u' || min(e.person), 'h' || min(p.host), '') as actor,
           coalesce(min(p.person), min(e.person)) is not null as is_user,
           bool_or(p.failed) or coalesce(bool_or(e.is_excess), false) as failed,
           list_distinct(flatten(list(p.executed))) as executed, bool_or(len(p.executed) >= $full) as is_full,
           min(p.weight) as weight, bool_and(coalesce(e.is_excess, true)) as is_ours
    from picked p left join errors e on p.trace = e.trace
    group by coalesce('t' || p.trace, hash(p.ts, p.host, p.person, p.failed, p.executed)::varchar)
), valued as (
    select *, case when failed then 1 / count(*) over (partition by failed, actor, date_trunc('minute', ts))
              else weight end as worth
    from whole where is_ours or not failed
), loud as (
    select actor, sum(worth) as units from valued where failed and is_user group by actor
), cap as (
    select greatest(coalesce(max(units, 3)[3], 1), 1) as most from loud
)
select v.failed, v.executed, v.is_full,
       case when v.failed and v.is_user then v.worth * least(1, c.most / l.units) else v.worth end as worth
from valued v cross join cap c left join loud l on v.actor = l.actor
"""
_TOTALS = """
select coalesce(sum(1) filter (failed), 0), coalesce(sum(worth) filter (failed), 0),
       coalesce(sum(1) filter (not failed), 0), coalesce(sum(worth) filter (not failed), 0),
       coalesce(sum(worth * worth) filter (not failed), 0), coalesce(sum(worth) filter (not failed and is_full), 0)
from ran
"""
_FUNCTIONS = """
select function, sum(failed::int), coalesce(sum(worth) filter (failed), 0), sum((not failed)::int),
       coalesce(sum(worth) filter (not failed), 0), coalesce(sum(worth) filter (not failed and is_full), 0)
from (select failed, worth, is_full, unnest(executed) as function from ran)
where function is not null group by function having sum(failed::int) > 0 order by function
"""


@dataclass(frozen=True, slots=True)
class Runs:
    """The failing or the healthy traces: how many, and what they are worth as independent ones."""

    traces: int
    units: float


@dataclass(frozen=True, slots=True)
class Part:
    """Those of them that a function ran in; `share` is of what they are worth."""

    traces: int
    share: float


@dataclass(frozen=True, slots=True)
class Company:
    failing: Runs
    healthy: Runs
    functions: Mapping[str, tuple[Part, Part]]
    """Of each function its part in the failing and in the healthy ones."""


@dataclass(frozen=True, slots=True)
class Ran:
    """In how many of the incident's traces a function ran."""

    key: str
    failing: int
    failing_traces: int
    healthy: int
    healthy_traces: int
    healthy_share: float
    """Of all healthy traces, by the rate at which they were sampled."""
    failing_share: float
    q: float
    leading: Scored
    """What carries most of the excess."""

    @property
    def score(self) -> float:
        return EXECUTED * (self.failing_share - self.healthy_share) * self.leading.rate.doubled

    @property
    def words(self) -> str:
        return (
            f"not on the stack: it ran in {self.failing} of {self.failing_traces} failing traces and in"
            f" {self.healthy} of {self.healthy_traces} healthy ones; people's functions are not tracked"
        )


def is_recorded(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether any trace says what ran in it; only our own sink's do."""
    (tables,) = connection.execute("select count(*) from duckdb_tables() where table_name = 'runs'").fetchall()
    return bool(tables[0]) and bool(connection.execute("select 1 from runs limit 1").fetchall())


def releases(connection: duckdb.DuckDBPyConnection) -> list[tuple[str | None, str | None]]:
    """Every pair of release and manifest digest that traces name."""
    rows = connection.execute("select distinct release, manifest from runs order by all").fetchall()
    return [(release, manifest) for release, manifest in rows]


def risen(board: Board, shapes: Sequence[Shape]) -> list[int]:
    """The shapes of the excess whose innermost function rose; the others are a little above their mean by chance."""
    return [shape for shape in board.excess_by_shape if board.functions[shapes[shape].weights[0][0]].q <= Q]


def company(
    connection: duckdb.DuckDBPyConnection,
    *,
    served: Sequence[tuple[str | None, str | None]],
    window: Window,
    shapes: Sequence[int],
    environment: str | None,
) -> Company:
    """What ran in the window's traces of these releases; `shapes` are those of the errors in question."""
    connection.execute(
        _RAN,
        {
            "releases": [release or "" for release, _ in served],
            "manifests": [manifest or "" for _, manifest in served],
            "since": window.since,
            "until": window.until,
            "shapes": list(shapes),
            "environment": environment,
            "full": MAX_FUNCTIONS,
        },
    )
    ((failing, units, healthy, weight, squares, full),) = connection.execute(_TOTALS).fetchall()
    functions: dict[str, tuple[Part, Part]] = {}
    for key, failed, failed_units, passed, passed_weight, passed_full in connection.execute(_FUNCTIONS).fetchall():
        # A trace notes so many functions and no more: one that is full may have run any other.
        possible = passed_weight + full - passed_full
        parts = Part(failed, failed_units / units), Part(passed, possible / weight if weight else 1.0)
        functions[key] = parts
    connection.execute("drop table ran")
    worth = weight * weight / squares if squares else 0.0
    return Company(Runs(failing, units), Runs(healthy, worth), functions)


def distinct(found: Company) -> dict[str, float]:
    """The functions of nearly all failing and clearly fewer healthy traces, with their false-discovery rate."""
    failing, healthy = (math.floor(round(side.units, 6)) for side in (found.failing, found.healthy))
    if failing < MIN_FAILING or healthy < MIN_HEALTHY:
        return {}
    p_values = {
        key: _p_value(
            math.floor(round(failed.share * failing, 6)),
            failing,
            math.ceil(round(min(1.0, passed.share) * healthy, 6)),
            healthy,
        )
        for key, (failed, passed) in found.functions.items()
    }
    false = _evidence.benjamini_hochberg(p_values)
    return {
        key: false[key]
        for key, (failed, passed) in found.functions.items()
        if failed.share >= NEARLY_ALL and passed.share <= CLEARLY_FEWER * failed.share and false[key] <= Q
    }


def _p_value(ran: int, failing: int, ran_healthy: int, healthy: int) -> float:
    """Fisher's exact test, one-sided: so many or more of the runs with the function among the failing ones."""
    both = ran + ran_healthy
    at = np.arange(ran, min(failing, both) + 1, dtype=float)
    logs = _choose(failing, at) + _choose(healthy, both - at) - _choose(failing + healthy, np.array([float(both)]))
    return min(1.0, float(np.exp(logs).sum()))


def _choose(of: int, some: np.ndarray) -> np.ndarray:
    """Log of the binomial coefficient."""
    found: np.ndarray = special.gammaln(of + 1.0) - special.gammaln(some + 1) - special.gammaln(of - some + 1)
    return found


def is_open(
    board: Board, *, shapes: Sequence[Shape], changes: Changes, revision: str, is_ai: Callable[[str], bool]
) -> bool:
    """Whether something rose, and no code that changed, whoever wrote it, fits on the stacks or beside them."""
    rose = [one for one in board.functions.values() if one.q <= Q]
    if sum(one.share for one in rose) <= MOSTLY:
        return False
    rose = [one for one in rose if one.share >= _CARRIES]
    for one in rose:
        has_changed = max(one.change, changes.factor(one.key, revision)) >= CHANGED
        if has_changed or one.led_by_change > MOSTLY or one.key.startswith(UNRESOLVED):
            return False
    linkable = _near.linkable(board, shapes) & {one.key for one in rose}
    beside = (other for key in linkable for other, _ in _near.neighbours(key, changes=changes, revision=revision))
    return all(is_ai(other) or changes.factor(other, revision) < CHANGED for other in beside)


def executed(
    found: Company, *, board: Board, changes: Changes, revision: str, is_ai: Callable[[str], bool]
) -> list[Ran]:
    """Best first, and all or none: functions that always run together cannot be told apart."""
    named = {key: q for key, q in distinct(found).items() if is_ai(key) and changes.factor(key, revision) >= CHANGED}
    on_stack = {key for key, one in board.functions.items() if one.through >= _CARRIES}
    if len(named) > MOST or on_stack & set(named):  # one that was judged on the stacks is not judged again
        return []
    leading = max(board.functions.values(), key=lambda one: (one.share, one.depth))
    ran = []
    for key, q in named.items():
        failed, passed = found.functions[key]
        ran.append(
            Ran(
                key=key,
                failing=failed.traces,
                failing_traces=found.failing.traces,
                healthy=passed.traces,
                healthy_traces=found.healthy.traces,
                healthy_share=passed.share,
                failing_share=failed.share,
                q=q,
                leading=leading,
            )
        )
    return sorted(ran, key=lambda one: (-one.score, one.key))
