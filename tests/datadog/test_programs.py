"""Whole programs: what one line, `import aiprov_runtime.auto`, sends to the Agent of an application that uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import peers
import pytest
from peers.dogstatsd import Event, Metric, Receiver, on_udp

from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Generation, Manifest, Record, dumps

SHOP = """
import logging

def total(price):
    return price + 1

def human(price):
    return total(price)

def serve(price):
    try:
        return human(price)
    except TypeError:
        logging.exception("a price")
        raise
"""
GENERATION = Generation(model="anthropic/claude-opus-4-6", tool="claude-code", prompt_hash="sha256:" + "a1" * 32)
TAGS = ("model:anthropic/claude-opus-4-6", "tool:claude-code")
LOGGED = """
for _ in range(3):
    try:
        shop.serve(None)
    except TypeError:
        logging.exception("once more")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    total = regions(SHOP.encode())["total"]
    record = Record("ai", GENERATION.id, code_hash=total.code_hash)
    (tmp_path / MANIFEST_PATH).parent.mkdir()
    (tmp_path / MANIFEST_PATH).write_bytes(dumps(Manifest({GENERATION.id: GENERATION}, {"shop.py": {"total": record}})))
    return tmp_path


def run(project: Path, agent: Receiver, program: str, *, python: str | Path = sys.executable, **environ: str) -> str:
    (project / "main.py").write_text(program)
    settings = {"PATH": "/usr/bin:/bin", "DD_AGENT_HOST": "127.0.0.1", "DD_DOGSTATSD_PORT": str(agent.port), **environ}
    done = subprocess.run(
        [python, *([] if "PYTHONWARNINGS" in environ else ["-W", "error"]), "main.py"],
        cwd=project,
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "aiprov:" not in done.stderr, done.stderr
    return done.stdout


def counted(agent: Receiver) -> dict[tuple[str, ...], float]:
    """The sums by name and tags."""
    sums: dict[tuple[str, ...], float] = {}
    for line in agent.rest():
        assert isinstance(line, Metric)
        sums[line.name, *line.tags] = sums.get((line.name, *line.tags), 0) + line.values[0]
    return sums


STARTS = {
    "ours first": "import aiprov_runtime.auto\nimport datadog, logging, shop\n",
    "ours last": "import datadog, logging, shop\nimport aiprov_runtime.auto\n",
    "twice": "import aiprov_runtime.auto\nimport datadog, logging, shop\nimport aiprov_runtime\naiprov_runtime.init()\n"
    "from aiprov_datadog import _metrics\n_metrics.install()\n",
    "by hand": "import datadog, logging, shop\nfrom aiprov_datadog import _metrics\n_metrics.install()\n",
}


def test_a_client_put_in_place_of_the_packages_own_is_the_one_used(project: Path):
    replaced = "datadog.statsd = datadog.DogStatsd(namespace='mine')\n"
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + replaced + LOGGED)

        assert {("mine.aiprov.errors", *TAGS): 3} == counted(agent)


@pytest.mark.parametrize("start", STARTS)
def test_an_error_counts_once_however_often_it_is_logged(project: Path, start: str):
    with on_udp() as agent:
        run(project, agent, STARTS[start] + LOGGED)

        assert {("aiprov.errors", *TAGS): 3.0} == counted(agent)


def test_an_error_that_is_logged_and_ends_the_program_counts_once(project: Path):
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + "shop.serve(None)\n")

        assert {("aiprov.errors", *TAGS): 1.0} == counted(agent)


def test_errors_of_threads_count(project: Path):
    program = "import threading\nfor _ in range(2):\n t = threading.Thread(target=shop.total, args=(None,))\n"
    program += " t.start()\n t.join()\n"
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + program)

        assert {("aiprov.errors", *TAGS): 2.0} == counted(agent)


def test_errors_without_ai_code_on_their_path_do_not_count(project: Path):
    program = "try:\n int('x')\nexcept ValueError:\n logging.exception('human')\nlogging.error('a message')\n"
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + program)

        assert {} == counted(agent)


def test_initialize_after_us_is_followed(project: Path):
    with on_udp() as unused, on_udp() as agent:
        program = f"datadog.initialize(statsd_port={agent.port}, statsd_constant_tags=['team:shop'])\n"
        run(project, unused, STARTS["ours first"] + program + LOGGED)

        assert {("aiprov.errors", *TAGS, "team:shop"): 3.0} == counted(agent)
        assert {} == counted(unused)


@pytest.mark.parametrize(
    "setting", [{"AIPROV_DISABLED": "1"}, {"DD_DOGSTATSD_DISABLE": "1"}, {"AIPROV_MANIFEST": "/nowhere"}]
)
def test_nothing_is_sent_where_either_side_is_switched_off(project: Path, setting: dict[str, str]):
    (project / "main.py").write_text(STARTS["ours first"] + LOGGED)
    with on_udp() as agent:
        settings = {"DD_AGENT_HOST": "127.0.0.1", "DD_DOGSTATSD_PORT": str(agent.port), **setting}
        subprocess.run(
            [sys.executable, "main.py"], cwd=project, env=settings, capture_output=True, timeout=60, check=True
        )

        assert [] == agent.rest()


def test_without_a_manifest_there_is_no_thread(project: Path):
    (project / MANIFEST_PATH).unlink()
    program = "import threading\nprint([t.name for t in threading.enumerate()])\n"
    with on_udp() as agent:
        assert "['MainThread']\n" == run(project, agent, STARTS["ours first"] + program)


FORKING = """
import os, sys, threading
def fail(times):
    for _ in range(times):
        try:
            shop.serve(None)
        except TypeError:
            pass
fail(5)
threads = [threading.Thread(target=fail, args=(10,)) for _ in range(2)]
children = []
for number in range(2):  # as gunicorn does with --preload
    child = os.fork()
    if child == 0:
        workers = [threading.Thread(target=fail, args=(10,)) for _ in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        sys.exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
fail(1)
"""


def test_forked_workers_with_threads_count_each_error_once(project: Path):
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + FORKING)

        assert {("aiprov.errors", *TAGS): 5.0 + 2 * 40 + 1} == counted(agent)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 cannot tell which functions run")
def test_calls_of_forked_workers_with_threads_count_once(project: Path):
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + FORKING + "[shop.total(1) for _ in range(1000)]\n", AIPROV_TRACK="1")

        assert {("aiprov.errors", *TAGS): 86.0, ("aiprov.calls", *TAGS): 1086.0} == counted(agent)


TRACES = """
from ddtrace.trace import tracer
for _ in range(3):
    with tracer.trace("web.request") as entry:
        with tracer.trace("middleware") as between:
            try:
                with tracer.trace("view"):
                    with tracer.trace("template"):
                        shop.serve(None)
            except TypeError:
                logging.exception("answered with a page")
        entry.error = 1  # as of a status of 500
logging.getLogger().disabled = True
tracer.shutdown()
"""


@pytest.mark.parametrize("tracing", ["true", "false"])
@pytest.mark.parametrize("start", ["ours first", "ours last"])
def test_beside_ddtrace_an_error_counts_where_it_ends_a_span_or_else_where_it_is_logged(
    project: Path, start: str, tracing: str
):
    quiet = {
        "DD_TRACE_ENABLED": tracing,
        "DD_TRACE_AGENT_URL": "http://127.0.0.1:1",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
    }
    with on_udp() as agent:
        run(project, agent, "import ddtrace\n" + STARTS[start] + TRACES, **quiet)

        assert {("aiprov.errors", *TAGS): 3.0} == counted(agent)


def test_error_events_are_for_those_who_ask(project: Path):
    asked = "from aiprov_datadog._metrics import send_error_events\nsend_error_events()\n"
    with on_udp() as agent:
        run(project, agent, STARTS["ours first"] + asked + LOGGED)

        (event,) = (line for line in agent.rest() if isinstance(line, Event))
    assert "Error in AI-written code: shop.py::total" == event.title
    assert TAGS == event.tags
    assert "price" not in event.title + event.text


def oldest() -> list[str]:
    """The lower bound of the client, as a pin."""
    import tomllib

    project = tomllib.loads((peers.ROOT / "integrations" / "datadog" / "pyproject.toml").read_text())["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"] if ">=" in requirement]


def build(folder: Path) -> None:
    peers.environment(
        folder, *oldest(), "--editable", str(peers.ROOT), "--editable", str(peers.ROOT / "integrations" / "datadog")
    )


@pytest.mark.peer
def test_the_oldest_client_sends_the_same(project: Path):
    with peers.required():
        folder = peers.place("oldest-datadog", "\n".join(oldest()), build)
    version = "import sys\nprint(datadog.__version__, file=sys.stdout)\n"
    with on_udp() as agent:
        printed = run(
            project, agent, STARTS["ours first"] + version + FORKING, python=folder / "venv" / "bin" / "python"
        )

        assert {("aiprov.errors", *TAGS): 5.0 + 2 * 40 + 1} == counted(agent)
    assert {f"datadog=={found}" for found in printed.split()} == {pin + ".0" for pin in oldest() if "datadog" in pin}
