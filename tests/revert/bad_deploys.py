"""Bad deployments made out of real files: a good version, a bad one, and the functions that must come back."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass

from aiprov.revert._source import Source
from aiprov.revert._splice import Module
from aiprov_runtime._functions import FunctionNode, definitions

KINDS = ("stub", "constant", "rename", "signature", "prepend", "dependency")


@dataclass(frozen=True, slots=True)
class Deploy:
    good: bytes
    bad: bytes
    functions: tuple[tuple[str, str], ...]
    """Each broken function and how it was broken."""


def deploy(data: bytes, rng: random.Random) -> Deploy | None:
    """Break one to three functions of a file and edit other lines; None where the file has none to break."""
    module = Module.read(Source.decode(data), what="the file")
    candidates = [(d.qualname, d.node) for d in definitions(module.tree) if isinstance(d.node, ast.FunctionDef)]
    counts = {q: sum(q == other for other, _ in candidates) for q, _ in candidates}
    single = [(q, n) for q, n in candidates if counts[q] == 1 and n.body[0].lineno > n.lineno]
    rng.shuffle(single)
    lines, broken, dead = list(module.lines), list[tuple[str, str]](), list[tuple[int, int]]()
    edits: list[tuple[int, int, list[str]]] = []
    for qualname, node in single:
        start, end = module.span(node)
        if len(broken) == 3 or any(a < end and start < b for a, b, _ in edits):
            continue
        kind = KINDS[rng.randrange(len(KINDS))]
        text = _broken(module, node, kind, rng)
        if text is None:
            continue
        if kind == "dependency":
            dead += _used_only_in(module, node)
        edits.append((start, end, text))
        broken.append((qualname, kind))
    if not broken:
        return None
    spans = [(a, b) for a, b, _ in edits]
    edits += [(a, b, []) for a, b in set(dead) if not any(x < b and a < y for x, y in spans)]
    for _ in range(3):
        statement = rng.choice(module.tree.body)
        at = module.span(statement)[0]
        if at > 1 and not any(a <= at <= b for a, b, _ in edits) and not isinstance(statement, ast.ImportFrom):
            edits.append((at, at, [f"# unrelated {rng.randrange(1000)}\n"]))
    for start, end, text in sorted(edits, key=lambda e: -e[0]):
        lines[start:end] = text
    lines.append("\n\ndef _later_addition():\n    return 'later'\n")
    bad = "".join(lines)
    try:
        ast.parse(bad)
    except SyntaxError:
        return None
    return Deploy(data, bad.encode(module.source.encoding), tuple(broken))


def _broken(module: Module, node: FunctionNode, kind: str, rng: random.Random) -> list[str] | None:
    start, end = module.span(node)
    head = list(module.lines[start : node.body[0].lineno - 1])
    body = list(module.lines[node.body[0].lineno - 1 : end])
    if not body or not body[-1].endswith("\n"):
        return None
    indent = body[0][: len(body[0]) - len(body[0].lstrip())]
    if kind == "prepend":
        return [*head, f"{indent}bad_deploy = 1 + 1\n", *body]
    if kind == "constant":
        numbers = [re.sub(r"(?<![\w.])\d+(?![\w.])", str(rng.randrange(2, 99)), line) for line in body]
        return [*head, *numbers, f"{indent}bad_deploy = 0\n"]
    if kind == "rename":
        names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)] or ["self"]
        name = re.escape(rng.choice(names))
        return [
            *head,
            f"{indent}bad_deploy = 2\n",
            *(re.sub(rf"(?<![\w.'\"]){name}\b", "worse", line) for line in body),
        ]
    if kind == "signature":
        first = next(i for i, line in enumerate(head) if line.lstrip().startswith("def "))
        head = [*head[:first], re.sub(r"def (\w+)\b.*", r"def \1(*bad_deploy):", head[first].rstrip()) + "\n"]
    return [*head, f"{indent}raise RuntimeError('bad deploy')\n"]


def _used_only_in(module: Module, node: FunctionNode) -> list[tuple[int, int]]:
    """Lines of top-level imports, constants and helpers whose name only this function uses."""
    everywhere = _names(module.tree)
    here = _names(node)
    spans = []
    for statement in module.tree.body:
        match statement:
            case ast.Import(names=[ast.alias(name, asname)]) if "." not in name:
                bound = asname or name
            case ast.ImportFrom(names=[ast.alias(name, asname)], module=origin) if origin != "__future__":
                bound = asname or name
            case ast.Assign(targets=[ast.Name(bound)]) | ast.FunctionDef(name=bound):
                pass
            case _:
                continue
        text = module.source.text
        quoted = re.search(rf"['\"]{re.escape(bound)}['\"]", text)
        if here.get(bound) and here[bound] == everywhere.get(bound) and statement is not node and not quoted:
            spans.append(module.span(statement))
    return spans


def _names(tree: ast.AST) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            counts[node.id] = counts.get(node.id, 0) + 1
    return counts
