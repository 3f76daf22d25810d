from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiprov_runtime._discover import NotFoundError, discover
from aiprov_runtime._paths import Paths, standard_library

SITE = "/venv/lib/python3.12/site-packages"


def resolve(filename: str, known: list[str], *search: str, root: str | None = None, path_map: str = "") -> str | None:
    return Paths(known, root=root, path_map=path_map, search=search).resolve(filename)


@pytest.mark.parametrize(
    ("filename", "known", "search", "expected"),
    [
        # an import root tells which part of the name is the module's
        ("/app/src/shop/cart.py", ["src/shop/cart.py"], ["/app/src"], "src/shop/cart.py"),
        ("/app/shop/cart.py", ["src/shop/cart.py"], ["/app"], "src/shop/cart.py"),
        ("/app/shop/cart.py", ["shop/cart.py"], ["/app"], "shop/cart.py"),
        (f"{SITE}/shop/cart.py", ["src/shop/cart.py"], [SITE], "src/shop/cart.py"),
        (f"{SITE}/shop/cart.py", ["services/web/shop/cart.py"], ["/venv", SITE], "services/web/shop/cart.py"),
        ("/app/bundle.zip/shop/cart.py", ["src/shop/cart.py"], ["/app/bundle.zip"], "src/shop/cart.py"),
        ("/app/x/../shop/cart.py", ["shop/cart.py"], ["/app"], "shop/cart.py"),
        # two candidates are none
        ("/app/shop/cart.py", ["a/shop/cart.py", "b/shop/cart.py"], ["/app"], None),
        (f"{SITE}/shop/cart.py", ["shop/cart.py", "services/shop/cart.py"], [SITE], None),
        ("/app/src/shop/cart.py", ["shop/cart.py", "src/shop/cart.py"], ["/app/src"], None),
        ("/app/b/shop/cart.py", ["a/shop/cart.py", "b/shop/cart.py"], ["/app/b"], "b/shop/cart.py"),
        # another package's file of the same name
        (f"{SITE}/blog/cart.py", ["src/shop/cart.py"], [SITE], None),
        (f"{SITE}/vendor/shop/cart.py", ["src/shop/cart.py"], [SITE], None),
        (f"{SITE}/vendor/src/shop/cart.py", ["src/shop/cart.py"], [SITE], None),
        ("/app/myshop/cart.py", ["shop/cart.py"], ["/app"], None),
        ("/app/shop/mycart.py", ["shop/cart.py"], ["/app"], None),
        # lone module names
        (f"{SITE}/utils.py", ["src/shop/utils.py"], [SITE], None),
        ("/opt/tool/utils.py", ["shop/utils.py"], ["/opt/tool"], None),
        ("/opt/scripts/report.py", ["scripts/report.py"], ["/opt/scripts"], "scripts/report.py"),
        # names that are no file
        ("<string>", ["src/shop/cart.py"], ["/app"], None),
        ("<frozen importlib._bootstrap>", ["importlib/_bootstrap"], ["/app"], None),
        ("", ["src/shop/cart.py"], ["/app"], None),
        ("/", ["src/shop/cart.py"], ["/app"], None),
        ("C:\\app\\src\\shop\\cart.py", ["src/shop/cart.py"], ["/app"], None),
        ("src\\shop\\cart.py", ["src/shop/cart.py"], [""], None),
        ("/app/shop/cart.pyc", ["shop/cart.py"], ["/app"], None),
        ("/app/shop/\udcffcart.py", ["shop/cart.py"], ["/app"], None),
    ],
)
def test_without_a_root_the_one_suffix_counts(filename: str, known: list[str], search: list[str], expected: str | None):
    assert expected == resolve(filename, known, *search)


def test_the_standard_library_is_never_attributed():
    library = str(Path(os.__file__).parent)

    assert resolve(f"{library}/types.py", ["src/shop/types.py", "types.py", "src/types.py"], library) is None
    assert resolve(f"{library}/json/decoder.py", ["json/decoder.py"], library) is None
    assert "the standard library" == Paths(["types.py"], root=None).explain(f"{library}/types.py")[1]
    assert any(place in os.path.realpath(os.__file__) for place in standard_library())


def write(path: Path, text: str = "x = 1\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_below_the_root_the_path_itself_counts(tmp_path: Path):
    cart = write(tmp_path / "src" / "shop" / "cart.py")
    types_ = write(tmp_path / "src" / "shop" / "types.py")
    known = ["src/shop/cart.py", "cart.py", "shop/cart.py", "src/shop/types.py"]

    assert "src/shop/cart.py" == resolve(cart, known, str(tmp_path / "src"), root=str(tmp_path))
    assert "src/shop/types.py" == resolve(types_, known, root=str(tmp_path))


def test_a_root_behind_a_symlink(tmp_path: Path):
    cart = write(tmp_path / "releases" / "7" / "shop" / "cart.py")
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "releases" / "7")

    for root in (link, link.resolve()):
        for filename in (cart, str(link / "shop" / "cart.py")):
            assert "shop/cart.py" == resolve(filename, ["shop/cart.py"], root=str(root))


def test_a_linked_file_is_what_its_own_path_says(tmp_path: Path):
    write(tmp_path / "shop" / "cart.py")
    (tmp_path / "shop" / "basket.py").symlink_to("cart.py")
    known = ["shop/basket.py", "shop/cart.py"]

    assert "shop/basket.py" == resolve(str(tmp_path / "shop" / "basket.py"), known, root=str(tmp_path))


def test_a_link_of_another_name(tmp_path: Path):
    write(tmp_path / "app" / "tools" / "report.py")
    (tmp_path / "report").symlink_to(tmp_path / "app" / "tools" / "report.py")

    assert "tools/report.py" == resolve(str(tmp_path / "report"), ["tools/report.py"], root=str(tmp_path / "app"))


def test_another_file_where_the_recorded_one_stands(tmp_path: Path):
    """A file that only looks like the recorded one, which is deployed as well."""
    write(tmp_path / "repo" / "src" / "shop" / "cart.py", "recorded = 1\n")
    foreign = [
        write(tmp_path / "other" / "src" / "shop" / "cart.py"),
        write(tmp_path / "repo" / "tools" / "shop" / "cart.py"),
    ]
    search = [str(Path(f).parents[1]) for f in foreign]

    assert [None] * 2 == [resolve(f, ["src/shop/cart.py"], *search, root=str(tmp_path / "repo")) for f in foreign]


def test_a_copy_in_the_repository_is_a_file_of_its_own(tmp_path: Path):
    """The recorded function is not the one that failed, and reverting it would mend nothing."""
    write(tmp_path / "one" / "shop" / "cart.py")
    copies = [write(tmp_path / "two" / "shop" / "cart.py"), write(tmp_path / "two" / "one" / "shop" / "cart.py")]
    search = [str(tmp_path / "two"), str(tmp_path / "two" / "one")]

    assert [None] * 2 == [resolve(copy, ["one/shop/cart.py"], *search, root=str(tmp_path)) for copy in copies]


def test_a_copy_elsewhere_is_what_it_was_copied_from(tmp_path: Path):
    write(tmp_path / "repo" / "src" / "shop" / "cart.py")
    copy = write(tmp_path / "build" / "shop" / "cart.py")

    assert "src/shop/cart.py" == resolve(
        copy, ["src/shop/cart.py"], str(tmp_path / "build"), root=str(tmp_path / "repo")
    )


def test_an_installed_copy_of_the_recorded_file(tmp_path: Path):
    write(tmp_path / "repo" / "src" / "shop" / "cart.py")
    copy = write(tmp_path / "site-packages" / "shop" / "cart.py")
    paths = Paths(["src/shop/cart.py"], root=str(tmp_path / "repo"), search=[str(tmp_path / "site-packages")])

    assert "src/shop/cart.py" == paths.resolve(copy)


def test_an_archive_beside_the_sources_it_was_made_of(tmp_path: Path):
    write(tmp_path / "src" / "shop" / "cart.py")
    bundle = write(tmp_path / "shop.pyz")
    paths = Paths(["src/shop/cart.py"], root=str(tmp_path), search=[bundle])

    assert "src/shop/cart.py" == paths.resolve(f"{bundle}/shop/cart.py")
    assert paths.resolve(f"{bundle}/vendor/shop/cart.py") is None


@pytest.mark.parametrize(
    ("path_map", "filename", "expected"),
    [
        ("/srv/web=services/web", "/srv/web/shop/cart.py", "services/web/shop/cart.py"),
        ("/srv/web/=/services/web/", "/srv/web/shop/cart.py", "services/web/shop/cart.py"),
        ("/srv=services", "/srv/web/shop/cart.py", "services/web/shop/cart.py"),
        ("/srv/web/shop=shop, /srv/web=services/web", "/srv/web/shop/cart.py", "shop/cart.py"),
        ("/srv/web=:/x=y", "/srv/web/shop/cart.py", "shop/cart.py"),
        ("/srv/web=services/web", "/srv/website/shop/cart.py", "shop/cart.py"),
        ("/srv/web=other", "/srv/web/shop/cart.py", "shop/cart.py"),
        ("nonsense,=,==;:", "/srv/web/shop/cart.py", "shop/cart.py"),
    ],
)
def test_path_map(path_map: str, filename: str, expected: str | None):
    assert expected == resolve(filename, ["shop/cart.py", "services/web/shop/cart.py"], path_map=path_map)


def test_import_roots_are_those_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A program may put another list into `sys.path`; the import system passes over what is no text in it."""
    cart = write(tmp_path / "shop" / "cart.py")
    paths = Paths(["backend/shop/cart.py"], root=None)
    monkeypatch.setattr(sys, "path", [None, b"/x", 1, str(tmp_path), *sys.path])

    assert "backend/shop/cart.py" == paths.resolve(cart)
    with pytest.raises(NotFoundError):
        discover(None, main_file=None, directory=str(tmp_path))


def test_relative_names_start_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "shop" / "cart.py")
    monkeypatch.chdir(tmp_path)

    assert "shop/cart.py" == resolve("shop/cart.py", ["shop/cart.py"], root=str(tmp_path))
    assert "shop/cart.py" == resolve("./x/../shop/cart.py", ["shop/cart.py"], "")


def test_application_code(tmp_path: Path):
    paths = Paths(["src/shop/cart.py"], root=None, search=[SITE])

    def judged() -> list[bool]:
        names = [str(tmp_path / "x.py"), f"{SITE}/shop/views.py", f"{SITE}/shopping/x.py", f"{SITE}/six.py"]
        return [paths.is_application(name) for name in names]

    assert [True, False, False, False] == judged()
    paths.resolve(f"{SITE}/shop/cart.py")
    assert [True, True, False, False] == judged()
    library = [os.__file__, "<string>", "<frozen os>", "/usr/lib/python3/dist-packages/yaml/__init__.py"]
    assert [False] * 4 == [paths.is_application(name) for name in library]
    assert not paths.is_application(Paths.resolve.__code__.co_filename)


@given(st.text(), st.lists(st.text(), max_size=3), st.text())
def test_any_name_resolves_or_does_not(filename: str, known: list[str], path_map: str):
    paths = Paths([*known, filename.rpartition("/")[2]], root="/app", path_map=path_map, search=["", "/app/src"])

    assert paths.resolve(filename) in {None, *known, filename.rpartition("/")[2]}
    paths.is_application(filename)


def test_an_installed_copy_of_an_older_state_is_still_that_file(tmp_path: Path):
    write(tmp_path / "src" / "shop" / "cart.py", "new = 1\n")
    copy = write(tmp_path / "site-packages" / "shop" / "cart.py", "old = 1\n")
    paths = Paths(["src/shop/cart.py"], root=str(tmp_path), search=[str(tmp_path / "site-packages")])

    assert "src/shop/cart.py" == paths.resolve(copy)


def test_names_that_no_file_can_have(tmp_path: Path):
    assert "shop/cart.py" == resolve("/app\0/shop/cart.py", ["shop/cart.py"], "/app\0")
    write(tmp_path / "shop" / "cart.py")
    assert resolve("/app\0/shop/cart.py", ["shop/cart.py"], "/app\0", root=str(tmp_path)) is None
    assert resolve("/no-such/shop/cart.py", ["shop/cart.py"], "/no-such", root=str(tmp_path)) is None
