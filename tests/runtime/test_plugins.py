from __future__ import annotations

import textwrap
from pathlib import Path

from runtime._host import Outcome, host


def install(root: Path, vendor: str, body: str) -> str:
    """A distribution with one plugin for a vendor's module, and the path to find both on."""
    place = root / "plugins"
    info = place / f"aiprov_{vendor}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: aiprov-{vendor}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[aiprov_runtime.plugins]\n{vendor} = aiprov_{vendor}:install\n")
    (place / f"aiprov_{vendor}.py").write_text(f"def install():\n    {body}\n")
    (place / f"{vendor}.py").write_text("print('vendor imported')\n")
    return str(place)


PROGRAM = """
    import sys
    sys.path.insert(0, "plugins")
    {before}
    import aiprov_runtime.auto
    aiprov_runtime.init()
    print({{k: v for k, v in aiprov_runtime.status().plugins.items() if k == "vendor"}})
    import vendor
    import vendor
    print({{k: v for k, v in aiprov_runtime.status().plugins.items() if k == "vendor"}})
    """


def run(tmp_path: Path, before: str = "") -> Outcome:
    return host(tmp_path, PROGRAM.format(before=before))


def test_a_plugin_waits_for_its_vendor(tmp_path: Path):
    install(tmp_path, "vendor", "print('installed')")

    out = "{'vendor': 'waiting'}\nvendor imported\ninstalled\n{'vendor': 'hooked'}\n"
    assert Outcome(0, out, "") == run(tmp_path)


def test_a_plugin_whose_vendor_is_there_already(tmp_path: Path):
    install(tmp_path, "vendor", "print('installed')")

    out = "vendor imported\ninstalled\ninstalled\n{'vendor': 'hooked'}\n{'vendor': 'hooked'}\n"
    assert Outcome(0, out, "") == run(tmp_path, "import vendor")


def test_every_init_tells_the_plugins_that_are_hooked(tmp_path: Path):
    """What was loaded may be another manifest, or tracking may be on by now."""
    install(tmp_path, "vendor", "print('installed')")

    outcome = host(
        tmp_path,
        """
        import sys; sys.path.insert(0, "plugins")
        import aiprov_runtime
        aiprov_runtime.init()
        aiprov_runtime.init()
        import vendor
        aiprov_runtime.init()
        """,
    )

    assert Outcome(0, "vendor imported\ninstalled\ninstalled\n", "") == outcome


def vendor(tmp_path: Path, body: str, module: str, program: str) -> Outcome:
    """A program beside one plugin, and its vendor's module in place of the usual one."""
    place = Path(install(tmp_path, "vendor", body))
    (place / "vendor.py").write_text(textwrap.dedent(module))
    start = 'import sys; sys.path.insert(0, "plugins"); import aiprov_runtime, importlib, importlib.util\n'
    return host(tmp_path, start + textwrap.dedent(program))


def test_the_module_sees_its_own_loader_during_and_after_the_import(tmp_path: Path):
    outcome = vendor(
        tmp_path,
        "print('installed')",
        "print(type(__loader__).__name__, type(__spec__.loader).__name__)",
        """
        aiprov_runtime.init()
        print(importlib.util.find_spec("vendor").loader.is_package("vendor"))
        import vendor
        print(vendor.__loader__ is vendor.__spec__.loader, type(vendor.__loader__).__name__)
        importlib.reload(vendor)
        """,
    )

    own = "SourceFileLoader SourceFileLoader\n"
    assert Outcome(0, f"False\n{own}installed\nTrue SourceFileLoader\n{own}", "") == outcome


def test_a_vendor_that_cannot_be_imported_fails_as_without_us(tmp_path: Path):
    outcome = vendor(
        tmp_path,
        "print('installed')",
        "import sys; 1 / (len(sys.argv) - 1)",
        """
        aiprov_runtime.init()
        for _ in range(2):
            try:
                import vendor
            except ZeroDivisionError:
                print("host", "vendor" in sys.modules)
                sys.argv.append("x")
        """,
    )

    assert Outcome(0, "host False\ninstalled\n", "") == outcome


def test_a_vendor_that_starts_us_while_it_is_imported(tmp_path: Path):
    outcome = vendor(
        tmp_path,
        "import vendor; print('installed', vendor.ready)",
        "import aiprov_runtime.auto; ready = True",
        "import vendor, colorsys",
    )

    assert Outcome(0, "installed True\n", "") == outcome


def test_threads_that_import_at_once_install_once(tmp_path: Path):
    outcome = vendor(
        tmp_path,
        "print('installed')",
        "import time; time.sleep(0)",
        """
        import threading
        aiprov_runtime.init()
        gate = threading.Barrier(8)
        def work():
            gate.wait()
            import vendor
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
    )

    assert Outcome(0, "installed\n", "") == outcome


def test_two_plugins_for_one_vendor(tmp_path: Path):
    place = Path(install(tmp_path, "vendor", "print('installed')"))
    entries = place / "aiprov_vendor-1.0.dist-info" / "entry_points.txt"
    (place / "second.py").write_text("def install():\n    print('second')\n")
    (place / "other-1.0.dist-info").mkdir()
    (place / "other-1.0.dist-info" / "entry_points.txt").write_text(
        "[console_scripts]\nvendor = no:no\n\n[aiprov_runtime.plugins]\n# mine\nvendor = second:install [extra]\n"
    )
    entries.write_text(f"{entries.read_text()}vendor=aiprov_vendor:install\n")

    outcome = host(
        tmp_path,
        """
        import sys; sys.path.insert(0, "plugins")
        import aiprov_runtime.auto, vendor
        print({k: v for k, v in aiprov_runtime.status().plugins.items() if k.startswith("vendor")})
        """,
    )

    states = {"vendor": "hooked", "vendor (second:install)": "hooked"}
    assert Outcome(0, f"vendor imported\ninstalled\nsecond\n{states}\n", "") == outcome


def test_a_plugin_may_wait_for_a_part_of_a_vendor(tmp_path: Path):
    info = tmp_path / "plugins" / "aiprov_parts-1.0.dist-info"
    for name in ("whole", "loose", "aiprov_parts-1.0.dist-info"):
        (tmp_path / "plugins" / name).mkdir(parents=True)
    (tmp_path / "plugins" / "whole" / "__init__.py").write_text("")
    (tmp_path / "plugins" / "whole" / "part.py").write_text("print('part')\n")
    (tmp_path / "plugins" / "loose" / "part.py").write_text("")
    (tmp_path / "plugins" / "hooks.py").write_text(
        "def whole(): print('whole hooked')\nclass loose:\n    def hook(): print('loose hooked')\n"
    )
    (info / "entry_points.txt").write_text(
        "[aiprov_runtime.plugins]\nwhole.part = hooks:whole\nloose = hooks:loose.hook\nloose.gone = hooks:whole\n"
    )

    outcome = host(
        tmp_path,
        """
        import sys; sys.path.insert(0, "plugins")
        import aiprov_runtime.auto
        import whole; print("whole")
        import whole.part
        import loose.part  # has no code of its own, so it is hooked as soon as anything else is imported
        print({k: v for k, v in aiprov_runtime.status().plugins.items() if k.startswith(("whole", "loose"))})
        """,
    )

    states = {"whole.part": "hooked", "loose": "hooked", "loose.gone": "waiting"}
    assert Outcome(0, f"whole\npart\nwhole hooked\nloose hooked\n{states}\n", "") == outcome


def test_a_plugin_whose_vendor_is_not_there_waits(tmp_path: Path):
    place = Path(install(tmp_path, "vendor", "print('installed')"))
    (place / "vendor.py").unlink()

    outcome = host(
        tmp_path,
        """
        import sys; sys.path.insert(0, "plugins")
        import aiprov_runtime.auto
        try:
            import vendor
        except ModuleNotFoundError as error:
            print(error)
        print(aiprov_runtime.status().plugins["vendor"])
        """,
    )

    assert Outcome(0, "No module named 'vendor'\nwaiting\n", "") == outcome


def test_what_gevent_has_to_patch_is_not_imported_before_it(tmp_path: Path):
    install(tmp_path, "vendor", "pass")

    outcome = host(
        tmp_path,
        """
        import sys; sys.path.insert(0, "plugins")
        import aiprov_runtime.auto
        print({"ssl", "asyncio", "socket", "selectors", "queue"} & set(sys.modules))
        """,
        options=("-S",),
    )

    assert Outcome(0, "set()\n", "") == outcome


def test_a_plugin_that_fails_is_named_and_the_vendor_unharmed(tmp_path: Path):
    install(tmp_path, "vendor", "raise ValueError('no')")

    outcome = run(tmp_path)

    assert (0, "{'vendor': 'waiting'}\nvendor imported\n{'vendor': 'failed'}\n") == outcome[:2]
    expected = "aiprov: plugin.vendor failed and was skipped: ValueError: no; further ones are only counted\n"
    assert expected == outcome.err
