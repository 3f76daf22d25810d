"""One version of a Python file: who owns each line, which lines carry logic, and where a formatter moved them to."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator

from aiprov_runtime._functions import MODULE, Definition, code_hash, definitions, parse

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Where statements hold statements.
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
# What these hold, formatters and versions of Python arrange differently.
_OPAQUE = (*_FUNCTIONS, ast.JoinedStr, ast.Delete)


class Code:
    """Raises SyntaxError where the source is no Python."""

    def __init__(self, source: bytes) -> None:
        tree = parse(source)
        self.functions: dict[str, list[Definition]] = {}
        lines = source.split(b"\n")
        self._owners = [MODULE] * (len(lines) + 1)
        self._counts = [False, *(bool(text) and text[:1] != b"#" for text in map(bytes.strip, lines))]
        for definition in definitions(tree):
            self.functions.setdefault(definition.qualname, []).append(definition)
            if definition.qualname != MODULE:
                end = min(definition.end, len(lines))
                self._owners[definition.start : end + 1] = [definition.qualname] * (end + 1 - definition.start)
        for text in _texts(tree):
            for line in range(text.lineno, min(text.end_lineno or 0, len(lines)) + 1):
                self._counts[line] = False
        self._bodies: dict[str, str] = {}

    def owner(self, line: int) -> str | None:
        return self._owners[line] if 0 < line < len(self._owners) else None

    def counted(self) -> Iterator[tuple[int, str]]:
        """Lines that hold logic, with their function: none that is blank, a comment or a docstring."""
        for line, counts in enumerate(self._counts):
            if counts:
                yield line, self._owners[line]

    def code_hash(self, qualname: str) -> str:
        return code_hash([definition.node for definition in self.functions[qualname]])

    def code_hash_as(self, qualname: str, name: str) -> str:
        """What the hash would be under another name of its own."""
        return code_hash([_named(definition.node, name) for definition in self.functions[qualname]])

    def body_hash(self, qualname: str) -> str:
        """The hash without the function's own name, so a renamed function keeps it."""
        if qualname not in self._bodies:
            self._bodies[qualname] = self.code_hash_as(qualname, "_")
        return self._bodies[qualname]

    def counterparts(self, qualname: str, other: Code, *, name: str) -> dict[int, int]:
        """For each line of a function its line in another version of the same logic; best guess between statements."""
        found: dict[int, int] = {}
        for mine, theirs in zip(self.functions[qualname], other.functions[name], strict=False):
            for here, there in zip(_lines(mine.node), _lines(theirs.node), strict=False):
                found.setdefault(here, there)
            last = theirs.start
            for line in range(mine.start, mine.end + 1):
                last = found.setdefault(line, last)
        return found


def _named(node: ast.AST, name: str) -> ast.AST:
    if isinstance(node, _FUNCTIONS):
        node = copy.copy(node)
        node.name = name
    return node


def _is_text(node: ast.AST) -> bool:
    """A docstring, or a text that stands as a statement: no hash looks at either."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _texts(tree: ast.Module) -> Iterator[ast.Expr]:
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Expr):
            if _is_text(node):
                yield node
            continue
        for name in _BODIES:
            pending += getattr(node, name, ())


def _lines(root: ast.AST) -> Iterator[int]:
    """The lines of a function's nodes, in an order that two versions of the same logic share."""
    pending: list[ast.AST] = [root]
    while pending:
        node = pending.pop()
        line = getattr(node, "lineno", None)
        if line is not None:
            yield line
        if node is root or not isinstance(node, _OPAQUE):
            pending += reversed([child for child in ast.iter_child_nodes(node) if not _is_text(child)])


_COMMENT = re.compile(rb"^[ \t]*#.*$|#[^\n\"']*$", re.MULTILINE)
_TRIPLE = re.compile(rb"(\"\"\"|''')(?s:.*?)\1")
_DEF = re.compile(rb"\bdef[ \t]+\w+")
# Texts that stand side by side may be joined, and then one prefix goes.
_PREFIX = re.compile(rb"\b[rbfuRBFU]{1,2}(?=[\"'])")
# `1.` and `1.0`, `.5` and `0.5` are one number to a formatter.
_NOISE = b" \t\r\f\"'`,()\\;.0"
DEF = b"def\x00"


def bare(lines: bytes) -> bytes:
    """The essence of lines whose surroundings are not known."""
    return _stripped(_COMMENT.sub(b"", lines))


def _stripped(text: bytes) -> bytes:
    return _DEF.sub(DEF, _PREFIX.sub(b"", text)).translate(None, _NOISE).lower()


class Essence:
    """A file's text without what a formatter may change: a quick test that needs no parser.

    Code whose logic a commit left alone has the same essence before and after; the reverse need not hold.
    """

    __slots__ = ("lines", "text")

    def __init__(self, source: bytes) -> None:
        text = _COMMENT.sub(b"", source)
        text = _TRIPLE.sub(lambda found: b"\n" * found[0].count(b"\n"), text)
        text = _stripped(text)
        self.lines = text.split(b"\n")
        self.text = text.replace(b"\n", b"")

    def around(self, first: int, last: int) -> bytes:
        """Lines `first` to `last` with up to three before them, and what must follow, in the same function."""
        start = first - 1
        taken = 0
        while start > 0 and taken < 3 and DEF not in self.lines[start][:16]:  # noqa: PLR2004  # lines of context
            above = self.lines[start - 1]
            if above.startswith((b"class", b"@")) or self.lines[start].startswith(b"@"):
                break
            start -= 1
            taken += bool(above)
        while self.lines[last - 1].endswith(b":") and last < len(self.lines):
            last += 1  # what a colon opens goes on below it
            while not self.lines[last - 1] and last < len(self.lines):
                last += 1
        return b"".join(self.lines[start:last])
