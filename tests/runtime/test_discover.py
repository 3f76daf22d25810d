from __future__ import annotations

from pathlib import Path

import pytest

from aiprov_runtime._discover import PACKAGED_NAME, Found, NotFoundError, discover
from aiprov_runtime._manifest import MANIFEST_PATH


def place(root: Path, name: str = MANIFEST_PATH) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("aiprov: 1\n")
    return path


def found(tmp_path: Path, manifest: str | None = None, **where: object) -> Found:
    main, directory = where.get("main"), where.get("directory")
    search = [str(entry) for entry in where.get("search", ())]
    return discover(
        manifest,
        main_file=str(tmp_path / main) if main else None,
        directory=str(tmp_path / directory) if directory else None,
        search=search,
    )


def test_the_nearest_one_above_the_main_module(tmp_path: Path):
    place(tmp_path)
    inner = place(tmp_path / "app")

    assert Found(str(inner), str(tmp_path / "app")) == found(tmp_path, main="app/src/shop/main.py", directory=".")


def test_the_main_module_beats_the_working_directory(tmp_path: Path):
    one, two = place(tmp_path / "one"), place(tmp_path / "two")

    assert str(one) == found(tmp_path, main="one/main.py", directory="two").path
    assert str(two) == found(tmp_path, main="elsewhere/main.py", directory="two/deep/er").path
    assert str(two) == found(tmp_path, directory="two").path


def test_a_main_module_that_is_a_link(tmp_path: Path):
    behind = place(tmp_path / "app")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").symlink_to(tmp_path / "app" / "tools" / "main.py")

    assert str(behind) == found(tmp_path, main="bin/tool", directory="bin").path
    assert str(place(tmp_path / "bin")) == found(tmp_path, main="bin/tool", directory="app").path


def test_a_given_file_beats_all_and_its_place_tells_the_root(tmp_path: Path):
    place(tmp_path)
    given, bare = place(tmp_path / "other"), place(tmp_path, "etc/manifest.yaml")

    assert Found(str(given), str(tmp_path / "other")) == found(tmp_path, str(given), main="main.py")
    assert Found(str(bare), None) == found(tmp_path, str(bare), main="main.py")


def test_a_given_file_that_is_not_there(tmp_path: Path):
    place(tmp_path)

    with pytest.raises(NotFoundError, match=r"no-such.yaml: no such file"):
        found(tmp_path, "no-such.yaml", main="main.py")
    with pytest.raises(NotFoundError, match=r"no such file"):
        found(tmp_path, str(tmp_path), main="main.py")


def test_inside_an_installed_package(tmp_path: Path):
    packaged = place(tmp_path / "site", f"shop/{PACKAGED_NAME}")
    place(tmp_path / "site", f"shop-1.0.dist-info/{PACKAGED_NAME}")
    search = [tmp_path / "no-such", tmp_path / "site", tmp_path / "site", packaged]

    assert Found(str(packaged), None) == found(tmp_path, main="main.py", directory=".", search=search)


def test_a_packaged_manifest_speaks_for_no_lone_module(tmp_path: Path):
    packaged, own = Found(str(tmp_path / "shop" / PACKAGED_NAME), None), Found(str(tmp_path / MANIFEST_PATH), None)
    files = ["main.py", "src/main.py", "src/shop/main.py", "shop/main.py"]

    assert files[2:] == list(filter(packaged.covers, files))
    assert files == list(filter(own.covers, files))


def test_two_installed_packages_are_named(tmp_path: Path):
    for name in ("shop", "blog"):
        place(tmp_path / "site", f"{name}/{PACKAGED_NAME}")

    with pytest.raises(NotFoundError, match=r"blog.*shop.*AIPROV_MANIFEST"):
        found(tmp_path, search=[tmp_path / "site"])


def test_nothing_at_all(tmp_path: Path):
    (tmp_path / MANIFEST_PATH).mkdir(parents=True)

    with pytest.raises(NotFoundError, match=r"no .aiprov/manifest.yaml above"):
        found(tmp_path, main="main.py", directory=".")
