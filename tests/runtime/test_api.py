"""What hosts and plugins may rely on."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from runtime._app import ai, manifest, write
from runtime._host import host

import aiprov_runtime
from aiprov_runtime import _loading, _runtime
from aiprov_runtime._discover import PACKAGED_NAME
from aiprov_runtime._settings import resolve


def test_every_public_name_is_importable_and_documented():
    homes = dict.fromkeys(_runtime.__all__, "_runtime") | aiprov_runtime._HOMES

    assert sorted(homes) == aiprov_runtime.__all__
    for name, home in homes.items():
        value = getattr(aiprov_runtime, name)
        assert value is getattr(importlib.import_module(f"aiprov_runtime.{home}"), name)
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")  # what NamedTuple writes where nobody did


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'aiprov_runtime' has no attribute 'nothing'"):
        aiprov_runtime.nothing  # noqa: B018


def modules(program: str) -> set[str]:
    """What an interpreter with nothing installed has loaded after a program."""
    code = f"import sys; before = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - before))"
    with tempfile.TemporaryDirectory() as alone:  # beside it, site-packages may hold plugins
        Path(alone, "aiprov_runtime").symlink_to(Path(aiprov_runtime.__file__).parent)
        command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {alone!r})\n{code}"]
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_loads_nothing_but_ourselves():
    assert {"aiprov_runtime"} == modules("import aiprov_runtime")


def test_starting_loads_the_standard_library_alone_and_little_of_it():
    loaded = modules("import aiprov_runtime.auto")
    ours = {name for name in loaded if name.startswith("aiprov_runtime")}

    assert {"aiprov_runtime.auto", "aiprov_runtime._runtime"} <= ours
    assert {name.partition(".")[0] for name in loaded - ours} <= sys.stdlib_module_names
    assert loaded.isdisjoint({"logging", "asyncio", "multiprocessing", "ssl"})
    before_plugins = modules("import aiprov_runtime._runtime")
    assert before_plugins.isdisjoint(
        {"logging", "dataclasses", "json", "inspect", "pathlib", "importlib.metadata", "ast"}
    )


@pytest.mark.parametrize("path", sorted(Path(aiprov_runtime.__file__).parent.glob("*.py")), ids=lambda p: p.name)
def test_only_the_guard_catches_exception(path: Path):
    broad = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or {"Exception", "BaseException"} & {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
        )
    ]

    assert len(broad) == (path.name == "_guard.py")
    importlib.import_module(f"aiprov_runtime.{path.stem}")


def test_a_packaged_manifest_is_no_word_about_its_users_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packaged = write(tmp_path / "site-packages" / "shop" / PACKAGED_NAME, "")
    packaged.write_bytes(manifest({"main.py": {"main": ai()}, "src/shop/main.py": {"main": ai()}}))
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(packaged.parents[1]), *sys.path])
    paths = _loading._load_index(resolve({"manifest": packaged}, {})[0])[0].paths

    found = [paths.resolve(str(place / "main.py")) for place in (tmp_path, packaged.parent)]
    assert [None, "src/shop/main.py"] == found


def test_before_init_nothing_is_known(tmp_path: Path):
    outcome = host(
        tmp_path,
        """
        import sys, aiprov_runtime as a
        error = ValueError()
        print(a.explain(error), a.explain_stack(sys._getframe()), a.lookup(print), a.capture(error), a.status())
        """,
    )

    status = (
        "Status(manifest=None, digest=None, reason='init() has not been called', plugins={}, failures={}, "
        "tracking='off: not asked for')"
    )
    assert (0, f"None None None None {status}\n", "") == outcome


def test_a_manifest_is_found_and_asked(tmp_path: Path):
    (tmp_path / ".aiprov").mkdir()
    (tmp_path / ".aiprov" / "manifest.yaml").write_text(
        'aiprov: 1\ngenerations:\nfiles:\n  "main.py":\n    "f": {"contributor": "ai"}\n'
        '    "Cart.total": {"contributor": "human"}\n'
    )
    outcome = host(
        tmp_path,
        """
        import sys, aiprov_runtime.auto
        from aiprov_runtime import explain, explain_stack, lookup, status
        class Cart:
            def total(self): return f()
        def f(): return lookup(sys._getframe()), explain_stack(sys._getframe()).suspect.relation
        def name(found): return found and (found.function, found.contributor)
        print(name(lookup(f)), name(lookup(Cart().total)), name(lookup(Cart.total)), name(lookup(f.__code__)))
        print(name(f()[0]), Cart().total()[1], name(lookup(name)), name(lookup(len)))
        print(status().manifest, len(status().digest), repr(status().reason), status().failures)
        """,
    )

    f, total = ("main.py::f", "ai"), ("main.py::Cart.total", "human")
    expected = f"{f} {total} {total} {f}\n{f} raised None None\n{tmp_path}/.aiprov/manifest.yaml 12 '' {{}}\n"
    assert (0, expected, "") == outcome


def test_a_second_init_replaces_the_first(tmp_path: Path):
    for name, contributor in (("one", "ai"), ("two", "mixed")):
        (tmp_path / name).write_text(
            f'aiprov: 1\ngenerations:\nfiles:\n  "main.py":\n    "f": {{"contributor": "{contributor}"}}\n'
        )
    outcome = host(
        tmp_path,
        """
        import aiprov_runtime as a
        def f(): pass
        for name in ("one", "two", "none"):
            a.init(manifest=name, path_map=".=")
            print(getattr(a.lookup(f), "contributor", None), a.status().reason)
        a.ensure()
        print(a.status().reason)
        """,
    )

    assert (0, "ai \nmixed \nNone none: no such file\nnone: no such file\n") == outcome[:2]
    assert outcome.err == "aiprov: none: no such file: nothing will be attributed\n"
