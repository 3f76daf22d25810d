"""What hosts do with modules beside `import`, for a module that somebody waits for."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from runtime._host import Outcome, host

LAZY_FINDER = """
    class Lazy:
        def find_spec(self, name, path=None, target=None):
            if name == "vendor":
                spec = importlib.machinery.PathFinder.find_spec(name, path)
                spec.loader = importlib.util.LazyLoader(spec.loader)
                return spec
    sys.meta_path.insert(1, Lazy())
    import vendor, this_is_nothing
    """
BY_HAND = """
    spec = importlib.util.find_spec("vendor")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    print("vendor" in sys.modules)
    import vendor
    """
OPTIONAL = """
    spec = importlib.util.find_spec("vendor")
    sys.modules["vendor"] = vendor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vendor)
    """
CHECKED = """
    import copy, pickle
    loader = importlib.util.find_spec("vendor").loader
    print(isinstance(loader, importlib.machinery.SourceFileLoader))
    print({type(each).__name__ for each in (copy.copy(loader), pickle.loads(pickle.dumps(loader)))})
    import vendor
    """


VENDOR = 'print("vendor\'s code")\nx = 1\n'


@pytest.mark.parametrize(
    ("way", "code", "expected"),
    [
        (LAZY_FINDER, VENDOR, "host\nvendor's code\ntold\n"),
        (BY_HAND, VENDOR, "vendor's code\nFalse\nvendor's code\ntold\nhost\n"),
        (OPTIONAL, f"import vendors_part\n{VENDOR}", "vendor's code\ntold\nhost\n"),
        (CHECKED, VENDOR, "True\n{'SourceFileLoader'}\nvendor's code\ntold\nhost\n"),
    ],
    ids=["lazy", "by hand", "as in the manual", "looked at"],
)
def test_a_module_that_is_waited_for_comes_as_without_us(tmp_path: Path, way: str, code: str, expected: str):
    (tmp_path / "vendor.py").write_text(code)
    for name in ("this_is_nothing", "vendors_part"):
        (tmp_path / f"{name}.py").touch()
    start = """
        import importlib.machinery, importlib.util, sys
        from aiprov_runtime._imports import when_imported
        when_imported("vendor", lambda name: print("told"))
        """
    end = "print('host')\nvendor.x\nimport wave\n"

    outcome = host(tmp_path, textwrap.dedent(start) + textwrap.dedent(way) + end)

    assert Outcome(0, expected, "") == outcome
