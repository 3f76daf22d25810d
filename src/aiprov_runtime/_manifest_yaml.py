"""The slow reader, for a manifest that a person or a YAML tool re-formatted; needs PyYAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aiprov_runtime._manifest import (
    MAX_KEY,
    Document,
    Leaf,
    ManifestError,
    combine,
    same_function,
    same_generation,
)

# Without exponents: a hash such as 12e4567 is text to YAML 1.1 and a number to 1.2, and a tool may have left it plain.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")
_CONSTANTS: dict[str, object] = {"": None, "null": None, "~": None, "true": True, "false": False}
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
Pairs = list[tuple[str, Any]]
_MAX_DEPTH = 6


class _UnfitError(ValueError):
    """What is wrong, and the line it is wrong on."""

    def __init__(self, text: str, event: Any) -> None:
        super().__init__(text)
        self.line = event.start_mark.line + 1


def read_any_yaml(text: str, digest: str, *, name: str) -> Document:
    """The same Document as the quick reader gives for the same content."""
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        raise ManifestError(
            f"{name}:{line}: a merge conflict: keep the lines of both sides, delete the markers, run `aiprov scan`"
        )
    try:
        import yaml
    except ImportError:
        raise ManifestError(
            f"{name}: not in the form that aiprov writes, and PyYAML, which reads any form, is not installed; "
            "install PyYAML or restore the file from git"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        events = yaml.parse(text, Loader=loader)
        root = _document(iter(events))
        return _as_document(root, digest)
    except _UnfitError as error:
        raise ManifestError(f"{name}:{error.line}: {error}; mend the line or restore the file from git") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ManifestError(f"{name}:{line}: {error.problem}; mend the line or restore the file from git") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ManifestError(f"{name}: {reason}; mend the file or restore it from git") from None


def _document(events: Iterator[Any]) -> Any:
    import yaml

    root: Any = None
    for event in events:
        if isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
            continue
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise _UnfitError("more than one document", event)
            root = _value(next(events), events, 0)
    return root


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    """Mappings as lists of pairs, so that repeated keys can be seen; aliases and tags are refused."""
    import yaml

    _check_plain(event)
    if depth > _MAX_DEPTH:
        raise _UnfitError("nested too deeply", event)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(following := next(events), yaml.SequenceEndEvent):
            items.append(_value(following, events, depth + 1))
        return items
    pairs: Pairs = []
    while not isinstance(following := next(events), yaml.MappingEndEvent):
        _check_plain(following)
        key = following.value if isinstance(following, yaml.ScalarEvent) else None
        if key is None or len(key) > MAX_KEY:
            raise _UnfitError(f"a key must be a text of at most {MAX_KEY} characters", following)
        pairs.append((key, _value(next(events), events, depth + 1)))
    return _Mapping(pairs)


def _check_plain(event: Any) -> None:
    if getattr(event, "anchor", None) is not None:  # what an alias carries too
        raise _UnfitError("anchors and aliases have no place in a manifest", event)
    if event.tag not in (None, "!"):
        raise _UnfitError("tags have no place in a manifest", event)


class _Mapping:
    """A mapping as it stands in the text."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def _scalar(event: Any) -> object:
    """As YAML 1.2 reads it, which is how JSON does."""
    text: str = event.value
    if event.style:  # quoted or a block: text whatever it looks like
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[1] else int(text)


def _as_document(root: Any, digest: str) -> Document:
    if not isinstance(root, _Mapping):
        raise ValueError("not a manifest: the first line should read `aiprov: 1`")
    sections: dict[str, Any] = {"generations": [], "files": []}
    version: object = None
    for key, value in root.pairs:
        if key == "aiprov":
            if version not in (None, value):
                raise ValueError("two different versions in one file")
            version = value
        elif key in sections:
            sections[key] += _pairs(value, key)
    if type(version) is not int:
        raise ValueError("no `aiprov: 1` line that says which version this is")
    generations: dict[str, Leaf] = {}
    for key, leaf in sections["generations"]:
        combine(generations, key, _plain(leaf, key), same_generation)
    files: dict[str, str | dict[str, Leaf]] = {}
    for path, functions in sections["files"]:
        into = files.setdefault(path, {})
        assert isinstance(into, dict)
        for qualname, leaf in _pairs(functions, path):
            combine(into, qualname, _plain(leaf, qualname), same_function)
    return Document(digest, version, generations, files)


def _pairs(value: Any, key: str) -> Pairs:
    if value is None:
        return []
    if not isinstance(value, _Mapping):
        raise ValueError(f"{key[:60]}: should hold names and their records")
    return value.pairs


def _plain(value: Any, key: str) -> Leaf:
    leaf = _unpack(value)
    if not isinstance(leaf, dict):
        raise ValueError(f"{key[:60]}: should be a record in braces")
    return leaf


def _unpack(value: Any) -> Any:
    if isinstance(value, _Mapping):
        return {k: _unpack(v) for k, v in value.pairs}
    return [_unpack(v) for v in value] if isinstance(value, list) else value
