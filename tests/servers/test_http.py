"""Services under load on real servers: the same with us as without, and every failure named."""

from __future__ import annotations

from pathlib import Path

import peers
import pytest
from servers._serving import AUTO, PLAIN, RUN, Service, serve, told, told_sentry, without_ours

pytestmark = pytest.mark.peer
OK = None
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
GUNICORN = ["gunicorn", "--workers=2", "--access-logfile=-", "--access-logformat=%(s)s %(r)s", "--bind=fd://{}"]
UVICORN = ["uvicorn", "--fd={}"]
SERVERS = {
    "flask, gunicorn preloaded with threads": Service(
        "flask", [*GUNICORN, "--preload", "--threads=3", "app:app"], FLASK, 2
    ),
    "flask, gunicorn forked first": Service("flask", [*GUNICORN, "app:app"], FLASK, 2),
    "fastapi, uvicorn": Service("fastapi", [*UVICORN, "app:app"], FASTAPI, 1),
    "fastapi, uvicorn with spawned workers": Service("fastapi", [*UVICORN, "--workers=2", "app:app"], FASTAPI, 2),
    "django, gunicorn preloaded with threads": Service(
        "django", [*GUNICORN, "--preload", "--threads=3", "app:wsgi"], DJANGO, 2
    ),
    "django, uvicorn": Service("django", [*UVICORN, "--lifespan=off", "app:asgi"], DJANGO, 1),
}


RUNS = ("flask, gunicorn preloaded with threads", "fastapi, uvicorn with spawned workers")


@pytest.mark.parametrize(("server", "mode"), [*((server, AUTO) for server in SERVERS), *((run, RUN) for run in RUNS)])
def test_a_service_is_the_same_and_every_failure_is_named(tmp_path: Path, server: str, mode: str):
    with peers.required():
        auto = serve(SERVERS[server], tmp_path / "auto", mode)
        plain = serve(SERVERS[server], tmp_path / "plain", PLAIN, rounds=auto.rounds)
    expected = SERVERS[server].expected(auto.rounds)

    assert plain.answers == auto.answers
    assert plain.log == auto.log
    assert without_ours(plain) == without_ours(auto)
    assert plain.sink == []
    assert expected == told(auto.sink)
    assert expected == told_sentry(auto.events)
    assert SERVERS[server].workers == len({event["pid"] for event in auto.sink})
