"""The manifest `.aiprov/manifest.yaml`: its types, its reader and its writer.

    aiprov: 1
    generations:
      "<id>": {"model": …, "tool": …, "prompt_hash": …, "generated_at": …, "commit": …, "evidence": …}
    files:
      "<path>":
        "<qualname>": {"ai_lines": 1.0, "code_hash": …, "contributor": "ai", "generation": "<id>"}

Every leaf is one line of JSON, so the written form is read with `json`; any other YAML goes through `_manifest_yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

MANIFEST_PATH = ".aiprov/manifest.yaml"
VERSION = 1
CONTRIBUTORS = frozenset({"ai", "mixed", "human", "unknown"})
MAX_BYTES = 256 * 1024 * 1024
MAX_REFORMATTED_BYTES = 32 * 1024 * 1024
MAX_KEY = 1000
MAX_TEXT = 250
_HEADER = "# AI provenance. Written by `aiprov`; review it like code.\n"

_START = re.compile(r"(?:#[^\n]*\n)*aiprov: ([0-9]{1,9})\ngenerations:\n")
_GENERATION = re.compile(r'^  ("[^"\\\n]{1,1000}"): (\{[^\n]*\})$', re.MULTILINE)
_PATH = re.compile(r'[^"\\\n]{1,1000}')
_FUNCTIONS = re.compile(r'(?:    "[^"\\\n]{1,1000}": \{[^{}\\\n]*\}\n)*+')
# JSON takes these inside a string as they are; YAML folds, refuses or splits there. Slow to compile: left to first use.
_YAML_DIFFERS = "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]")

Leaf = dict[str, object]


class ManifestError(ValueError):
    """The text names the file, the line where it is known, and what to do."""


class Generation(NamedTuple):
    """One act of a model writing code; nothing here names a person or holds a prompt."""

    model: str | None = None
    """`provider/model`, None where the record names none or several."""
    models: tuple[str, ...] = ()
    """All of them, where one record names several."""
    tool: str | None = None
    prompt_hash: str | None = None
    generated_at: str | None = None
    commit: str | None = None
    evidence: str | None = None
    raw_model: str | None = None
    """The record's own words, where normalising changed them."""

    @property
    def id(self) -> str:
        """16 hex digits over the content, so two branches that record the same thing agree."""
        return _sha256(_leaf(self.as_leaf()).encode())[:16]

    def as_leaf(self) -> Leaf:
        leaf: Leaf = self._asdict()
        leaf["models"] = list(self.models)
        always = ("model", "prompt_hash")
        return {k: v for k, v in leaf.items() if v not in (None, []) or k in always}

    @classmethod
    def from_leaf(cls, leaf: Mapping[str, object]) -> Generation:
        """Unknown keys are ignored; ValueError names a key whose value is unfit."""
        texts = {name: _text(leaf, name) for name in cls._fields if name != "models"}
        return cls(models=_texts(leaf, "models"), **texts)


class Record(NamedTuple):
    """What is known of one function: who wrote it, and which code that was."""

    contributor: str
    generation: str | None = None
    ai_lines: float | None = None
    """Share of lines written by a model, 0 to 1."""
    code_hash: str | None = None
    other_generations: tuple[str, ...] = ()
    """Further generations that wrote part of it; with no `generation`, none of them is known to have written most."""

    def as_leaf(self) -> Leaf:
        leaf: Leaf = self._asdict()
        leaf["other_generations"] = list(self.other_generations)
        if self.ai_lines is not None:
            leaf["ai_lines"] = round(self.ai_lines, 4)  # never an exponent, which older YAML takes for text
        return {k: v for k, v in leaf.items() if v not in (None, [])}

    @classmethod
    def from_leaf(cls, leaf: Mapping[str, object]) -> Record:
        """Unknown keys are ignored; ValueError names a key whose value is unfit."""
        contributor = leaf.get("contributor")
        if contributor not in CONTRIBUTORS:
            raise ValueError(f"contributor must be one of {', '.join(sorted(CONTRIBUTORS))}")
        share = leaf.get("ai_lines")
        if share is not None and not (type(share) in (int, float) and 0 <= share <= 1):  # type: ignore[operator]
            raise ValueError("ai_lines must be a number from 0 to 1")
        return cls(
            contributor=str(contributor),
            generation=_text(leaf, "generation"),
            ai_lines=None if share is None else float(share),  # type: ignore[arg-type]
            code_hash=_text(leaf, "code_hash"),
            other_generations=_texts(leaf, "other_generations"),
        )


def _text(leaf: Mapping[str, object], key: str) -> str | None:
    value = leaf.get(key)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_TEXT and not _CONTROL.search(value)):
        raise ValueError(f"{key} must be null or a text of 1 to {MAX_TEXT} printable characters")
    return value


def _texts(leaf: Mapping[str, object], key: str) -> tuple[str, ...]:
    values = leaf.get(key) or []
    if not isinstance(values, list) or len(values) > MAX_TEXT:
        raise ValueError(f"{key} must be a list of texts")
    return tuple(text for value in values if (text := _text({key: value}, key)) is not None)


class Manifest(NamedTuple):
    generations: dict[str, Generation]
    files: dict[str, dict[str, Record]]
    digest: str = ""
    """SHA-256 of the file's bytes, in hex; empty for one that was never read."""


class Document(NamedTuple):
    """A manifest's text taken apart; a file's functions stay text until somebody asks for them."""

    digest: str
    version: int
    generations: dict[str, Leaf]
    files: dict[str, str | dict[str, Leaf]]

    def functions(self, path: str) -> dict[str, Leaf]:
        found = self.files.get(path, {})
        return _functions(found) if isinstance(found, str) else found


def load(data: bytes, *, name: str = MANIFEST_PATH) -> Manifest:
    """Read a whole manifest and check every value of it."""
    document = read(data, name=name)
    if document.version != VERSION:
        raise ManifestError(f"{name}: version {document.version} is newer than this aiprov reads; upgrade aiprov")
    generations: dict[str, Generation] = {}
    files: dict[str, dict[str, Record]] = {}
    key, owner = "", None
    try:
        for key, leaf in document.generations.items():
            generations[key] = Generation.from_leaf(leaf)
        for owner in document.files:  # the error below names it
            key = ""
            check_path(owner)
            files[owner] = functions = {}
            for key, leaf in document.functions(owner).items():
                functions[key] = Record.from_leaf(leaf)
    except ValueError as error:
        line = _line_of(data, key, owner)
        where = f"{name}:{line}: {key or owner}"
        raise ManifestError(f"{where}: {error}; mend the line or restore the file from git") from None
    return Manifest(generations, files, document.digest)


def check_path(path: str) -> None:
    """ValueError unless it is a relative path with `/` that stays below the root."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or ".." in parts or "" in parts or "." in parts or path[1:2] == ":":
        raise ValueError("a path must be relative to the repository's root, with / and without ..")
    if _CONTROL.search(path):
        raise ValueError("a path must not hold control characters")


def read(data: bytes, *, name: str = MANIFEST_PATH) -> Document:
    """Take a manifest apart; ManifestError for anything that is not one."""
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{name}: {len(data) >> 20} MiB; at most {MAX_BYTES >> 20} MiB are read")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    digest = _sha256(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{name}: not UTF-8 at byte {error.start}; restore the file from git") from None
    document = read_written_form(text, digest)
    if document is None:
        if len(data) > MAX_REFORMATTED_BYTES:
            limit = f"{MAX_REFORMATTED_BYTES >> 20} MiB"
            unfit = f"over {limit} and not in the form that aiprov writes"
            raise ManifestError(f"{name}: {unfit}; restore the file from git")
        from aiprov_runtime import _manifest_yaml

        document = _manifest_yaml.read_any_yaml(text, digest, name=name)
    return document


def read_written_form(text: str, digest: str) -> Document | None:
    """The quick way: None unless the text is line by line in the written form, where JSON and YAML agree."""
    head, found, body = text.partition("\nfiles:\n")
    start = _START.match(head + "\n")
    if not found or start is None or _yaml_differs(text):
        return None
    try:
        generations = _read_generations((head + "\n")[start.end() :])
        files = _read_files(body)
    except (ValueError, RecursionError):
        return None
    return Document(digest, int(start[1]), generations, files)


def _yaml_differs(text: str) -> bool:
    if _SURROGATE_ESCAPE.search(text):
        return True
    if text.isascii():  # the quick test for the common case: JSON itself refuses the other control characters
        return "\x7f" in text or "\t" in text or "\r" in text
    return re.search(_YAML_DIFFERS, text) is not None


def _plain_float(text: str) -> float:
    if "e" in text or "E" in text:
        raise ValueError("a number that YAML versions read differently")
    return float(text)


def _strict_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


@cache
def _decoder() -> Callable[[str], Any]:
    import json

    return json.JSONDecoder(parse_constant=_strict_constant, parse_float=_plain_float).decode


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _read_generations(text: str) -> dict[str, Leaf]:
    generations: dict[str, Leaf] = {}
    matches = _GENERATION.findall(text)
    if len(matches) != text.count("\n"):
        raise ValueError("a line is not in the written form")
    for key, raw in matches:
        leaf = _decoder()(raw)
        if any(len(k) > MAX_KEY for k in leaf):
            raise ValueError("a key too long for YAML")
        combine(generations, key[1:-1], leaf, same_generation)
    return generations


def _read_files(text: str) -> dict[str, str | dict[str, Leaf]]:
    before, *parts = f"\n{text}".split('\n  "')
    if text and before:
        raise ValueError("a line before the first path")
    texts: dict[str, str] = {}
    for part in parts:
        path, found, block = part.partition('":\n')
        block = block if block.endswith("\n") or not block else block + "\n"
        if not found or not _PATH.fullmatch(path) or not _FUNCTIONS.fullmatch(block):
            raise ValueError("a line is not in the written form")
        texts[path] = texts.get(path, "") + block
    for block in texts.values():
        _functions(block)
    return dict(texts)


def _functions(block: str) -> dict[str, Leaf]:
    """The functions of one path, from lines that were checked to hold one flat object each."""
    lines = block.count("\n")
    # A raw line break inside a string is an error to JSON, so each of these ends a function.
    source = "{" + block.replace('}\n    "', '},\n"') + "}"
    found: dict[str, Leaf] = _decoder()(source)
    if len(found) == lines:
        return found
    repeated: dict[str, Leaf] = {}
    for line in block.splitlines():
        ((key, leaf),) = _decoder()("{" + line + "}").items()
        combine(repeated, key, leaf, same_function)
    return repeated


def combine(into: dict[str, Leaf], key: str, leaf: Leaf, rule: Callable[[Leaf, Leaf], Leaf]) -> None:
    """Add a leaf; a key that stands twice, as after a union merge, is settled by `rule`."""
    held = into.get(key)
    into[key] = leaf if held is None or held == leaf else rule(held, leaf)


def same_generation(_one: Leaf, _other: Leaf) -> Leaf:
    raise ValueError("one generation stands twice with different content")


def same_function(one: Leaf, other: Leaf) -> Leaf:
    """Two branches recorded one function differently: keep both generations and claim no hash that they disagree on."""
    try:
        a, b = Record.from_leaf(one), Record.from_leaf(other)
    except ValueError:
        return other
    return merge_records(a, b).as_leaf()


def merge_records(a: Record, b: Record) -> Record:
    """What both say; where they differ, all generations without a pick. The order of the two does not matter."""
    if a == b:
        return a
    generations = {g for r in (a, b) for g in (r.generation, *r.other_generations) if g}
    kept = a.generation if a.generation == b.generation else None
    shares = [r.ai_lines for r in (a, b) if r.ai_lines is not None]
    return Record(
        contributor=a.contributor if a.contributor == b.contributor else "mixed" if generations else "unknown",
        generation=kept,
        ai_lines=min(shares, default=None),
        code_hash=a.code_hash if a.code_hash == b.code_hash else None,
        other_generations=tuple(sorted(generations - {kept})),
    )


def merge(one: Manifest, other: Manifest) -> Manifest:
    """The union of two manifests."""
    files = {path: dict(functions) for path, functions in one.files.items()}
    for path, functions in other.files.items():
        into = files.setdefault(path, {})
        for qualname, record in functions.items():
            into[qualname] = merge_records(into[qualname], record) if qualname in into else record
    return Manifest({**one.generations, **other.generations}, files)


def dumps(manifest: Manifest) -> bytes:
    """The file's bytes: sorted, one leaf a line; ManifestError for what no reader would take back."""
    try:
        return "".join(_lines(manifest)).encode()
    except ValueError as error:
        raise ManifestError(f"cannot be written: {error}") from None


def _lines(manifest: Manifest) -> Iterator[str]:
    yield from (_HEADER, f"aiprov: {VERSION}\n", "generations:\n")
    for key, generation in sorted(manifest.generations.items()):
        Generation.from_leaf(generation.as_leaf())
        yield f"  {_key(key)}: {_leaf(generation.as_leaf())}\n"
    yield "files:\n"
    for path, functions in sorted(manifest.files.items()):
        check_path(path)
        if functions:
            yield f"  {_key(path)}:\n"
        for qualname, record in sorted(functions.items()):
            Record.from_leaf(record.as_leaf())
            yield f"    {_key(qualname)}: {_leaf(record.as_leaf())}\n"


def _key(key: str) -> str:
    if not 0 < len(key) <= MAX_KEY or _CONTROL.search(key) or "\\" in key or '"' in key or not _encodes(key):
        raise ManifestError(
            f"{key[:60]!r} cannot be a key in the manifest: use printable text of 1 to {MAX_KEY} characters"
        )
    return f'"{key}"'


def _encodes(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _leaf(leaf: Leaf) -> str:
    """One line of JSON that YAML reads alike: what YAML calls unprintable is escaped, nothing else."""
    import json

    text = json.dumps(leaf, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text if text.isascii() else re.sub(_YAML_DIFFERS, lambda found: f"\\u{ord(found[0]):04x}", text)


def _line_of(data: bytes, key: str, owner: str | None) -> int:
    """The line where a key stands, 1 where it cannot be told; for messages only."""
    lines: Iterable[str] = data.decode("utf-8", "replace").splitlines()
    inside = owner is None
    for number, line in enumerate(lines, 1):
        stripped = line.strip().removeprefix('"')
        inside = inside or (owner is not None and stripped.startswith(owner))
        if inside and stripped.startswith(key):
            return number
    return 1
