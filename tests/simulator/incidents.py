"""Invented incidents: log-normal background rates with gamma-Poisson noise, retries, storms, deploys and culprits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import duckdb
import numpy as np
from simulator.world import World

from aiprov.triage import Request, Spike, spike
from aiprov.triage._spike import UNTUNED, Tuning

HOUR = 3_600_000_000  # microseconds
START = 1_790_000_000_000_000 // HOUR * HOUR
BASELINE_HOURS = 24
NOISE = 2.0
TABLES = """
create or replace table stacks(id ubigint, body varchar);
create or replace table events(ts timestamp, stack ubigint, release varchar, environment varchar, host varchar,
                               "user" varchar, trace varchar, manifest varchar, weight double);
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of incident; what is None is drawn anew for each."""

    culprit: str | None = "ai"
    """Who wrote the function at fault: "ai", "human", or None for no fault at all."""
    culprits: int = 1
    callers: str = "any"
    """"human" or "ai" for all callers of the culprit."""
    on_stack: bool = True
    traffic: float | None = None
    middleware: bool | None = None
    storm: str | None = "background"
    """"incident" puts a client's storm on an AI function in the incident."""
    recorded: float = 1.0
    releases: int = 2
    rolling: bool = False
    is_new: bool = False
    users: bool | None = None
    windows: bool = True
    changed: float = 0.15
    units: tuple[int, int] = (15, 50)
    outage: bool = False
    """A dependency fails under unchanged code."""


@dataclass(slots=True)
class Incident:
    world: World
    truth: tuple[str, ...]
    """The functions at fault, whoever wrote them."""
    request: Request
    bodies: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, int, str, str, str | None, str]] = field(default_factory=list)
    """Microseconds, stack, release, host, user, trace."""

    @property
    def named(self) -> set[str]:
        """Those at fault that a model is known to have written."""
        return {key for key in self.truth if key in self.world.ai and key in self.world.recorded}


class Maker:
    """One incident from one seed."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind = kind
        self.random = Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.world = World.build(self.random)
        self.keys = sorted(self.world.functions)
        self.has_users = self.random.random() < 0.7 if kind.users is None else kind.users
        self.traffic = self.random.choice([1.0, 3.0]) if kind.traffic is None else kind.traffic
        with_middleware = self.random.random() < 0.7 if kind.middleware is None else kind.middleware
        self.middleware = self.random.sample(self.keys, 2) if with_middleware else []
        self.hosts = [f"host-{n}" for n in range(self.random.randint(4, 8))]
        self.traces = 0
        self.bodies: dict[tuple[tuple[str, ...], str, str], str] = {}

    def make(self) -> Incident:
        kind, random = self.kind, self.random
        truth = self._truths()
        background = [self._path([]) for _ in range(random.randint(10, 20))]
        background += [[*self._callers(3), key] for key in truth if random.random() < 0.3 and not kind.is_new]
        spikes = [path for key in truth for path in self._spike_paths(key)]
        if kind.outage:
            spikes = [self._path([]) for _ in range(2)]
        self._write_history(truth)
        exposure = (self.traffic * 1000.0, BASELINE_HOURS * 1000.0)
        times = [_time(START + hours * HOUR) for hours in (0, BASELINE_HOURS, BASELINE_HOURS + 1)]
        request = Request(since=times[1], until=times[2], baseline_since=times[0], baseline_until=times[1])
        request = replace(request if kind.windows else Request(), requests=exposure if kind.windows else None)
        incident = Incident(self.world, truth, request)
        self._background(incident, background)
        self._spike(incident, spikes)
        self._storms(incident, background)
        random.shuffle(incident.rows)
        return incident

    def _truths(self) -> tuple[str, ...]:
        kind, world = self.kind, self.world
        if kind.culprit is None:
            return ()
        writers = world.ai if kind.culprit == "ai" else set(self.keys) - world.ai
        pool = sorted(writers - set(self.middleware))
        truth = tuple(self.random.sample(pool, kind.culprits))
        if kind.recorded < 1:
            world.recorded = {key for key in self.keys if self.random.random() < kind.recorded}
        return truth

    def _write_history(self, truth: tuple[str, ...]) -> None:
        """The last release changes the culprits and some others; earlier ones change others only."""
        random, kind = self.random, self.kind
        changed: set[str] = set()
        for number in range(1, kind.releases):
            self.world.release(f"r{number}", changed=set(changed))
            changed |= {key for key in self.keys if random.random() < 0.05}
        if kind.is_new:
            for absent in self.world.absent.values():
                absent |= set(truth)
        last = {key for key in self.keys if random.random() < kind.changed} | set(truth)
        self.world.release(f"r{kind.releases}", changed=last)

    def _callers(self, count: int) -> list[str]:
        pool = self.keys
        if self.kind.callers == "human":
            pool = [key for key in self.keys if key not in self.world.ai]
        elif self.kind.callers == "ai":
            pool = sorted(self.world.ai)
        return self.random.sample(pool, count)

    def _path(self, tail: list[str]) -> list[str]:
        """Outermost first: entry points are few, so paths share their beginnings."""
        random = self.random
        entry = random.choice(self.keys[:12])
        middle = self._callers(random.randint(1, 6)) if tail else random.sample(self.keys, random.randint(1, 7))
        return list(dict.fromkeys([*self.middleware, entry, *middle, *tail]))

    def _spike_paths(self, key: str) -> list[list[str]]:
        """A function fails under one to four routes, mostly raising itself, sometimes in one it calls."""
        random = self.random
        below = random.choices([0, 1, 2], weights=[45, 5, 4])[0]
        tail = [
            key,
            *random.sample([k for k in self.keys if k not in self.world.ai or self.kind.culprit == "ai"], below),
        ]
        paths = [[k for k in self._path(tail) if k not in tail] + tail for _ in range(random.randint(1, 4))]
        return paths if self.kind.on_stack else [[k for k in path if k != key] for path in paths]

    def _background(self, incident: Incident, paths: list[list[str]]) -> None:
        rates = self.numpy.lognormal(mean=-0.4, sigma=1.2, size=len(paths))
        for path, rate in zip(paths, rates, strict=True):
            noise = self.numpy.gamma(NOISE, 1 / NOISE, size=BASELINE_HOURS + 1)
            load = np.where(np.arange(BASELINE_HOURS + 1) < BASELINE_HOURS, 1.0, self.traffic)
            for hour, units in enumerate(self.numpy.poisson(rate * noise * load)):
                for _ in range(int(units)):
                    self._unit(incident, path, START + hour * HOUR + self.random.randrange(HOUR))

    def _spike(self, incident: Incident, paths: list[list[str]]) -> None:
        if not paths:
            return
        for _ in range(self.random.randint(*self.kind.units) * self.kind.culprits):
            at = START + BASELINE_HOURS * HOUR + self.random.randrange(HOUR)
            self._unit(incident, self.random.choice(paths), at, failing=True)

    def _unit(self, incident: Incident, path: list[str], at: int, *, failing: bool = False) -> None:
        """One person's failure, reported one to five times, under one trace or under new ones."""
        user = f"user-{self.random.randrange(2000)}" if self.has_users else None
        host = self.random.choice(self.hosts)
        same_trace = self.random.random() < 0.5
        for number in range(self.random.choice([1, 2, 3, 5])):
            if not number or not same_trace:
                self.traces += 1
            self._event(incident, path, at + number * 4_000_000, host, user, failing=failing)

    def _event(
        self, incident: Incident, path: list[str], at: int, host: str, user: str | None, *, failing: bool = False
    ) -> None:
        release = self._release_at(at, failing=failing)
        error = "builtins.KeyError" if failing else "builtins.ValueError"
        key = (tuple(path), release, error)
        body = self.bodies.get(key) or self.bodies.setdefault(key, stack_body(self.world, path, release, error=error))
        stack = incident.bodies.setdefault(body, len(incident.bodies))
        incident.rows.append((at, stack, release, host, user, f"trace-{self.traces}"))

    def _release_at(self, at: int, *, failing: bool) -> str:
        kind = self.kind
        hour = (at - START) / HOUR
        if hour < BASELINE_HOURS:
            step = BASELINE_HOURS / max(1, kind.releases - 1)
            return f"r{min(kind.releases - 1, 1 + int(hour / step))}"
        old = kind.rolling and not failing and self.random.random() < 0.4
        return f"r{kind.releases - 1 if old else kind.releases}"

    def _storms(self, incident: Incident, background: list[list[str]]) -> None:
        if self.kind.storm is None:
            return
        path, start = self.random.choice(background), START + self.random.randrange(BASELINE_HOURS) * HOUR
        if self.kind.storm == "incident":
            leaf = self.random.choice(sorted(self.world.ai & set(self.keys)))
            path, start = [*path, leaf], START + BASELINE_HOURS * HOUR
        user = "user-storm" if self.has_users else None
        host = self.hosts[0]
        for _ in range(400):
            self.traces += 1
            self._event(incident, path, start + self.random.randrange(HOUR), host, user)


def stack_body(world: World, path: list[str], release: str, *, error: str, root: str = "/srv/deploy") -> str:
    revision = world.releases[release]
    frames = [
        {
            "file": f"{root}/{world.functions[k].path}",
            "line": world.line(k, revision),
            "function": world.functions[k].qualname,
        }
        for k in path
        if k not in world.absent[revision]
    ]
    library = {"file": "/usr/lib/python3.12/json/decoder.py", "line": 3, "function": "decode"}
    return json.dumps([{"type": error, "relation": "top", "parent": None, "frames": [*frames, library]}])


def load(connection: duckdb.DuckDBPyConnection, incident: Incident) -> None:
    connection.execute(TABLES)
    bodies = {"body": np.array(list(incident.bodies), dtype=object)}
    ids = np.arange(len(incident.bodies))
    columns = list(zip(*incident.rows, strict=True))
    names = ("micros", "stack", "release", "host", "person", "trace")
    rows = {
        n: np.array(c, dtype=object if n not in ("micros", "stack") else None)
        for n, c in zip(names, columns, strict=True)
    }
    stacks = bodies | {"id": ids}
    connection.register("new_stacks", stacks)
    connection.register("new_rows", rows)
    connection.execute("insert into stacks select id, body from new_stacks")
    connection.execute(
        "insert into events select make_timestamp(micros), stack, release, 'production', host, person, trace, null, 1"
        " from new_rows"
    )


def play(
    connection: duckdb.DuckDBPyConnection, kind: Kind, seed: int, tuning: Tuning = UNTUNED
) -> tuple[Incident, Spike]:
    incident = Maker(kind, seed).make()
    load(connection, incident)
    return incident, spike(connection, codebase=incident.world, request=incident.request, tuning=tuning)


def _time(microseconds: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).replace(tzinfo=None)
