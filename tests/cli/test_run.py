"""`aiprov run`: real processes, compared with the same command without it."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

from aiprov import run as launcher
from aiprov.cli import app
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, Record, dumps

AIPROV = [sys.executable, "-m", "aiprov", "run"]
NOT_OURS = {k: v for k, v in os.environ.items() if not k.startswith(("AIPROV_", "_AIPROV", "DD_", "OTEL_", "PYTHON"))}
REPORT = "import aiprov_runtime as a, sys; print(a.status().manifest, flush=True)"


def run(*command: object, cwd: Path, given: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**NOT_OURS, **environ},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / MANIFEST_PATH).parent.mkdir()
    (tmp_path / MANIFEST_PATH).write_bytes(dumps(Manifest({}, {"app.py": {"f": Record("human")}})))
    return tmp_path


def script(place: Path, text: str, name: str = "app.py") -> Path:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


SAME = """
import atexit, os, signal, sys
print(sys.argv, sys.path, sys.flags, os.getcwd(), sys.stdin.read(), sorted(set(sys.modules) & {"ssl", "asyncio"}))
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.excepthook is sys.__excepthook__)
print("to stderr", file=sys.stderr)
sys.exit(7)
"""


def test_the_program_sees_what_it_sees_without_us(project: Path) -> None:
    command = [sys.executable, "-X", "utf8", script(project, SAME), "--sink", "x", "--", "--help"]

    done = run(*AIPROV, "--", *command, cwd=project, given="input")

    assert outcome(run(*command, cwd=project, given="input")) == outcome(done)
    assert 7 == done.returncode


def test_the_command_is_this_very_process(project: Path) -> None:
    child = subprocess.Popen(
        [*AIPROV, "--", sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project,
    )
    with child:
        line = child.stdout.readline()
        child.send_signal(signal.SIGTERM)

    assert f"{child.pid}\n" == line
    assert -signal.SIGTERM == child.returncode


def test_a_broken_pipe_ends_a_program_as_in_a_shell(project: Path) -> None:
    shell = "trap - PIPE; yes | head -1; echo ${PIPESTATUS[0]}"

    assert (0, "y\n141\n", "") == outcome(run(*AIPROV, "bash", "-c", shell, cwd=project))


STARTS = {
    "script": ["app.py"],
    "script of another folder": ["{place}/app.py"],
    "module": ["-m", "app"],
    "module, in one word": ["-mapp", "-m", "x"],
    "package": ["-W", "ignore", "-m", "package"],
    "module of a package": ["-m", "package.inner"],
    "folder": ["package"],
    "archive": ["app.pyz"],
    "text": ["-c", REPORT],
    "input": ["-"],
}


@pytest.mark.parametrize("start", STARTS)
def test_the_manifest_is_found_before_the_program_begins(project: Path, start: str) -> None:
    for name in ("app.py", "package/__main__.py", "package/inner.py"):
        script(project, REPORT, name)
    with zipfile.ZipFile(project / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", REPORT)
    arguments = [word.format(place=project) for word in STARTS[start]]
    cwd = Path("/") if "{" in STARTS[start][0] else project

    done = run(*AIPROV, "--", sys.executable, *arguments, cwd=cwd, given=REPORT)

    assert (0, f"{project / MANIFEST_PATH}\n", "") == outcome(done)


def test_a_script_with_a_first_line(project: Path) -> None:
    path = script(project, f"#!{sys.executable}\n{REPORT}", "bin/tool")
    path.chmod(0o755)

    assert (0, f"{project / MANIFEST_PATH}\n", "") == outcome(run(*AIPROV, path, cwd=Path("/")))
    done = run(*AIPROV, "tool", cwd=Path("/"), PATH=f"{path.parent}:{os.environ['PATH']}")
    assert f"{project / MANIFEST_PATH}\n" == done.stdout


CHILDREN = """
import multiprocessing, os, subprocess, sys
from aiprov_runtime import status
def report():
    print(status().manifest, flush=True)
if __name__ == "__main__":
    os.chdir("/")
    for method in ("fork", "spawn", "forkserver"):
        child = multiprocessing.get_context(method).Process(target=report)
        child.start()
        child.join()
    subprocess.run([sys.executable, __file__.replace("app.py", "other.py")], check=True)
    subprocess.run(["sh", "-c", f"{sys.executable} {__file__.replace('app.py', 'other.py')}"], check=True)
"""


@pytest.mark.parametrize("early", ["pass", "import multiprocessing"])
def test_processes_that_the_program_starts_are_started_too(project: Path, early: str) -> None:
    script(project, "import aiprov_runtime; print(aiprov_runtime.status().manifest)", "other.py")
    script(project, early, "site/sitecustomize.py")
    path = str(project / "site")

    done = run(*AIPROV, "--", sys.executable, script(project, CHILDREN), cwd=project, PYTHONPATH=path)

    assert (0, f"{project / MANIFEST_PATH}\n" * 5, "") == outcome(done)


OWN = """
import sys
if "aiprov" not in sys.orig_argv:  # which is a Python as well
    print("own", [entry for entry in sys.path if "site" in entry], sys.argv)
    {then}
"""


@pytest.mark.parametrize("then", ["answer = 42", "1 / 0", "import no_such_module", "pass"])
def test_the_hosts_own_sitecustomize_runs_as_without_us(project: Path, then: str) -> None:
    script(project, OWN.format(then=then), "site/sitecustomize.py")
    program = "import sitecustomize as s; print(s.__file__, getattr(s, 'answer', 0), s.__spec__.name)"
    command = [sys.executable, "-c", program if then in ("pass", "answer = 42") else "print(1)"]

    done = run(*AIPROV, "--", *command, cwd=project, PYTHONPATH=str(project / "site"))

    assert outcome(run(*command, cwd=project, PYTHONPATH=str(project / "site"))) == outcome(done)
    assert "own" in done.stdout


@pytest.mark.parametrize("path", sorted(Path(launcher.BOOTSTRAP).glob("*.py")), ids=lambda path: path.name)
def test_our_part_reads_as_any_python(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 4))

    assert [] == [word for word in ('f"', "f'", "->", "yield from") if word in path.read_text().replace("() ->", "")]


def test_a_python_that_cannot_import_us_says_so_once_and_works(project: Path) -> None:
    venv.create(project / "other", with_pip=False)
    other = project / "other" / "bin" / "python"
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1)'])"

    code, out, err = outcome(run(*AIPROV, "--", other, "-c", program, cwd=project))

    assert (0, "1\n") == (code, out)
    said = f"aiprov: nothing is attributed, install aiprov beside {other}: No module named 'aiprov_runtime'\n"
    assert said == err


@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-BES"])
def test_a_python_that_is_told_to_pass_us_over_says_so_and_works(project: Path, flag: str) -> None:
    done = run(*AIPROV, sys.executable, flag, "-c", "print(1)", cwd=project)

    said = f"aiprov run: Python's -{flag.strip('-B')[0]} keeps it from starting us: nothing is attributed\n"
    assert (0, "1\n", said) == outcome(done)


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("python app.py -I", None),
        ("python -m app -E", None),
        ("python -Bc -S", None),
        ("python -W -I app.py", None),
        ("python -WI app.py", None),
        ("python -X dev -s -P -u app.py", None),
        ("python3.13t -X dev -S app.py", "-S"),
        ("/usr/bin/python3 --check-hash-based-pycs -E -E app.py", "-E"),
        ("gunicorn -I", None),
        ("python -", None),
        ("python", None),
    ],
)
def test_which_flag_passes_us_over(command: str, flag: str | None) -> None:
    assert flag == launcher.blinding_flag(command.split())


@pytest.mark.parametrize("line", ["#!/usr/bin/python3 -Es", "#! /usr/bin/env -S python3 -u -E"])
def test_a_scripts_first_line_may_pass_us_over(tmp_path: Path, line: str) -> None:
    assert "-E" == launcher.blinding_flag([str(script(tmp_path, f"{line}\nprint(1)\n"))])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "needs a command, as in `aiprov run -- python app.py`"),
        (["--logs", "--"], "needs a command, as in `aiprov run -- python app.py`"),
        (["no-such-command"], "no-such-command: command not found"),
        (["./app.py"], "./app.py: Permission denied; for a Python file: aiprov run -- python ./app.py"),
        (["/"], "/: Permission denied"),
        ([""], "needs a command, as in `aiprov run -- python app.py`"),
        (["--nope", "x"], "no such option --nope; see `aiprov run --help`"),
        (["--sink"], "--sink needs a FILE"),
        (["--logs=yes", "x"], "--logs takes no value"),
        (["--manifest", "nope.yaml", "x"], "nope.yaml: no such file; name a manifest"),
    ],
)
def test_wrong_use_is_one_line(project: Path, arguments: list[str], said: str) -> None:
    script(project, "print(1)")

    assert (2, "", f"aiprov run: {said}\n") == outcome(run(*AIPROV, *arguments, cwd=project))


def test_options_are_settings_of_the_program(project: Path) -> None:
    program = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('AIPROV')}))"
    options = ["--manifest", MANIFEST_PATH, "--sink=errors.jsonl", "--release", "v1", "--environment", "live"]

    done = run(*AIPROV, *options, "--logs", "--track", sys.executable, "-c", program, cwd=project, AIPROV_RELEASE="v0")

    assert {
        "AIPROV_MANIFEST": str(project / MANIFEST_PATH),
        "AIPROV_SINK": str(project / "errors.jsonl"),
        "AIPROV_RELEASE": "v1",
        "AIPROV_ENVIRONMENT": "live",
        "AIPROV_LOGS": "1",
        "AIPROV_TRACK": "1",
    } == json.loads(done.stdout)


def test_an_error_reaches_the_sink_with_no_code_change(project: Path) -> None:
    script(project, "def f():\n    1 / 0\nf()\n")

    code, _, err = outcome(run(*AIPROV, "--sink", "sink", "--", sys.executable, "app.py", cwd=project))

    event = json.loads((project / "sink").read_text())
    assert 1 == code
    assert err.startswith("Traceback")
    assert ("human", "builtins.ZeroDivisionError") == (event["aiprov"]["aiprov.origin"], event["exceptions"][0]["type"])


def test_it_needs_no_library_of_the_command_line(project: Path) -> None:
    program = "import sys; sys.modules['typer'] = None; from aiprov.__main__ import main; main()"

    done = run(sys.executable, "-c", program, "run", "--", sys.executable, "-c", REPORT, cwd=project)

    assert (0, f"{project / MANIFEST_PATH}\n", "") == outcome(done)


def test_a_second_launch_adds_nothing(project: Path) -> None:
    program = "import os; print(os.environ['PYTHONPATH'])"

    done = run(*AIPROV, *AIPROV, sys.executable, "-c", program, cwd=project, PYTHONPATH="/one:/two")

    assert f"{launcher.BOOTSTRAP}:/one:/two\n" == done.stdout


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    app(["run", "--help"], standalone_mode=False)

    shown = capsys.readouterr().out
    assert [] == [option.flag for option in launcher.OPTIONS if option.flag not in shown]


def test_the_command_line_knows_the_verb(project: Path) -> None:
    program = "from aiprov.cli import run; import sys; sys.exit(run(sys.argv[1:]))"
    options = ["run", "--release", "v1", "--logs", "--", sys.executable, "-c"]
    report = "import os, sys; print(os.environ['AIPROV_RELEASE'], os.environ['AIPROV_LOGS'], sys.argv)"

    done = run(sys.executable, "-c", program, *options, report, "--help", cwd=project)

    assert (0, "v1 1 ['-c', '--help']\n", "") == outcome(done)
