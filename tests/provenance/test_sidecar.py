from __future__ import annotations

import hashlib
import json

import pytest
from provenance._work import Work

from aiprov.provenance import Scanned, describe, record_generation
from aiprov_runtime._manifest import Generation

CODE = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 2\n"


def sidecar(code: str = CODE, **facts) -> str:
    return json.dumps(
        {
            "generated_at": "2026-11-02T10:11:12+00:00",
            "model": "gpt-5.2",
            "prompt_hash": "ab" * 32,
            "code_hash": hashlib.sha256(code.encode()).hexdigest(),
            "file": "a.py",
            **facts,
        }
    )


def marked(found: Scanned) -> list[str]:
    return sorted(found.manifest.files.get("a.py", {}))


def test_a_sidecar_that_fits_covers_the_whole_file(work: Work):
    work.human({"a.py": CODE, "a.py.ai_metadata.json": sidecar()})

    found = work.scan()

    expected = Generation(
        model="openai/gpt-5.2",
        raw_model="gpt-5.2",
        prompt_hash=f"sha256:{'ab' * 32}",
        generated_at="2026-11-02T10:11:12Z",
        evidence="sidecar",
    )
    assert [expected] == list(found.manifest.generations.values())
    assert (["<module>", "f", "g"], ()) == (marked(found), found.ignored)


@pytest.mark.parametrize("name", ["a.py.ai_metadata.json", "a.ai_metadata.json", "other.ai_metadata.json"])
def test_the_file_is_found_by_the_sidecars_name_or_its_field(work: Work, name):
    work.human({"a.py": CODE, name: sidecar()})

    assert 3 == len(marked(work.scan()))


def test_a_sidecar_that_is_not_tracked_yet_counts(work: Work):
    work.human({"a.py": CODE})
    work.write("a.py.ai_metadata.json", sidecar())

    assert 3 == len(marked(work.scan()))


@pytest.mark.parametrize("code_hash", ["sha256:{}", "SHA256:{}", " {} "])
def test_the_hash_may_be_written_in_other_ways(work: Work, code_hash):
    digest = hashlib.sha256(CODE.encode()).hexdigest()
    work.human({"a.py": CODE, "a.py.ai_metadata.json": sidecar(code_hash=code_hash.format(digest))})

    assert 3 == len(marked(work.scan()))


def test_line_endings_may_have_changed_since(work: Work):
    work.human({"a.py": CODE, "a.py.ai_metadata.json": sidecar(CODE.replace("\n", "\r\n"))})

    assert 3 == len(marked(work.scan()))


def test_after_an_edit_only_functions_with_the_same_logic_are_covered(work: Work):
    work.human({"a.py": CODE, "a.py.ai_metadata.json": sidecar()})
    work.human({"a.py": "# changed\n" + CODE.replace("+ 1", "+ 3")})

    assert ["<module>", "g"] == marked(work.scan())


def test_the_version_is_found_under_an_earlier_name(work: Work):
    work.human({"old.py": CODE})
    work.git("mv", "old.py", "a.py")
    work.human({"a.py.ai_metadata.json": sidecar()})
    work.human({"a.py": CODE.replace("+ 1", "+ 3")})

    assert ["<module>", "g"] == marked(work.scan())


@pytest.mark.parametrize(
    "text",
    [
        sidecar("something else"),
        sidecar(code_hash=None),
        sidecar(code_hash="1234"),
        sidecar(file=7),
        "[]",
        "{",
        "[" * 60_000,
        " " * 70_000,
        "\udcff",
    ],
)
def test_a_sidecar_that_cannot_be_verified_is_ignored_and_reported(work: Work, text):
    work.write("a.py", CODE)
    (work.root / "a.py.ai_metadata.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    work.human()

    found = work.scan()

    assert ([], 1) == (marked(found), len(found.ignored))
    assert found.ignored[0].startswith("a.py.ai_metadata.json: ")


def test_a_sidecar_without_its_file_is_reported(work: Work):
    work.human({"a.py.ai_metadata.json": sidecar()})

    assert ("a.py.ai_metadata.json: its Python file is not there",) == work.scan().ignored


def test_text_in_place_of_a_prompt_hash_is_dropped(work: Work):
    work.human({"a.py": CODE, "a.py.ai_metadata.json": sidecar(prompt_hash="write me a cart")})

    assert [None] == [g.prompt_hash for g in work.scan().manifest.generations.values()]


def test_a_sidecar_outranks_trailers_and_gives_way_to_a_record(work: Work):
    work.ai({"a.py": CODE, "a.py.ai_metadata.json": sidecar()})
    first = work.scan().manifest
    record_generation(["a.py::f"], describe(model="o3"), base=work.root)
    second = work.scan().manifest

    assert {"sidecar"} == {g.evidence for g in first.generations.values()}
    assert "record" == second.generations[second.files["a.py"]["f"].generation].evidence
    assert "sidecar" == second.generations[second.files["a.py"]["g"].generation].evidence


def test_a_written_sidecar_is_read_back(work: Work):
    work.human({"a.py": CODE})
    generation = describe(model="o3", prompt="p" * 50, generated_at="2026-11-02T10:11:12Z")
    done = record_generation(["a.py"], generation, base=work.root, sidecar=True)
    (work.root / ".aiprov" / "manifest.yaml").unlink()

    found = work.scan()

    assert ("a.py.ai_metadata.json",) == done.sidecars
    assert (("openai/o3", generation.prompt_hash),) == tuple(
        (g.model, g.prompt_hash) for g in found.manifest.generations.values()
    )
