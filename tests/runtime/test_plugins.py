from __future__ import annotations

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

    out = "vendor imported\ninstalled\n{'vendor': 'hooked'}\n{'vendor': 'hooked'}\n"
    assert Outcome(0, out, "") == run(tmp_path, "import vendor")


def test_without_wrapt_a_plugin_is_installed_at_once(tmp_path: Path):
    install(tmp_path, "vendor", "print('installed')")

    out = "installed\n{'vendor': 'hooked'}\nvendor imported\n{'vendor': 'hooked'}\n"
    assert (0, out) == run(tmp_path, "sys.modules['wrapt'] = None")[:2]


def test_a_plugin_that_fails_is_named_and_the_vendor_unharmed(tmp_path: Path):
    install(tmp_path, "vendor", "raise ValueError('no')")

    outcome = run(tmp_path)

    assert (0, "{'vendor': 'waiting'}\nvendor imported\n{'vendor': 'failed'}\n") == outcome[:2]
    expected = "aiprov: plugin.vendor failed and was skipped: ValueError: no; further ones are only counted\n"
    assert expected == outcome.err
