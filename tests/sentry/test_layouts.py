"""The same error under every layout that code is deployed in, and after every change that code goes through."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import UV
from sentry._intake import Intake, serving
from sentry._project import HERE, ai, digest, make, manifest_of, no_ai, ours, run, write_manifest

from aiprov_runtime._manifest import MANIFEST_PATH

CASE = "raising:case_ai_innermost"
RAISES = "src/shop/raising.py::ai_raises"


@pytest.fixture
def intake() -> Iterator[Intake]:
    with serving() as intake:
        yield intake


@pytest.mark.parametrize("package", ["src/shop", "shop", "services/web/app/shop"])
def test_source_tree(tmp_path: Path, intake: Intake, package: str):
    root = make(tmp_path / "repository", package=package)

    run(root / "main.py", intake.dsn, "init,auto", CASE, path=[(root / package).parent])

    event = intake.by_case()["case_ai_innermost"]
    assert ours(event) == ai(f"{package}/raising.py::ai_raises")
    assert event["tags"]["aiprov.manifest"] == digest((root / MANIFEST_PATH).read_bytes())


def test_relative_import_path(tmp_path: Path, intake: Intake):
    root = make(tmp_path / "repository")

    run(root / "main.py", intake.dsn, "init,auto", CASE, path=["src"])

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)


def test_working_directory_elsewhere(tmp_path: Path, intake: Intake):
    root = make(tmp_path / "repository")

    run(root / "main.py", intake.dsn, "init,auto", CASE, path=[root / "src"], cwd=Path("/"))

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)


def test_symlinked_release(tmp_path: Path, intake: Intake):
    make(tmp_path / "releases" / "42")
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "releases" / "42")

    run(current / "main.py", intake.dsn, "init,auto", CASE, path=[current / "src"], cwd=Path("/"))

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)


def test_script_and_its_children(tmp_path: Path, intake: Intake):
    """A spawned child imports the script under another name, from another working directory."""
    shutil.copy(HERE / "shop" / "script.py", tmp_path / "script.py")
    write_manifest(tmp_path, manifest_of(tmp_path, below="."))

    run(tmp_path / "script.py", intake.dsn, "spawn")

    assert {case: ours(event) for case, event in intake.by_case().items()} == {
        "main": ai("script.py::ai_divides"),
        "child": ai("script.py::ai_divides"),
    }


def test_zip_archive(tmp_path: Path, intake: Intake):
    """The source inside an archive is not compared, which the state says."""
    root = make(tmp_path / "repository")
    with zipfile.ZipFile(root / "app.zip", "w") as archive:
        for source in (root / "src").rglob("*.py"):
            archive.write(source, source.relative_to(root / "src"))
    shutil.rmtree(root / "src")

    run(root / "main.py", intake.dsn, "init,auto", CASE, path=[root / "app.zip"])

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES, state="unverified")


def wheel(root: Path, place: Path) -> Path:
    """A wheel of the shop's package, with its manifest inside."""
    path = place / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for source in (root / "src").rglob("*.py"):
            archive.write(source, source.relative_to(root / "src"))
        archive.write(root / MANIFEST_PATH, "shop/_aiprov_manifest.yaml")
        archive.writestr("shop-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
        archive.writestr("shop-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("shop-1.0.dist-info/RECORD", "")
    return path


@pytest.mark.parametrize("cwd", ["/", "elsewhere"])
def test_installed_package(tmp_path: Path, intake: Intake, cwd: str):
    root = make(tmp_path / "repository")
    site = tmp_path / "venv" / "site-packages"
    command = [UV, "pip", "install", "--quiet", "--offline", "--target", site]
    subprocess.run([*command, "--python", sys.executable, wheel(root, tmp_path)], check=True)
    start = tmp_path / "elsewhere" / "main.py"
    start.parent.mkdir()
    shutil.move(root / "main.py", start)
    shutil.rmtree(root)

    run(start, intake.dsn, "init,auto", CASE, path=[site], cwd=tmp_path / cwd)

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)


def test_manifest_named_by_the_environment(tmp_path: Path, intake: Intake):
    root = make(tmp_path / "repository")
    manifest = tmp_path / "manifest of 2026.yaml"
    shutil.move(root / MANIFEST_PATH, manifest)

    run(
        root / "main.py",
        intake.dsn,
        "init,auto",
        CASE,
        path=[root / "src"],
        environ={"AIPROV_MANIFEST": str(manifest)},
    )

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES)


def deploy_ambiguously(tmp_path: Path) -> Path:
    """Two services of one repository have the same files; only one of them is deployed, under a name of its own."""
    root = make(tmp_path / "repository", package="one/shop")
    shutil.copytree(root / "one", root / "two")
    write_manifest(root, manifest_of(root, below="."))
    deployed = tmp_path / "deployed"
    shutil.copytree(root / "two" / "shop", deployed / "code" / "shop")
    shutil.copy(root / "main.py", deployed / "main.py")
    shutil.copytree(root / ".aiprov", deployed / ".aiprov")
    return deployed


def test_two_candidates_are_no_attribution(tmp_path: Path, intake: Intake):
    deployed = deploy_ambiguously(tmp_path)

    run(deployed / "main.py", intake.dsn, "init,auto", CASE, path=[deployed / "code"])

    assert ours(intake.by_case()["case_ai_innermost"]) == no_ai("unknown")


def test_path_map_decides_between_two_candidates(tmp_path: Path, intake: Intake):
    deployed = deploy_ambiguously(tmp_path)

    run(
        deployed / "main.py",
        intake.dsn,
        "init,auto",
        CASE,
        path=[deployed / "code"],
        environ={"AIPROV_PATH_MAP": f"{deployed}/code=two"},
    )

    assert ours(intake.by_case()["case_ai_innermost"]) == ai("two/shop/raising.py::ai_raises")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_code_that_changed_after_it_was_recorded(tmp_path: Path, intake: Intake):
    """Moved and re-formatted code is still verified, edited code is stale, renamed code is unknown."""
    root = make(tmp_path / "repository")
    raising, kinds, chains = (root / "src" / "shop" / f"{name}.py" for name in ("raising", "kinds", "chains"))
    edit(raising, "\nimport json\n", "\nimport json\n\nADDED = [\n    1,\n    2,\n]\n")
    edit(raising, "def ai_raises(value=0):", "def ai_raises(\n    value = 0   # nothing\n):\n    'Divides.'\n")
    edit(kinds, "return {n: 1 / n for n in range(2)}", "return {n: 1 / n for n in range(3)}")
    edit(kinds, "with_lambda", "with_a_lambda")
    subprocess.run([sys.executable, "-m", "black", "--quiet", "--line-length=60", kinds], check=True)
    chains.rename(chains.with_name("links.py"))

    cases = f"{CASE},kinds:case_dict_comprehension,kinds:case_lambda,kinds:case_method,links:case_falsy_error"
    run(root / "main.py", intake.dsn, "init,auto", cases, path=[root / "src"])

    assert {case: ours(event) for case, event in intake.by_case().items()} == {
        "case_ai_innermost": ai(RAISES),
        "case_dict_comprehension": ai("src/shop/kinds.py::with_dict_comprehension", state="stale"),
        "case_lambda": no_ai("unknown"),
        "case_method": ai("src/shop/kinds.py::Cart.method"),
        "case_falsy_error": no_ai("unknown"),
    }


def test_file_replaced_below_a_running_process(tmp_path: Path, intake: Intake):
    """What is on disk is not what runs: the record is named, and not called verified."""
    root = make(tmp_path / "repository")
    edit(root / "main.py", "def run(name", "def run(name, function, tags):\n    replace()\n    return run_now(name")
    edit(
        root / "main.py",
        "run_now(name, function, tags):",
        "run_now(name, function, tags)\n\n\ndef run_now(name, function, tags):",
    )
    replace = "import pathlib\n    pathlib.Path(__file__).with_name('src').joinpath('shop/raising.py').write_text('')"
    edit(root / "main.py", "def main(", f"def replace():\n    {replace}\n\n\ndef main(")

    run(root / "main.py", intake.dsn, "init,auto", CASE, path=[root / "src"])

    assert ours(intake.by_case()["case_ai_innermost"]) == ai(RAISES, state="unverified")
