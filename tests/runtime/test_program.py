"""What the command line says will run, before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from runtime._host import Outcome, host

from aiprov_runtime._program import announced_file


@pytest.mark.parametrize(
    ("arguments", "command", "expected"),
    [
        (["app.py", "-m", "x"], ["python", "-W", "ignore", "app.py", "-m", "x"], "app.py"),
        (["/srv/app.py"], ["python", "/srv/app.py"], "/srv/app.py"),
        (["-m"], ["python", "-m", "lone"], "ROOT/lone.py"),
        (["-m", "-m", "other"], ["python", "-mlone", "-m", "other"], "ROOT/lone.py"),
        (["-m", "x"], ["python", "-m", "package", "x"], "ROOT/package/__main__.py"),
        (["-m", "x"], ["python", "-B", "-m", "package.inner", "x"], "ROOT/package/inner/__main__.py"),
        (["-m"], ["python", "-m", "nowhere"], None),
        (["-m"], [], None),
        (["-c", "x"], ["python", "-c", "text", "x"], None),
        (["-"], ["python", "-"], None),
        ([""], ["python"], None),
        ([""], [], None),
    ],
)
def test_a_command_line_announces_its_program(tmp_path: Path, arguments, command, expected):
    (tmp_path / "lone.py").write_text("")
    (tmp_path / "package").mkdir()

    found = announced_file(arguments, command, search=["/no-such", str(tmp_path)])

    assert (expected and expected.replace("ROOT", str(tmp_path))) == found


def test_a_folder_runs_its_main_module(tmp_path: Path):
    assert str(tmp_path / "__main__.py") == announced_file([str(tmp_path)], [], search=[])


def test_a_host_may_put_anything_into_its_arguments(tmp_path: Path):
    (tmp_path / ".aiprov").mkdir()
    (tmp_path / ".aiprov" / "manifest.yaml").write_text(
        'aiprov: 1\ngenerations:\nfiles:\n  "a.py":\n    "f": {"contributor": "ai"}\n'
    )
    program = """
        import sys, aiprov_runtime
        del __file__
        for arguments in ([None], [b"x"], (), None, [object()], ["-m"], ["\\0"]):
            sys.argv = arguments
            aiprov_runtime.init()
            print(aiprov_runtime.status().reason, aiprov_runtime.status().failures)
        """

    assert Outcome(0, " {}\n" * 7, "") == host(tmp_path, program)
