"""Our keys on log records: a filter, a record factory and a structlog processor say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runtime._app import GENERATION, ai, human, manifest, write
from runtime._host import Outcome, host

START = """
import json, logging, sys
import aiprov_runtime
def ours(found): return {k: v for k, v in found.items() if k.startswith(("aiprov.", "code."))}
class Show(logging.Handler):
    def emit(self, record): print(record.levelname, record.getMessage(), json.dumps(ours(record.__dict__)))
log = logging.getLogger("host")
log.setLevel(1)
log.propagate = False
log.addHandler(Show())
def written(value):
    raise ValueError(f"secret {value}")
def person():
    raise KeyError("secret")
def caught(call):
    try:
        call(1)
    except Exception as error:
        return error
def reports(**given):
    log.error("stack", **given)
"""
LINE = START.splitlines().index('    raise ValueError(f"secret {value}")') + 1


@pytest.fixture
def app(tmp_path: Path) -> Path:
    records = {"written": ai(), "person": human(), "reports": ai()}
    write(tmp_path / ".aiprov" / "manifest.yaml", "").write_bytes(manifest({"main.py": records}))
    return tmp_path


def keys(app: Path, **changed: object) -> dict[str, object]:
    """What every carrier says of `written`."""
    digest = json.loads(run(app, "print(json.dumps(aiprov_runtime.status().digest))").out)
    return {
        "aiprov.origin": "ai",
        "aiprov.generated": "true",
        "aiprov.manifest": digest,
        "aiprov.function": "main.py::written",
        "aiprov.model": GENERATION.model,
        "aiprov.tool": GENERATION.tool,
        "aiprov.prompt_hash": GENERATION.prompt_hash,
        "aiprov.relation": "raised",
        "aiprov.state": "unverified",
        "code.function.name": "__main__.written",
        "code.file.path": "main.py",
        "code.line.number": LINE,
    } | changed


def run(app: Path, program: str, **environ: str) -> Outcome:
    return host(app, f"{START}aiprov_runtime.init()\n{program}", **environ)


def shown(outcome: Outcome) -> list[tuple[str, dict[str, object]]]:
    assert (0, "") == (outcome.code, outcome.err)
    lines = (line.partition(" {") for line in outcome.out.splitlines())
    return [(said, json.loads("{" + found)) for said, _, found in lines]


CARRIERS = {
    "filter of a logger": "import aiprov_runtime.logs as logs; log.addFilter(logs.ProvenanceFilter())",
    "filter of a handler": "import aiprov_runtime.logs as logs; log.handlers[0].addFilter(logs.ProvenanceFilter())",
    "record factory": "import aiprov_runtime.logs as logs; logs.install_record_factory()",
    "argument": "aiprov_runtime.init(logs=True)",
    "all of them": """
import aiprov_runtime.logs as logs
logs.install_record_factory(); logs.install_record_factory()
log.addFilter(logs.ProvenanceFilter()); log.handlers[0].addFilter(logs.ProvenanceFilter())
""",
}
LOGGED = """
log.info("nothing")
log.exception("no exception")
error = caught(written)
log.error("instance", exc_info=error)
log.debug("tuple", exc_info=(type(error), error, error.__traceback__))
try:
    written(2)
except ValueError:
    log.exception("handled")
    log.warning("no exc_info")
"""


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_record_of_an_exception_carries_our_keys_and_no_other_does(app: Path, carrier: str):
    found = shown(run(app, f"{CARRIERS[carrier]}\n{LOGGED}"))

    expected = keys(app)
    assert [
        ("INFO nothing", {}),
        ("ERROR no exception", {}),
        ("ERROR instance", expected),
        ("DEBUG tuple", expected),
        ("ERROR handled", expected),
        ("WARNING no exc_info", {}),
    ] == found


def test_the_environment_alone_is_enough(app: Path):
    found = shown(run(app, 'log.error("x", exc_info=caught(written))', AIPROV_LOGS="1"))

    assert [("ERROR x", keys(app))] == found


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_users_own_keys_win_and_never_fail(app: Path, carrier: str):
    call = 'log.error("x", exc_info=caught(written), extra={"aiprov.model": "mine", "other": 1})'
    found = shown(run(app, f"{CARRIERS[carrier]}\n{call}"))

    assert [("ERROR x", keys(app, **{"aiprov.model": "mine"}))] == found


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_was_never_raised_is_judged_by_who_reports_it(app: Path, carrier: str):
    found = shown(run(app, f"{CARRIERS[carrier]}\nreports(exc_info=ValueError('secret'))"))

    assert ["main.py::reports"] == [keys["aiprov.function"] for _, keys in found]


def test_an_error_of_people_is_said_to_be_one(app: Path):
    found = shown(run(app, f"{CARRIERS['record factory']}\nlog.error('x', exc_info=caught(lambda _: person()))"))

    assert [("human", "false", None)] == [
        (said["aiprov.origin"], said["aiprov.generated"], said.get("aiprov.function")) for _, said in found
    ]


def test_without_a_manifest_nothing_is_said(tmp_path: Path):
    for carrier in CARRIERS.values():
        assert {} == dict(shown(run(tmp_path, f"{carrier}\nlog.error('x', exc_info=caught(written))")))["ERROR x"]


def test_the_message_of_an_exception_stays_where_it_is(app: Path):
    outcome = run(app, f"{CARRIERS['all of them']}\n{LOGGED}")

    assert "secret" not in outcome.out


CHAIN = """
from aiprov_runtime.logs import install_record_factory as install
def set_factory():
    previous = logging.getLogRecordFactory()
    def factory(*args, **kwargs):
        record = previous(*args, **kwargs)
        record.theirs = True
        return record
    logging.setLogRecordFactory(factory)
{order}
log.handlers[0].addFilter(lambda record: print("theirs", record.theirs, {{}}) or True)
log.error("x", exc_info=caught(written))
"""


@pytest.mark.parametrize(
    "order",
    [
        "set_factory(); install()",
        "install(); set_factory()",
        "install(); set_factory(); install(); install()",
        "install(); logging.setLogRecordFactory(logging.LogRecord); set_factory(); install()",
    ],
)
def test_factories_of_others_stay_in_the_chain(app: Path, order: str):
    found = shown(run(app, CHAIN.format(order=order)))

    assert [("theirs True", {}), ("ERROR x", keys(app))] == found


def test_a_record_from_another_thread_is_not_judged_by_this_stack(app: Path):
    program = """
from aiprov_runtime.logs import ProvenanceFilter
record = logging.makeLogRecord({"exc_info": (ValueError, ValueError(), None), "thread": 1})
def reports(): print("x", json.dumps(ours(record.__dict__)) if ProvenanceFilter().filter(record) else 0)
reports()
"""

    assert ["unknown"] == [keys["aiprov.origin"] for _, keys in shown(run(app, program))]


def test_a_formatter_may_name_our_keys(app: Path):
    program = """
aiprov_runtime.init(logs=True)
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("%(message)s model=%(aiprov.model)s", defaults={"aiprov.model": "-"}))
log.handlers = [handler]
log.info("fine")
try:
    written(1)
except ValueError as error:
    log.error("bad", exc_info=error)
"""

    lines = run(app, program).out.splitlines()
    assert ["fine model=-", f"bad model={GENERATION.model}"] == lines[:2]


def test_a_failing_judge_leaves_the_record_alone(app: Path):
    program = """
import aiprov_runtime.logs as logs
logs.install_record_factory()
class Broken(dict):
    def get(self, *_): raise MemoryError
sys.modules["aiprov_runtime._runtime"]._active.lookups.file = lambda _: 1 / 0
log.error("x", exc_info=caught(written))
print("failures", json.dumps(aiprov_runtime.status().failures))
"""

    outcome = run(app, program)
    assert 'ERROR x {}\nfailures {"explain": 1}\n' == outcome.out


def sink(app: Path) -> list[str]:
    lines = (app / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["exceptions"][0]["type"] for line in lines]


REPORTED = """
class Own(Exception): pass
def own(_): raise {error}
def twice():
    try:
        own(1)
    except Exception:
        log.exception("x")
        aiprov_runtime.capture(sys.exception())
        raise
for _ in range(3):
    try: twice()
    except Exception: pass
threading.Thread(target=twice).start()
"""


def test_one_exception_is_written_once_however_it_is_reported(app: Path):
    program = "import threading; threading.excepthook = lambda _: None\n" + REPORTED
    outcome = run(app, program.format(error="Own()"), AIPROV_SINK="events.jsonl", AIPROV_LOGS="1")

    assert ["__main__.Own"] * 4 == sink(app)
    assert 4 == len(shown(outcome))


def test_an_instance_that_is_raised_again_is_another_error(app: Path):
    program = """
class Own(Exception): pass
kept = Own()
for _ in range(3):
    try: raise kept
    except Own: log.exception("x")
"""
    run(app, program, AIPROV_SINK="events.jsonl")

    assert ["__main__.Own"] * 3 == sink(app)


def test_no_exception_is_kept_alive(app: Path):
    program = """
import gc, weakref
class Own(Exception): pass
class Big: pass
def fail(_):
    local = Big(); seen.append(weakref.ref(local)); raise Own
seen = []
gc.disable()
for _ in range(2):
    try: fail(1)
    except Own: log.exception("x"); aiprov_runtime.capture(sys.exception())
print("alive", sum(ref() is not None for ref in seen), "{}")
"""
    outcome = run(app, program, AIPROV_SINK="events.jsonl", AIPROV_LOGS="1")

    assert ("alive 0", {}) == shown(outcome)[-1]


def test_exceptions_and_records_of_any_shape(app: Path):
    program = """
import aiprov_runtime.logs as logs
class Falsy(Exception):
    def __bool__(self): raise RuntimeError
class Bare(logging.LogRecord):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.exc_info
error = Falsy().with_traceback(caught(written).__traceback__)
logs.install_record_factory()
log.error("falsy", exc_info=(Falsy, error, None))
print("structlog", json.dumps(ours(logs.add_provenance(None, "error", {"exc_info": error}))))
logging.setLogRecordFactory(Bare)
logs.install_record_factory()
log.error("bare", exc_info=(Falsy, error, None))
logging.setLogRecordFactory(logging.LogRecord)
logs.install_record_factory()
for odd in ((), (None,), (1, 2, 3), [error], "text", 7):
    log.handle(log.makeRecord("host", 40, "f", 1, "odd", (), odd))
"""

    found = shown(run(app, program))

    assert ["main.py::written"] * 2 + [None] * 7 == [said.get("aiprov.function") for _, said in found]
    assert ["ERROR falsy", "structlog", "ERROR bare"] + ["ERROR odd"] * 6 == [said for said, _ in found]
