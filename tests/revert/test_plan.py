from __future__ import annotations

import pytest

from aiprov.errors import UsageError
from aiprov.revert import REFUSED, REVERTED, UNCHANGED, Plan, apply, plan
from aiprov_runtime._manifest import Generation, Manifest, Record, dumps, load

GOOD = "import os\n\n\ndef f(a):\n    return os.sep + a\n\n\ndef g():\n    return 1\n"
BAD = "def f(a):\n    return a\n\n\ndef g():\n    return 2\n\n\ndef later():\n    return f('x')\n"


def after(found: Plan, path: str = "m.py") -> str:
    assert [] == [o.reason for o in found.outcomes if o.reason]
    return next(e.after for e in found.edits if e.path == path).decode()


def reason(found: Plan) -> str:
    assert (True, (), b"") == (found.refused, found.edits, found.patch)
    return next(o.reason for o in found.outcomes if o.status == REFUSED) or ""


def test_a_function_goes_back_to_a_release_and_the_rest_stays(project):
    good = project.commit("v1", m=GOOD)
    project.commit("v2", m=BAD)

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert "import os\n\n\n" + BAD.replace("return a\n", "return os.sep + a\n") == after(found)
    outcome = found.outcomes[0]
    assert ("m.py::f", REVERTED, good, ("import os",)) == (outcome.function, outcome.status, outcome.to, outcome.added)
    project.git("checkout", "-q", "HEAD")
    assert "" == project.git("status", "--porcelain")


def test_without_a_release_the_last_logic_change_is_undone(project):
    first = project.commit(m="def f():\n    return 1\n")
    second = project.commit(m="def f():\n    return 2\n")
    project.commit(m="x = 1\n\n\ndef f():\n    # formatted\n    return (2)\n")

    found = plan(project.repository, ["m.py::f"])

    assert "x = 1\n\n\ndef f():\n    return 1\n" == after(found)
    assert (first, second) == (found.outcomes[0].to, found.outcomes[0].undone)


def test_a_change_that_came_by_a_merge_is_found(project):
    base = project.commit(m="def f():\n    return 1\n")
    project.git("checkout", "-q", "-b", "side")
    bad = project.commit(m="def f():\n    return 2\n")
    project.git("checkout", "-q", "main")
    project.commit(other="x = 1\n")
    project.git("merge", "-q", "--no-ff", "-m", "merge", "side")

    found = plan(project.repository, ["m.py::f"])

    assert (base, bad) == (found.outcomes[0].to, found.outcomes[0].undone)


def test_several_functions_of_several_files_make_one_patch(project):
    project.commit("v1", m=GOOD, pkg__n="def h(): return 1\n")
    project.commit("v2", m=BAD, pkg__n="def h(): return 2\n")

    found = plan(project.repository, ["pkg/n.py::h", "m.py::f", "./m.py::g", "m.py::f"], to="v1")

    assert ["m.py::f", "m.py::g", "pkg/n.py::h"] == sorted(o.function for o in found.outcomes)
    assert "import os\n\n\n" + BAD.replace("return a\n", "return os.sep + a\n").replace("2", "1") == after(found)
    assert 2 == found.patch.count(b"diff --git")


def test_one_refusal_stops_everything(project):
    project.commit("v1", m=GOOD)
    project.commit("v2", m=BAD)

    found = plan(project.repository, ["m.py::f", "m.py::nope"], to="v1")

    assert "m.py has no function nope today" in reason(found)
    assert [REVERTED, REFUSED] == [o.status for o in found.outcomes]


def test_the_same_logic_is_unchanged_whatever_its_formatting(project):
    project.commit("v1", m="def f(): return 1\n")
    project.commit("v2", m="def f():\n    '''Doc.'''\n    return 1  # one\n")

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert (UNCHANGED, b"", False) == (found.outcomes[0].status, found.patch, found.refused)


def test_a_new_function_is_refused_with_its_callers(project):
    project.commit("v1", m=GOOD)
    project.commit("v2", m=BAD, n="from m import later\n\n\ndef use():\n    return later()\n")

    text = reason(plan(project.repository, ["m.py::later"], to="v1"))

    assert "a new function, so a revert means removing it by hand" in text
    assert "n.py:1 (<module>), n.py:5 (use)" in text


def test_a_function_that_never_changed_is_refused_without_a_release(project):
    commit = project.commit(m=GOOD)

    assert f"it came with {commit[:12]} and has not changed since" in reason(plan(project.repository, ["m.py::f"]))


def test_a_change_of_signature_names_callers(project):
    project.commit("v1", m="def f(a): return a\n")
    project.commit("v2", m="def f(a, b): return b\n\n\ndef use(): return f(1, 2)\n")

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert ("its signature goes back too; by name it is used at: m.py:4 (use)",) == found.outcomes[0].warnings


def test_a_renamed_file_is_followed(project):
    project.commit("v1", old__m=GOOD)
    project.git("mv", "old/m.py", "new.py")
    project.commit(new=GOOD.replace("import os", "import os, sys"))
    project.commit("v2", new=GOOD.replace("os.sep + a", "a"))

    named, last = (plan(project.repository, ["new.py::f"], to=to) for to in ("v1", None))

    assert GOOD == after(named, "new.py") == after(last, "new.py")
    assert "it was old/m.py::f at" in named.outcomes[0].warnings[0]


def test_a_function_moved_to_another_file_is_found_when_it_is_clearly_the_same(project):
    body = (
        "def total(items):\n    result = 0\n    for item in items:\n        result += item.price\n    return result{}\n"
    )
    project.commit("v1", a=body.format("") + "\n\ndef x(): return 1\n", c="def total(z): return z\n")
    project.commit("v2", a="def x(): return 1\n", b=body.format(" * 2"))

    assert body.format("") == after(plan(project.repository, ["b.py::total"], to="v1"), "b.py")


def test_an_unlike_function_of_the_same_name_is_not_taken_for_it(project):
    project.commit("v1", a="def total(x):\n    while x:\n        x.pop()\n", b="y = 1\n")
    project.commit("v2", a="z = 1\n", b="def total(items):\n    return sum(items)\n")

    assert "a new function" in reason(plan(project.repository, ["b.py::total"], to="v1"))


def test_a_file_that_changed_since_the_plan_is_not_written(project):
    project.commit("v1", m=GOOD, n=GOOD)
    project.commit("v2", m=BAD, n=BAD)
    found = plan(project.repository, ["m.py::g", "n.py::g"], to="v1")
    project.write(n="mine = 1\n")

    with pytest.raises(UsageError, match=r"n\.py changed while the revert was planned"):
        apply(project.repository, found.edits)
    assert (BAD, "mine = 1\n") == (project.path("m").read_text(), project.path("n").read_text())
    assert {"m.py", "n.py"} == {p.name for p in project.root.iterdir() if p.is_file()}


def test_a_function_that_went_into_a_class_is_indented(project):
    project.commit("v1", m="def total(self):\n    if self:\n        return 1\n    return 0\n")
    project.commit(
        "v2", m="class Cart:\n    def total(self):\n        if self:\n            return 2\n        return 0\n"
    )

    assert "class Cart:\n    def total(self):\n        if self:\n            return 1\n        return 0\n" == after(
        plan(project.repository, ["m.py::Cart.total"], to="v1")
    )


OUTER = "def outer():\n    def inner():\n        return {}\n    return inner() + {}\n"


def test_a_nested_function_changed_later_on_its_own_is_kept(project):
    project.commit("v1", m=OUTER.format(1, 1))
    project.commit(m=OUTER.format(1, 2))
    project.commit("v2", m=OUTER.format(5, 2))

    found = plan(project.repository, ["m.py::outer"], to="v1")
    both = plan(project.repository, ["m.py::outer.<locals>.inner", "m.py::outer"], to="v1")

    assert OUTER.format(5, 1) == after(found)
    assert "outer.<locals>.inner was changed on its own since and is kept" in found.outcomes[0].warnings[0]
    assert OUTER.format(1, 1) == after(both)
    assert ("m.py::outer.<locals>.inner comes back with m.py::outer",) == both.notes


def test_a_nested_function_changed_together_comes_back_together(project):
    project.commit("v1", m=OUTER.format(1, 1))
    project.commit("v2", m=OUTER.format(5, 2))

    assert OUTER.format(1, 1) == after(plan(project.repository, ["m.py::outer"], to="v1"))


def test_a_nested_function_changed_twice_is_refused(project):
    project.commit("v1", m=OUTER.format(1, 1))
    project.commit(m=OUTER.format(5, 2))
    project.commit("v2", m=OUTER.format(6, 2))

    text = reason(plan(project.repository, ["m.py::outer"], to="v1"))

    assert "outer.<locals>.inner inside it was changed on its own since" in text


def test_a_change_after_the_incident_is_refused_with_its_commits(project):
    project.commit("v1", m=GOOD)
    project.commit("v2", m=BAD)
    later = project.commit(m=BAD.replace("return a\n", "return a or 1\n"))

    found = plan(project.repository, ["m.py::f"], to="v1", incident="v2")
    other = plan(project.repository, ["m.py::g"], to="v1", incident="v2")

    assert f"it was changed again since the incident by {later[:12]}" in reason(found)
    assert [REVERTED] == [o.status for o in other.outcomes]


def test_an_import_of_the_project_that_is_gone_is_refused(project):
    body = "def f():\n    from shop.x import {}\n    return 1\n"
    project.commit("v1", src__shop__x="gone = 1\nhere = 2\n", m=body.format("gone"), n=body.format("here"))
    project.commit("v2", src__shop__x="here = 2\n", m="def f(): return 2\n", n="def f(): return 2\n")

    assert "it imports shop.x.gone, which the project had then" in reason(
        plan(project.repository, ["m.py::f"], to="v1")
    )
    assert body.format("here") == after(plan(project.repository, ["n.py::f"], to="v1"), "n.py")


def test_helper_and_caller_named_together_fit_again(project):
    project.commit("v1", m="def h(a): return a\n\n\ndef f(): return h(1)\n")
    project.commit("v2", m="def h(a, b): return b\n\n\ndef f(): return h(1, 3)\n")

    alone = plan(project.repository, ["m.py::f"], to="v1")
    both = plan(project.repository, ["m.py::f", "m.py::h"], to="v1")

    assert "name m.py::h too" in reason(alone)
    assert "def h(a): return a\n\n\ndef f(): return h(1)\n" == after(both)


def test_an_import_that_only_the_bad_body_used_is_named_and_left(project):
    project.commit("v1", m="def f(): return 1\n")
    project.commit("v2", m="import os\n\n\ndef f(): return os\n")

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert ("nothing uses the import os any more; it is left in place",) == found.outcomes[0].warnings


def test_a_name_unbound_then_in_one_function_does_not_stop_another(project):
    project.commit("v1", m="def f(): return _('a')\n\n\ndef g(): return 1\n")
    project.commit("v2", m="def f(): return 0\n\n\ndef g(): return 2\n")

    assert "def f(): return _('a')\n\n\ndef g(): return 1\n" == after(
        plan(project.repository, ["m.py::f", "m.py::g"], to="v1")
    )


def test_crlf_files_stay_crlf(project):
    project.commit("v1", m=GOOD.replace("\n", "\r\n"))
    project.commit("v2", m=BAD.replace("\n", "\r\n"))

    found = plan(project.repository, ["m.py::g"], to="v1")

    assert BAD.replace("return 2", "return 1").replace("\n", "\r\n") == after(found)


def test_unknown_revisions_are_one_line(project):
    project.commit("v1", m=GOOD)

    with pytest.raises(UsageError, match=r"--to 'v9' names no commit here"):
        plan(project.repository, ["m.py::f"], to="v9")
    with pytest.raises(UsageError, match=r"--incident '--all' names no commit here"):
        plan(project.repository, ["m.py::f"], incident="--all")


def test_a_repository_without_commits_is_one_line(project):
    with pytest.raises(UsageError, match="has no commit yet"):
        plan(project.repository, ["m.py::f"])


def record(generation: Generation, code_hash: str) -> Record:
    return Record("ai", generation=generation.id, ai_lines=1.0, code_hash=code_hash)


def test_the_manifest_goes_back_with_the_function(project):
    old, new, other = (Generation(model=f"a/{name}") for name in ("old", "new", "other"))
    g = record(other, "02")
    then = Manifest({old.id: old, other.id: other}, {"m.py": {"f": record(old, "01"), "g": g}})
    now = Manifest({new.id: new, other.id: other}, {"m.py": {"f": record(new, "03"), "g": g}, "n.py": {"x": g}})
    manifest = project.root / ".aiprov" / "manifest.yaml"
    manifest.parent.mkdir()
    manifest.write_bytes(dumps(then))
    project.commit("v1", m=GOOD)
    manifest.write_bytes(dumps(now))
    project.commit("v2", m=BAD)

    result = load(after(plan(project.repository, ["m.py::f"], to="v1"), ".aiprov/manifest.yaml").encode(), name="x")

    assert {old.id: old, other.id: other} == result.generations
    assert {"m.py": {"f": record(old, "01"), "g": g}, "n.py": {"x": g}} == result.files


def test_a_helper_that_is_brought_back_brings_its_record(project):
    old = Generation(model="a/old")
    manifest = project.root / ".aiprov" / "manifest.yaml"
    manifest.parent.mkdir()
    then = Manifest({old.id: old}, {"m.py": {"f": record(old, "01"), "h": record(old, "02"), "x": record(old, "03")}})
    manifest.write_bytes(dumps(then))
    project.commit("v1", m="def h():\n    return 1\n\n\ndef f():\n    return h()\n\n\ndef x():\n    pass\n")
    manifest.write_bytes(dumps(Manifest({}, {})))
    project.commit("v2", m="def f():\n    return 2\n")

    result = load(after(plan(project.repository, ["m.py::f"], to="v1"), ".aiprov/manifest.yaml").encode(), name="x")

    assert {"m.py": {"f": record(old, "01"), "h": record(old, "02")}} == result.files


def test_a_function_without_a_record_then_has_none_after(project):
    new = Generation(model="a/new")
    manifest = project.root / ".aiprov" / "manifest.yaml"
    manifest.parent.mkdir()
    project.commit("v1", m=GOOD)
    manifest.write_bytes(dumps(Manifest({new.id: new}, {"m.py": {"f": record(new, "03")}})))
    project.commit("v2", m=BAD)

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert dumps(Manifest({}, {})) == after(found, ".aiprov/manifest.yaml").encode()


@pytest.mark.parametrize("text", ["aiprov: 1\ngenerations: {}\nfiles: {}\n", "aiprov: 1\n[broken\n"])
def test_a_manifest_in_another_form_is_left_with_a_note(project, text):
    manifest = project.root / ".aiprov" / "manifest.yaml"
    manifest.parent.mkdir()
    manifest.write_text(text)
    project.commit("v1", m=GOOD)
    project.commit("v2", m=BAD)

    found = plan(project.repository, ["m.py::f"], to="v1")

    assert ["m.py"] == [edit.path for edit in found.edits]
    assert "the manifest is left as it is" in found.notes[0]
