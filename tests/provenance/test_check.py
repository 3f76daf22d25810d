from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from provenance._work import CLAUDE, Work

from aiprov.check import Checked, Finding, check
from aiprov.config import Policy
from aiprov.errors import UsageError
from aiprov.git import Repository
from aiprov.provenance import record, write_manifest
from aiprov_runtime._functions import regions
from aiprov_runtime._manifest import MANIFEST_PATH, Manifest, load

SHOP = (
    "import os\n\n\ndef f(a):\n    b = a + 1\n    return b\n\n\nclass C:\n    def g(self, a):\n        return a * 2\n"
)
SCAN = "run `aiprov scan`"


def checked(work: Work, *paths: str, history: bool = True) -> Checked:
    return check(Repository(work.root), policy=Policy(), paths=paths, history=history)


def found(work: Work, *paths: str, history: bool = True) -> list[tuple[str, str | None]]:
    return [(finding.kind, finding.function) for finding in checked(work, *paths, history=history).findings]


@pytest.fixture
def shop(work: Work) -> Work:
    """A model's file, recorded and committed."""
    work.ai({"shop.py": SHOP})
    work.scan()
    work.human()
    return work


def test_what_was_just_scanned_is_clean(shop: Work):
    assert Checked((), 3, has_manifest=True, unreadable=()) == checked(shop)


def test_an_edited_constant_is_one_finding(shop: Work):
    shop.write("shop.py", "# new\n" + SHOP.replace("a + 1", "a + 2"))

    message = f"its code is not what was recorded; {SCAN}"
    expected = Finding(kind="edited", message=message, function="shop.py::f", path="shop.py", line=5)
    assert (expected,) == checked(shop).findings
    assert (expected,) == checked(shop, history=False).findings
    shop.human()
    assert (expected,) == checked(shop).findings


def test_comments_and_formatting_are_no_findings(shop: Work):
    shop.write("shop.py", SHOP)
    subprocess.run([sys.executable, "-m", "black", "-q", "-l", "20", "shop.py"], cwd=shop.root, check=True)
    shop.write("shop.py", (shop.root / "shop.py").read_text().replace("def f", "# first\ndef f"))

    assert [] == found(shop)
    shop.human()
    assert [] == found(shop)


def test_a_moved_file_moves_its_functions(shop: Work):
    (shop.root / "lib").mkdir()
    shop.git("mv", "shop.py", "lib/new.py")

    expected = [("moved", f"shop.py::{name}") for name in ("<module>", "f", "C.g")]
    assert expected == found(shop)
    shop.human()
    assert expected == found(shop)
    places = [(finding.path, finding.line, finding.to) for finding in checked(shop).findings]
    assert [("lib/new.py", 1, "lib/new.py::<module>"), ("lib/new.py", 4, "lib/new.py::f")] == places[:2]


def test_a_file_moved_with_methods_that_are_alike_is_moved_as_a_whole(work: Work):
    twin = "class A:\n    def g(self):\n        return 2\n\n\nclass B:\n    def g(self):\n        return 2\n"
    work.ai({"a.py": twin})
    work.scan()
    work.human({"old.py": "def g(self):\n    return 2\n"})
    work.git("mv", "a.py", "b.py")

    places = [(finding.function, finding.to) for finding in checked(work).findings]
    assert [("a.py::<module>", "b.py::<module>"), ("a.py::A.g", "b.py::A.g"), ("a.py::B.g", "b.py::B.g")] == places


def test_a_renamed_function(shop: Work):
    shop.write("shop.py", SHOP.replace("def g(", "def h("))

    (renamed,) = [finding for finding in checked(shop).findings if finding.kind == "renamed"]
    assert ("shop.py::C.g", "shop.py::C.h", 10) == (renamed.function, renamed.to, renamed.line)
    assert f"its code is now C.h; {SCAN}" == renamed.message


def test_a_deleted_function_is_shown_where_the_manifest_has_it(shop: Work):
    shop.write("shop.py", SHOP[: SHOP.index("class")])

    (deleted,) = [finding for finding in checked(shop).findings if finding.kind == "deleted"]
    assert ("shop.py::C.g", MANIFEST_PATH) == (deleted.function, deleted.path)
    lines = (shop.root / MANIFEST_PATH).read_text().splitlines()
    assert lines[(deleted.line or 0) - 1].startswith('    "C.g":')


def test_a_deleted_file(shop: Work):
    (shop.root / "shop.py").unlink()

    assert {"deleted"} == {kind for kind, _ in found(shop)}
    assert 3 == len(found(shop))


def test_a_file_of_a_sparse_checkout_is_not_deleted(shop: Work):
    shop.human({"lib/more.py": "x = 1\n"})
    shop.git("sparse-checkout", "set", "--no-cone", "/lib/", "/.aiprov/")

    assert not (shop.root / "shop.py").exists()
    assert [] == found(shop)


def test_a_file_that_does_not_parse_is_said_and_no_finding(shop: Work):
    shop.write("shop.py", "def f(:\n")

    result = checked(shop)
    assert ((), 1) == (result.findings, len(result.unreadable))
    assert result.unreadable[0].startswith("shop.py: not valid Python")


def test_a_models_commit_without_a_record(shop: Work):
    commit = shop.ai({"more.py": "def h():\n    return 3\n"})

    message = (
        f"ai by anthropic/claude-opus-4-6 (trailers of {commit[:12]}), and the manifest has no record of it; {SCAN}"
    )
    expected = Finding(kind="unrecorded", message=message, function="more.py::h", path="more.py", line=1)
    assert (expected,) == checked(shop).findings
    assert [] == found(shop, history=False)


def test_without_a_manifest_only_evidence_makes_findings(work: Work):
    work.human({"a.py": "def f():\n    return 1\n"})
    assert Checked((), 0, has_manifest=False, unreadable=()) == checked(work)

    work.ai({"b.py": "def f():\n    return 1\n"})
    assert [("unrecorded", "b.py::f")] == found(work)


def test_a_repository_without_a_commit_is_clean(work: Work):
    assert [] == found(work)


def test_paths_restrict_it_to_files_and_folders(shop: Work):
    shop.ai({"lib/more.py": "def h():\n    return 3\n", "library.py": "def i():\n    return 4\n"})
    shop.write("shop.py", SHOP.replace("a + 1", "a + 2"))

    assert [("unrecorded", "lib/more.py::h")] == found(shop, "lib")
    assert [("edited", "shop.py::f")] == found(shop, "shop.py", "README.md")
    assert 3 == len(found(shop))
    shop.write("shop.py", SHOP)
    shop.git("mv", "shop.py", "new.py")
    assert {"moved"} == {kind for kind, _ in found(shop, "new.py")} == {kind for kind, _ in found(shop, "shop.py")}


@pytest.mark.parametrize("history", [True, False])
def test_a_manifest_that_cannot_be_read_is_a_finding_with_its_line(shop: Work, history):
    manifest = (shop.root / MANIFEST_PATH).read_text()
    shop.write(MANIFEST_PATH, manifest.replace("files:\n", "files:\n<<<<<<< ours\n"))

    (finding,) = checked(shop, history=history).findings
    line = manifest.splitlines().index("files:") + 2
    assert ("invalid", None, MANIFEST_PATH, line) == (finding.kind, finding.function, finding.path, finding.line)
    assert finding.message.startswith("a merge conflict: ")


def edit_manifest(work: Work, old: str, new: str) -> None:
    text = (work.root / MANIFEST_PATH).read_text()
    assert old in text
    work.write(MANIFEST_PATH, text.replace(old, new, 1))


def test_a_generation_changed_by_hand(shop: Work):
    edit_manifest(shop, "claude-opus-4-6", "claude-opus-4-7")

    (finding,) = checked(shop).findings
    assert ("invalid", None, MANIFEST_PATH, 4) == (finding.kind, finding.function, finding.path, finding.line)
    assert "not as it was written: its content makes " in finding.message


def test_a_record_changed_by_hand_is_at_odds_with_itself(shop: Work):
    edit_manifest(shop, '"contributor": "ai"', '"contributor": "human"')

    (finding,) = checked(shop).findings
    assert ("invalid", "shop.py::<module>", 7) == (finding.kind, finding.function, finding.line)
    assert finding.message.startswith("contributor human with a generation; ")


def test_a_share_changed_by_hand_is_at_odds_with_the_evidence(work: Work):
    work.human({"a.py": "def f():\n    a = 1\n    b = 2\n    return a + b\n"})
    commit = work.ai({"a.py": "def f():\n    a = 1\n    b = 2\n    return b\n"})
    work.scan()
    edit_manifest(work, '"ai_lines": 0.25', '"ai_lines": 0.75')

    (finding,) = checked(work).findings
    by = f"of its lines, by anthropic/claude-opus-4-6 (trailers of {commit[:12]})"
    assert f"recorded as mixed, 75 % {by}, but the evidence says mixed, 25 % {by}; {SCAN}" == finding.message


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"tool": None}, []), ({"model": None}, []), ({"tool": "cursor"}, 3 * ["invalid"])],
)
def test_a_record_may_say_less_than_the_evidence_and_never_more(shop: Work, change, expected):
    made = load((shop.root / MANIFEST_PATH).read_bytes())
    (generation,) = made.generations.values()
    told = generation._replace(**change)
    records = {name: one._replace(generation=told.id) for name, one in made.files["shop.py"].items()}
    write_manifest(shop.root, Manifest({told.id: told}, {"shop.py": records}))

    assert expected == [kind for kind, _ in found(shop)]


def note(generation: str, lines: str, model: str, base: str) -> bytes:
    agent = {"tool": "cursor", "id": "x", "model": model}
    made = {"schema_version": "authorship/3.0.0", "base_commit_sha": base, "prompts": {}}
    made["sessions"] = {generation: {"agent_id": agent}}  # type: ignore[assignment]
    return f"shop.py\n  {generation}::t_0123456789abcd {lines}\n---\n{json.dumps(made)}\n".encode()


def test_a_clone_without_the_notes_that_a_record_cites_does_not_contradict_it(shop: Work):
    head = shop.git("rev-list", "-1", "HEAD", "--", "shop.py")
    shop.git("notes", "--ref=ai", "add", "-F", "-", head, data=note("s_0123456789abcd", "1-6", "gpt-5", head))
    shop.scan()
    assert "git-ai" in {g.evidence for g in load((shop.root / MANIFEST_PATH).read_bytes()).generations.values()}
    assert Checked((), 2, has_manifest=True, unreadable=()) == checked(shop)

    shop.git("update-ref", "-d", "refs/notes/ai")
    assert Checked((), 2, has_manifest=True, unreadable=(), unseen=("git-ai",)) == checked(shop)
    shop.ai({"more.py": "def h():\n    return 3\n"})
    assert [("unrecorded", "more.py::h")] == found(shop)


def test_a_record_without_ground_is_invalid(shop: Work):
    shop.human({"more.py": "def h():\n    return 3\n"})
    leaf = (shop.root / MANIFEST_PATH).read_text().splitlines()[-1].split(": ", 1)[1]
    mine = regions("def h():\n    return 3\n")["h"].code_hash
    theirs = regions(SHOP)["f"].code_hash
    forged = leaf.replace(theirs, mine)
    assert forged != leaf
    edit_manifest(shop, "files:\n", f'files:\n  "more.py":\n    "h": {forged}\n')

    (finding,) = checked(shop).findings
    assert ("invalid", "more.py::h") == (finding.kind, finding.function)
    assert "but there is no evidence of that" in finding.message


def test_what_a_person_recorded_needs_no_evidence(shop: Work):
    shop.human({"more.py": "def h():\n    return 3\n"})
    record("more.py::h", model="o3", repo=shop.root)

    assert [] == found(shop)
    shop.write("more.py", "def h():\n    return 4\n")
    shop.scan()
    (finding,) = checked(shop).findings
    assert ("edited", "more.py::h") == (finding.kind, finding.function)
    assert finding.message.endswith("history does not say who changed it, so say it: `aiprov record`")


def test_other_layouts_of_the_yaml_are_no_findings(shop: Work):
    import yaml

    held = yaml.safe_load((shop.root / MANIFEST_PATH).read_text())
    shop.write(MANIFEST_PATH, yaml.safe_dump(held, sort_keys=False, default_flow_style=False))
    assert [] == found(shop)
    lines = (shop.root / MANIFEST_PATH).read_text()
    assert "{" not in lines


def test_a_rebased_commit_is_no_finding(shop: Work):
    shop.git("commit", "--amend", "-q", "--reset-author", "--no-edit", "--allow-empty")
    shop.git("checkout", "-q", "--orphan", "squashed")
    shop.commit(f"All of it (#3)\n\n{CLAUDE}\n")

    assert [] == found(shop)


def test_hostile_file_names_end_in_findings_of_one_line(work: Work):
    names = [
        "-rf.py",
        "a b.py",
        "line\nbreak.py",
        'quo"te.py',
        "\x1b[31mred.py",
        "lib::error::.py",
        "%0A.py",
        "back\\slash.py",
    ]
    work.ai(dict.fromkeys(names, "def f():\n    return 1\n"))
    (work.root / os.fsdecode(b"\xff\xfe.py")).write_text("def f():\n    return 1\n")
    work.ai({})

    functions = [function for _, function in found(work)]
    assert ["%0A.py::f", "-rf.py::f", "a b.py::f", "lib::error::.py::f"] == functions
    work.scan()
    assert [] == found(work)
    assert [] == found(work, "-rf.py", "lib::error::.py")


def test_a_shallow_clone_is_told_of_no_history(shop: Work, tmp_path):
    shop.git("clone", "-q", "--depth", "1", f"file://{shop.root}", str(tmp_path / "shallow"))
    repository = Repository(tmp_path / "shallow")

    with pytest.raises(UsageError, match=r"shallow.*--no-history"):
        check(repository, policy=Policy())
    assert () == check(repository, policy=Policy(), history=False).findings


BODIES = ["return 1", "return 2", "x = 1\n    return x", "x = 1\n    y = 2\n    return x + y"]
step = st.tuples(
    st.sampled_from(["ai", "human", "rename", "move", "delete", "record", "scan"]),
    st.sampled_from(["a.py", "b.py"]),
    st.sampled_from("fgh"),
    st.sampled_from(BODIES),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=2, max_size=7))
def test_a_scan_leaves_nothing_that_a_scan_would_mend(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("repo")
    work = Work(root)
    work.git("init", "-q", "-b", "main")
    files: dict[str, dict[str, str]] = {"a.py": {"f": BODIES[0]}, "b.py": {}}
    for act, path, name, body in steps:
        apply(work, files, act=act, place=(path, name), body=body)

    work.scan()
    assert [] == mended_by_a_scan(work)
    work.human()
    assert [] == mended_by_a_scan(work)


def mended_by_a_scan(work: Work) -> list[str]:
    """What a person recorded and somebody edited since is for `record` to mend."""
    return [str(finding) for finding in checked(work).findings if SCAN in finding.message or finding.kind != "edited"]


def apply(work: Work, files: dict[str, dict[str, str]], *, act: str, place: tuple[str, str], body: str) -> None:
    path, name = place
    if act == "scan":
        work.scan()
        return
    if act == "record":
        if (work.root / path).exists():
            record(path, model="o3", repo=work.root)
        return
    if act in ("ai", "human"):
        files[path][name] = body
    elif act == "rename" and name in files[path]:
        files[path]["renamed"] = files[path].pop(name)
    elif act == "move" and name in files[path]:
        files["b.py" if path == "a.py" else "a.py"][name] = files[path].pop(name)
    elif act == "delete":
        files[path].pop(name, None)
    texts = {
        file: "".join(f"def {name}():\n    {body}\n\n\n" for name, body in functions.items())
        for file, functions in files.items()
    }
    (work.ai if act == "ai" else work.human)(texts)
