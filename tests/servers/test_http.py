"""Services under load on real servers: the same with us as without, and every failure named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import peers
import pytest
from peers import ddapm
from servers._receivers import DATADOG, OTLP_GRPC, OTLP_HTTP, Told, arrived, summed
from servers._serving import AUTO, RUN, Service, serve_both, told, told_sentry, without_ours

pytestmark = pytest.mark.peer
OK = None
CONVERT, PER_HEAD, CHEAPEST, NUMBER = (
    "rates.py::convert",
    "quotes.py::per_head",
    "quotes.py::cheapest",
    "quotes.py::Receipts.number",
)
PERSON = "app.py"

# Every request, and the function that it makes fail.
FASTAPI = {
    "GET /per-head/10/4": OK,
    "GET /per-head/10/0": "quotes.py::per_head",
    "GET /cheapest/3-2": OK,
    "GET /cheapest/-": "quotes.py::cheapest",
    "POST /orders/1": OK,
    "POST /orders/9": "quotes.py::Receipts.number",
    "GET /stock/cup": PERSON,
    "GET /nowhere": OK,
}
FLASK = {
    "GET /convert/5/USD": OK,
    "GET /convert/5/XXX": "rates.py::convert",
    "GET /convert/5/none": OK,
    "GET /rate/none": PERSON,
}
DJANGO = {
    "GET /legs/3-2": OK,
    "GET /legs/-": "routes.py::shortest",
    "GET /pace/10/2": OK,
    "GET /pace/10/0": "routes.py::speed",
    "GET /stop/south": PERSON,
    "GET /nowhere": OK,
}
CONVERTED = [
    Told("rounding", failed=False, function=CONVERT),
    Told("converting", failed=True, function=CONVERT, error=CONVERT),
]
CONVERTED_DATADOG = [
    Told("rounding", failed=False, function=CONVERT),
    *(Told(name, failed=True, error=CONVERT) for name in ("converting", "app.exchange", "flask.request")),
    *(Told(f"flask.{name}", failed=True, error=CONVERT) for name in ("dispatch_request", "handle_user_exception")),
]
QUOTED = [
    Told("rounding", failed=False, function=PER_HEAD),
    Told("GET /per-head/{total}/{people}", failed=True, function=PER_HEAD, error=PER_HEAD),
    Told("GET /cheapest/{prices}", failed=True, function=CHEAPEST, error=CHEAPEST),
    Told("BackgroundTask number", failed=True, function=NUMBER, error=NUMBER),
]
GUNICORN = ["gunicorn", "--workers=2", "--access-logfile=-", "--access-logformat=%(s)s %(r)s", "--bind=fd://{}"]
UVICORN = ["uvicorn", "--fd={}"]
SERVERS = {
    "flask, gunicorn preloaded with threads": Service(
        "flask", [*GUNICORN, "--preload", "--threads=3", "observed:app"], FLASK, 2, DATADOG, 54, CONVERTED_DATADOG
    ),
    "flask, gunicorn forked first": Service("flask", [*GUNICORN, "observed:app"], FLASK, 2, OTLP_GRPC, 7, CONVERTED),
    "fastapi, uvicorn": Service("fastapi", [*UVICORN, "app:app"], FASTAPI, 1),
    "fastapi, uvicorn with spawned workers": Service(
        "fastapi", [*UVICORN, "--workers=2", "observed:app"], FASTAPI, 2, OTLP_HTTP, 11, QUOTED
    ),
    "django, gunicorn preloaded with threads": Service(
        "django", [*GUNICORN, "--preload", "--threads=3", "app:wsgi"], DJANGO, 2
    ),
    "django, uvicorn": Service("django", [*UVICORN, "--lifespan=off", "app:asgi"], DJANGO, 1),
}


RUNS = ("flask, gunicorn preloaded with threads", "fastapi, uvicorn with spawned workers")


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ddapm.Agent]:
    with peers.required(), ddapm.serving(tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture
def agent(agents: ddapm.Agent) -> ddapm.Agent:
    agents.clear()
    return agents


@pytest.mark.parametrize(("server", "mode"), [*((server, AUTO) for server in SERVERS), *((run, RUN) for run in RUNS)])
def test_a_service_is_the_same_and_every_failure_is_named(tmp_path: Path, agent: ddapm.Agent, server: str, mode: str):
    with peers.required():
        auto, plain = serve_both(SERVERS[server], tmp_path, mode, agent)
    expected = SERVERS[server].expected(auto.rounds)
    spans, plain_spans = arrived(agent, "auto"), arrived(agent, "plain")
    named = Counter(dict.fromkeys(SERVERS[server].named, auto.rounds))

    assert plain.answers == auto.answers
    assert plain.log == auto.log
    assert without_ours(plain) == without_ours(auto)
    assert plain.sink == []
    assert expected == told(auto.sink)
    assert expected == told_sentry(auto.events)
    assert SERVERS[server].workers == len({event["pid"] for event in auto.sink})
    assert plain_spans.hosts() == spans.hosts()
    assert Counter() == plain_spans.ours()
    assert named == spans.ours()
    assert len(spans.workers) == (SERVERS[server].workers if named else 0)
    if SERVERS[server].telemetry == DATADOG:
        requests = len(SERVERS[server].requests) * auto.rounds
        tags = ("model:openai/gpt-5.2-codex", "tool:codex", "service:auto")
        ours = {("aiprov.errors", tags): auto.rounds, ("aiprov.duration", tags): auto.rounds}
        assert {("host.requests", ("service:auto",)): requests, **ours} == summed(auto.metrics)
        assert {("host.requests", ("service:plain",)): requests} == summed(plain.metrics)
