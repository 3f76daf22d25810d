"""The files of each release, put together from the example."""

from __future__ import annotations

import pytest
from demo._example import copy_with_bug

from aiprov.demo import find_example, load_example
from aiprov.demo._versions import Version, versions
from aiprov.errors import UsageError
from aiprov_runtime._functions import regions


def release(tag: str, found: list[Version]) -> dict[str, str]:
    return dict([version for version in found if version.release.tag == tag][-1].files)


@pytest.fixture(scope="module")
def shipped() -> list[Version]:
    return list(versions(load_example(find_example())))


def test_without_the_bug_the_last_release_is_the_package_itself(tmp_path):
    example = load_example(copy_with_bug(tmp_path / "shop", {}))

    assert release("v1.2.0", list(versions(example))) == dict(example.sources("shop"))


def test_the_bug_is_in_the_last_release_alone(shipped):
    example = load_example(find_example())
    bug = dict(example.sources("bug"))["shop/discounts.py"]
    body = bug[bug.index("def coupon_discount") :]

    assert [body in release(tag, shipped)["shop/discounts.py"] for tag in ("v1.0.0", "v1.1.0", "v1.2.0")] == [
        False,
        False,
        True,
    ]


def test_every_commit_can_be_parsed(shipped):
    assert all(regions(source) for version in shipped for source in version.files.values())


def test_a_function_is_absent_until_a_commit_introduces_it(shipped):
    present = ["bundle_discount" in regions(release(tag, shipped)["shop/discounts.py"]) for tag in ("v1.0.0", "v1.1.0")]

    assert present == [False, True]


def test_a_function_keeps_its_form_until_a_commit_rewrites_it(shipped):
    hashes = [regions(release(tag, shipped)["shop/tax.py"])["rate"].code_hash for tag in ("v1.0.0", "v1.1.0", "v1.2.0")]

    assert hashes[0] == hashes[1] != hashes[2]


def test_several_models_and_people_changed_the_last_release(shipped):
    commits = [version.commit for version in shipped if version.release.tag == "v1.2.0"]

    assert len({commit.model for commit in commits if commit.model}) >= 3
    assert any(commit.trailer for commit in commits)
    assert any(commit.model is None and commit.trailer is None for commit in commits)


@pytest.mark.parametrize(
    ("bug", "says"),
    [
        ({"tax.py": "def nothing():\n    return 1\n"}, "bug has shop/tax.py::nothing, which is not in shop/"),
        (
            {"tax.py": "def tax_on():\n    return 1\n"},
            "bug has shop/tax.py::tax_on, which no commit of v1.2.0 writes: add it to history.toml",
        ),
        ({"tax.py": "RATES = {}\n"}, "bug: the file for shop/tax.py holds no function, and nothing else of it is used"),
        ({"tax.py": "def rate(:\n"}, "shop/tax.py:1: invalid syntax"),
    ],
)
def test_a_bug_that_nobody_would_ship_is_refused(tmp_path, bug, says):
    example = load_example(copy_with_bug(tmp_path / "shop", bug))

    with pytest.raises(UsageError) as caught:
        list(versions(example))

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"shop/tax.py::is_domestic"', '"shop/tax.py::is_foreign"', "which is not in the example"),
        ('writes = ["shop/middleware.py"]', "writes = []", "no commit writes shop/middleware.py"),
    ],
)
def test_a_history_that_does_not_account_for_the_code_is_refused(tmp_path, old, new, says):
    root = copy_with_bug(tmp_path / "shop", {})
    history = root / "history.toml"
    history.write_text(history.read_text().replace(old, new))

    with pytest.raises(UsageError) as caught:
        list(versions(load_example(root)))

    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("people = 1\n", "Expected `object`"),
        ("[people]\n", "missing required field `release`"),
        ("[people\n", "history.toml"),
        ("[people]\n[[release]]\ntag = 'a'\ndate = 2026-01-01T00:00:00Z\ncommit = []\n", "needs three releases"),
    ],
)
def test_a_broken_history_is_one_clear_line(tmp_path, text, says):
    root = copy_with_bug(tmp_path / "shop", {})
    (root / "history.toml").write_text(text)

    with pytest.raises(UsageError) as caught:
        load_example(root)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["requests = []", 'requests = [{ weight = 0, get = "/" }]', "requests = [{ get = 1 }]"]
)
def test_traffic_that_nobody_could_send_is_refused(tmp_path, text):
    root = copy_with_bug(tmp_path / "shop", {})
    (root / "traffic.toml").write_text(text)

    with pytest.raises(UsageError, match=r"traffic\.toml: "):
        load_example(root)


def test_a_directory_that_is_no_example_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"history\.toml: no such file"):
        load_example(tmp_path)
