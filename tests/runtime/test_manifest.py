from __future__ import annotations

import json
import random
import time
import tracemalloc
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import aiprov_runtime
from aiprov_runtime._manifest import (
    MAX_KEY,
    Generation,
    Manifest,
    ManifestError,
    Record,
    dumps,
    load,
    merge,
    read,
    read_written_form,
)
from aiprov_runtime._manifest_yaml import read_any_yaml

SCHEMA = json.loads((Path(aiprov_runtime.__file__).parent / "manifest.schema.json").read_text())
GENERATION = Generation(
    model="anthropic/claude-opus-4-6",
    tool="claude-code",
    prompt_hash="sha256:" + "a" * 64,
    generated_at="2026-11-02T10:11:12Z",
    commit="3f2a" * 10,
    evidence="git-ai",
)
RECORD = Record("ai", GENERATION.id, 1.0, "0123456789abcdef")
MANIFEST = Manifest({GENERATION.id: GENERATION}, {"src/shop/pricing.py": {"Cart.total": RECORD}})

texts = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=40)
keys = texts.filter(lambda text: not set(text) & {'"', "\\"})
paths = st.lists(keys.filter(lambda t: "/" not in t and t not in {".", ".."}), min_size=1, max_size=4).map("/".join)
paths = paths.filter(lambda path: path[1:2] != ":")
generations = st.builds(
    Generation,
    model=st.none() | texts,
    models=st.lists(texts, max_size=3).map(tuple),
    tool=st.none() | texts,
    prompt_hash=st.none() | texts,
    generated_at=st.none() | texts,
    commit=st.none() | texts,
    evidence=st.none() | texts,
    raw_model=st.none() | texts,
)
records = st.builds(
    Record,
    contributor=st.sampled_from(["ai", "mixed", "human", "unknown"]),
    generation=st.none() | texts,
    ai_lines=st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000),
    code_hash=st.none() | texts,
    other_generations=st.lists(texts, max_size=3).map(tuple),
)
manifests = st.builds(
    Manifest,
    st.lists(generations, max_size=4).map(lambda found: {g.id: g for g in found}),
    st.dictionaries(paths, st.dictionaries(keys, records, min_size=1, max_size=4), max_size=4),
    digest=st.just(""),
)


def everything(data: bytes) -> tuple[object, ...]:
    document = read(data)
    return document.version, document.generations, {path: document.functions(path) for path in document.files}


@given(manifests)
def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    data = dumps(manifest)

    assert manifest.generations == load(data).generations
    assert manifest.files == load(data).files
    assert data == dumps(load(data))


def test_a_manifest_of_nothing_needs_no_yaml_reader() -> None:
    quick = read_written_form(dumps(Manifest({}, {})).decode(), "")

    assert quick is not None
    assert ({}, {}) == (quick.generations, quick.files)


@given(manifests)
def test_the_written_form_is_yaml_that_fits_the_schema(manifest: Manifest) -> None:
    jsonschema.validate(yaml.safe_load(dumps(manifest)), SCHEMA)


@given(manifests, st.randoms(use_true_random=False))
def test_both_readers_agree_on_whatever_the_quick_one_takes(manifest: Manifest, rng: random.Random) -> None:
    text = mutated(dumps(manifest).decode(), rng)
    quick = read_written_form(text, "")
    if quick is None:
        return
    slow = read_any_yaml(text, "", name="m")

    assert slow.generations == quick.generations
    assert {p: slow.functions(p) for p in slow.files} == {p: quick.functions(p) for p in quick.files}


def mutated(text: str, rng: random.Random) -> str:
    """The text with a few lines or characters repeated, dropped, swapped or replaced."""
    pieces = "\"{}[]:,\n  \\ \t\r#\x7f\x85\u2028\ufeff-1e5nulltrue'&*!|>%@`"
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(pieces) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + 1 :]
        else:
            lines = text.splitlines(keepends=True)
            line = lines[rng.randrange(len(lines))]
            lines.insert(rng.randrange(len(lines) + 1), line if kind == 2 else line.replace('": {', '": 5, "x": {'))
            text = "".join(lines)
    return text


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example("aiprov: 1\ngenerations:\nfiles:\n")
@example('aiprov: 1\ngenerations:\nfiles:\n  "a":\n    "c": 5, "c": {}\n')
@example('aiprov: 1\ngenerations:\nfiles:\n  "a":\n    "a": {"k": "v}\n    ", "z": 1}\n')
@example("aiprov: 1\nfiles: &a [*a]\n")
@example("aiprov: !!python/object/apply:os.system ['true']\n")
@example("aiprov: 1\nfiles: {" * 1000)
@example('aiprov: 1\ngenerations:\n  "g": {"model": NaN}\nfiles:\n')
@example("aiprov: 1\n" + "[" * 5000)
def test_any_text_is_a_manifest_or_a_manifest_error(text: str) -> None:
    try:
        load(text.encode("utf-8", "surrogatepass"))
    except ManifestError as error:
        shown = str(error)
    else:
        shown = ""

    assert "\n" not in shown


@given(manifests, st.sampled_from([{}, {"default_flow_style": False}, {"default_flow_style": True}, {"width": 20}]))
def test_a_file_reformatted_by_a_yaml_tool_loads_the_same(manifest: Manifest, style: dict[str, object]) -> None:
    data = dumps(manifest)
    reformatted = yaml.safe_dump(yaml.safe_load(data), allow_unicode=True, **style).encode()

    assert everything(data)[1:] == everything(reformatted)[1:]


@given(manifests, manifests)
def test_two_branches_merged_line_by_line_read_as_their_union(one: Manifest, other: Manifest) -> None:
    a, b = dumps(one).decode(), dumps(other).decode()
    union = a + b.removeprefix("# AI provenance. Written by `aiprov`; review it like code.\n")
    merged = merge(one, other)

    assert merged.files == load(union.encode()).files
    assert merged.generations == load(union.encode()).generations


def test_a_function_recorded_differently_by_two_branches_names_both_and_picks_none() -> None:
    other = Generation(model="openai/gpt-5.2", tool="codex")
    theirs = Manifest(
        {other.id: other}, {"src/shop/pricing.py": {"Cart.total": Record("ai", other.id, 0.97, "f" * 16)}}
    )

    merged = merge(MANIFEST, theirs).files["src/shop/pricing.py"]["Cart.total"]

    assert Record("ai", None, 0.97, None, tuple(sorted([GENERATION.id, other.id]))) == merged
    assert merged == merge(theirs, MANIFEST).files["src/shop/pricing.py"]["Cart.total"]


def test_a_windows_checkout_has_the_digest_of_the_committed_file() -> None:
    data = dumps(MANIFEST)

    assert load(data).digest == load(data.replace(b"\n", b"\r\n")).digest


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"contributor": "ai"', '"contributor": "robot"', "m:7: Cart.total: contributor must be one of"),
        ('"ai_lines": 1.0', '"ai_lines": "all"', "m:7: Cart.total: ai_lines must be a number"),
        ('"ai_lines": 1.0', '"ai_lines": true', "m:7: Cart.total: ai_lines must be a number"),
        ('"tool": "claude-code"', '"tool": 5', "tool must be null or a text"),
        ('"tool": "claude-code"', '"tool": "' + "x" * 10_000 + '"', "tool must be null or a text of 1 to 250"),
        ('"tool": "claude-code"', '"tool": "a\u202eb"', "printable"),
        ('"src/shop/pricing.py":', '"../pricing.py":', "m:6: ../pricing.py: a path must be relative"),
        ('"src/shop/pricing.py":', '"/etc/passwd":', "a path must be relative"),
        ('"src/shop/pricing.py":', '"C:/x.py":', "a path must be relative"),
        ("aiprov: 1\n", "aiprov: 2\n", "version 2 is newer than this aiprov reads; upgrade aiprov"),
        ("aiprov: 1\n", "", "no `aiprov: 1` line"),
        ('    "Cart.total"', '   "Cart.total"x', "mend"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_mend(old: str, new: str, complaint: str) -> None:
    text = dumps(MANIFEST).decode()
    assert old in text

    with pytest.raises(ManifestError) as caught:
        load(text.replace(old, new).encode(), name="m")

    assert complaint in str(caught.value)
    assert str(caught.value).startswith("m:")


def test_keys_that_yaml_cannot_hold_are_not_written() -> None:
    for key in ("x" * (MAX_KEY + 1), 'a"b', "a\\b", "a\nb", "\ud800", ""):
        with pytest.raises(ManifestError, match="cannot be a key"):
            dumps(Manifest({}, {"a.py": {key: RECORD}}))


def test_unknown_keys_of_a_later_minor_version_are_ignored() -> None:
    data = dumps(MANIFEST).replace(b'"ai_lines"', b'"reviewed": "yes", "ai_lines"')

    assert MANIFEST.files == load(data).files


def test_a_million_functions_load_in_bounded_time_and_memory() -> None:
    leaf = '{"ai_lines": 1.0, "code_hash": "0123456789abcdef", "contributor": "ai", "generation": "g"}'
    functions = "".join(f'    "f{n}": {leaf}\n' for n in range(500))
    files = "".join(f'  "src/m{n}.py":\n{functions}' for n in range(2000))
    data = f"aiprov: 1\ngenerations:\nfiles:\n{files}".encode()
    tracemalloc.start()
    started = time.process_time()
    document = read(data)
    seconds = time.process_time() - started
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(document.functions("src/m7.py")) == 500
    assert held < 200 * 1_000_000
    assert seconds < 60


def test_a_hash_that_looks_like_a_number_stays_text_when_a_tool_leaves_it_plain() -> None:
    plain = "aiprov: 1\nfiles:\n  a.py:\n    12e4567:\n      contributor: ai\n      code_hash: 12e4567890123456\n"

    assert {"a.py": {"12e4567": Record("ai", code_hash="12e4567890123456")}} == load(plain.encode()).files


def test_exploding_aliases_are_refused_at_once() -> None:
    bomb = "aiprov: 1\na: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a]\n" for n in range(50))

    with pytest.raises(ManifestError, match="anchors and aliases"):
        load(bomb.encode())


def test_a_generation_id_is_a_hash_of_its_content() -> None:
    assert GENERATION.id == Generation(**GENERATION._asdict()).id
    assert GENERATION.id != GENERATION._replace(tool="codex").id
