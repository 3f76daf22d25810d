from __future__ import annotations

import pytest

from aiprov.revert._calls import check_calls
from aiprov.revert._closure import Closed, Restored, close
from aiprov.revert._source import Refusal, Source
from aiprov.revert._splice import Module, splice


def closed(today: str, then: str, qualname: str = "f", *, was: str | None = None) -> Closed:
    was = was or qualname
    before = Module.read(Source(then), what="then")
    module = Module.read(Source(today), what="today")
    result = splice(module.source, before.source, qualname, then_qualname=was)
    return close(module, result, Restored(qualname, before, was))


def test_nothing_is_added_where_all_names_are_there():
    result = closed("import os\ndef f(): return 1\n", "import os\ndef f(): return os\n")

    assert ("import os\ndef f(): return os\n", (), ()) == (result.source.text, result.added, result.warnings)


def test_a_lost_import_comes_after_the_last_import():
    today = '"""Doc."""\n\nimport os  # keep\n\n\ndef f():\n    return os\n'
    then = "import os\nfrom json import dumps as d, loads\n\ndef f():\n    return d(os)\n"

    result = closed(today, then)

    assert (
        '"""Doc."""\n\nimport os  # keep\nfrom json import dumps as d\n\n\ndef f():\n    return d(os)\n'
        == result.source.text
    )
    assert ("from json import dumps as d",) == result.added


def test_an_import_finds_its_place_without_other_imports():
    then = "import os\ndef f(): return os\n"

    assert (
        '"""Doc."""\n\nimport os\n\n\ndef f(): return os\n'
        == closed('"""Doc."""\n\n\ndef f(): return 1\n', then).source.text
    )
    assert "#!/bin/x\nimport os\n\n\ndef f(): return os\n" == closed("#!/bin/x\ndef f(): return 1\n", then).source.text
    assert "import os\n\n\n# f\ndef f(): return os\n" == closed("# f\ndef f(): return 1\n", then).source.text


def test_constants_and_helpers_come_before_the_class_in_their_old_order():
    then = (
        "import os\n\nA = 1\nB = A + 1\n\n\n@staticmethod\ndef helper():\n    return B\n\n\n"
        "class C:\n    def f(self): return helper()\n"
    )
    today = "import sys\n\n\n# about C\nclass C:\n    def f(self): return 2\n"

    assert (
        "import sys\n\n\nA = 1\nB = A + 1\n\n\n@staticmethod\ndef helper():\n    return B\n\n\n"
        "# about C\nclass C:\n    def f(self): return helper()\n"
    ) == closed(today, then, "C.f").source.text


def test_type_checking_imports_stay_type_checking_imports():
    then = (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import os\n    from a import B\n\n"
        "def f(x: 'B') -> 'os': pass\n"
    )

    result = closed("def f(x): pass\n", then)

    assert ("from typing import TYPE_CHECKING", "if TYPE_CHECKING: import os", "if TYPE_CHECKING: from a import B") == (
        result.added
    )


def test_a_guarded_import_comes_back_whole():
    then = "try:\n    import fast as json\nexcept ImportError:\n    import json\n\ndef f(): return json\n"

    assert "try:\n    import fast as json\nexcept ImportError:\n    import json\n\n\ndef f(): return json\n" == (
        closed("def f(): pass\n", then).source.text
    )


def test_submodules_imported_side_by_side_all_come_back():
    then = "import os\nimport os.path\ndef f(): return os.path\n"

    assert ("import os", "import os.path") == closed("def f(): pass\n", then).added


def test_line_ends_of_additions_are_those_of_the_file():
    result = closed("def f(): pass\r\n", "import os\nA = os\ndef f(): return A\n")

    assert "import os\r\n\r\n\r\nA = os\r\n\r\n\r\ndef f(): return A\r\n" == result.source.text


def test_names_unbound_then_too_are_nobodys_business():
    assert () == closed("def f(): return _('a')\n", "def f(): return _('b')\n").added


def test_a_name_that_is_unbound_in_todays_broken_body_is_still_brought_back():
    assert ("import os",) == closed("def f(): return os\n", "import os\ndef f(): return os.path\n").added


UNSOUND = {
    "`z` would be unresolved": ("def f(): pass\n", "def g():\n    global z\n    z = 1\ndef f(): return z\n"),
    "`datetime` was the module": (
        "from datetime import datetime\ndef f(): pass\n",
        "import datetime\ndef f(): return datetime.datetime\n",
    ),
    "`time` was a function then and is a value": ("time = 1\ndef f(): pass\n", "def time(): pass\ndef f(): time()\n"),
    "bound together with `B`": ("B = 1\ndef f(): return B\n", "A, B = 1, 2\ndef f(): return A\n"),
    "shared its line": ("def f(): pass\n", "A = 1; B = 2\ndef f(): return A\n"),
    "under a condition": ("def f(): pass\n", "import sys\nif sys.x:\n    import os\ndef f(): return os\n"),
    "other code uses `X`": ("def f():\n    global X\n    X = 1\ndef g(): return X\n", "def f(): pass\n"),
    "needs `from __future__ import annotations`": (
        "class A:\n    class B:\n        def f(self): pass\n",
        "from __future__ import annotations\nclass A:\n    class B:\n        def f(self) -> B: pass\n",
    ),
    "before it is bound": ("def f(): pass\ndef d(x): pass\n", "def d(x): pass\n@d\ndef f(): return 1\n"),
}


@pytest.mark.parametrize("reason", UNSOUND)
def test_what_cannot_be_bound_soundly_is_refused(reason):
    with pytest.raises(Refusal, match=reason):
        closed(*UNSOUND[reason], "A.B.f" if "class A" in UNSOUND[reason][0] else "f")


def test_a_variable_of_the_outer_function_cannot_be_brought_back():
    then = "def f():\n    seen = {}\n    def g(): return seen\n    return g\n"

    with pytest.raises(Refusal, match=r"`seen` was a local of f then and is gone; revert f too"):
        closed("def f():\n    def g(): pass\n    return g\n", then, "f.<locals>.g")


def test_a_relative_import_of_another_folder_is_refused():
    before = Module.read(Source("from . import a\ndef f(): return a\n"), what="then")
    today = Module.read(Source("def f(): pass\n"), what="today")
    result = splice(today.source, before.source, "f")

    with pytest.raises(Refusal, match="relative import of another folder"):
        close(today, result, Restored("f", before, "f", same_folder=False))


def test_what_needs_a_look_is_a_warning():
    today = "from b import tool\nfrom star import *\ndef f(): pass\n"
    then = "from a import tool\nfrom star import *\nR = {}\nR['a'] = 1\ndef f(): return tool(R, other)\n"

    assert {
        "`tool` was imported as a.tool then and is imported as b.tool today: check that they agree",
        "`R` was also changed at the top level then (line 4): not brought back",
    } == set(closed(today, then).warnings)


def called(today: str, then: str, qualname: str) -> list[str]:
    result = closed(today, then, qualname)
    restored = Restored(qualname, Module.read(Source(then), what="then"), qualname)
    return check_calls(Module.read(result.source, what="result"), restored, path="a.py")


@pytest.mark.parametrize(
    "helper", ["def h(a, b): pass", "def h(): pass", "def h(*, a): pass", "def h(b, *, c=1): pass"]
)
def test_a_call_that_todays_helper_refuses_is_refused(helper):
    with pytest.raises(Refusal, match=r"it calls a\.py::h with the parameters of then.*name a\.py::h too"):
        called(f"{helper}\ndef f(): pass\n", "def h(a): pass\ndef f(): return h(a=1) if h(1) else 2\n", "f")


@pytest.mark.parametrize(
    "helper", ["def h(a, b=1): pass", "def h(*a, **k): pass", "def h(a, *, b=1): pass", "@d\ndef h(): pass"]
)
def test_a_call_that_fits_or_cannot_be_judged_passes(helper):
    assert [] == called(f"from x import d\n{helper}\ndef f(): pass\n", "def h(a): pass\ndef f(): return h(a=1)\n", "f")


def test_calls_of_methods_are_judged_without_self():
    then = "class C:\n    def h(self, a): pass\n    def f(self): self.h(1)\n"

    assert [] == called("class C:\n    def h(self, a): pass\n    def f(self): pass\n", then, "C.f")
    with pytest.raises(Refusal, match=r"name a\.py::C\.h too"):
        called("class C:\n    def h(self): pass\n    def f(self): pass\n", then, "C.f")


def test_what_the_class_lost_is_a_warning():
    then = (
        "class C:\n    LIMIT = 1\n    def __init__(self): self.items = self.kept = []\n    def h(self): pass\n"
        "    def f(self): return self.h(), self.LIMIT, self.items, self.kept, self.foreign\n"
    )
    today = "class C:\n    def __init__(self): self.kept = []\n    def f(self): pass\n"

    assert [
        "it uses self.LIMIT, which C had then and has not today",
        "it uses self.h, which C had then and has not today",
        "it uses self.items, which C had then and has not today",
    ] == called(today, then, "C.f")


def test_a_constant_of_another_value_is_a_warning():
    found = closed("A = 2\nB = 1\ndef f(): pass\n", "A = 1\nB = 1\ndef f(): return A + B\n")

    assert ("`A` has another value today than then, and keeps it",) == found.warnings
