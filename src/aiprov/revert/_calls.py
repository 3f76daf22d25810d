"""Calls inside a restored body that today's functions would answer with a TypeError or an AttributeError."""

from __future__ import annotations

import ast
from typing import TypeGuard

from aiprov.revert._closure import Restored
from aiprov.revert._names import accepts, bindings
from aiprov.revert._source import Refusal
from aiprov.revert._splice import Module
from aiprov_runtime._functions import FunctionNode

_PLAIN = frozenset({"staticmethod", "classmethod"})


def check_calls(result: Module, restored: Restored, *, path: str) -> list[str]:
    """Warnings; Refusal for a call that fitted a function of this file then and does not fit it today."""
    warnings: list[str] = []
    for node in restored.then.nodes(restored.then_qualname):
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and (found := _callee(call, node, restored)):
                then_name, today_name, bound = found
                _check(call, _only(restored.then, then_name), _only(result, today_name), f"{path}::{today_name}", bound)
        warnings += _lost_attributes(result, restored, node)
    return list(dict.fromkeys(warnings))


def _callee(call: ast.Call, node: FunctionNode, restored: Restored) -> tuple[str, str, bool] | None:
    """Qualname then, qualname today, and whether the first parameter is filled by the object."""
    match call.func:
        case ast.Name(name):
            return name, name, False
        case ast.Attribute(value=ast.Name(first), attr=attr) if _self(node, restored.then_qualname) == first:
            scopes = (q.rpartition(".")[0] for q in (restored.then_qualname, restored.qualname))
            then_name, today_name = (f"{scope}.{attr}" for scope in scopes)
            return then_name, today_name, True
    return None


def _self(node: FunctionNode, qualname: str) -> str | None:
    """The name of a method's first parameter."""
    parameters = [*node.args.posonlyargs, *node.args.args]
    scope = qualname.rpartition(".")[0]
    is_method = (
        scope and not scope.endswith("<locals>") and not any(_name(d) == "staticmethod" for d in node.decorator_list)
    )
    return parameters[0].arg if is_method and parameters else None


def _name(decorator: ast.expr) -> str:
    return str(getattr(decorator, "attr", getattr(decorator, "id", "")))


def _only(module: Module, qualname: str) -> FunctionNode | None:
    """The one plain definition of a name; None where there are several or a decorator changes how it is called."""
    nodes = module.nodes(qualname)
    if len(nodes) != 1 or not {_name(d) for d in nodes[0].decorator_list} <= _PLAIN:
        return None
    if "." not in qualname and len(bindings(module.tree).get(qualname, ())) != 1:
        return None
    return nodes[0]


def _check(call: ast.Call, then: FunctionNode | None, today: FunctionNode | None, name: str, bound: bool) -> None:  # noqa: FBT001
    if then is None or today is None:
        return
    fits = [
        accepts(f, call, bound=bound and all(_name(d) != "staticmethod" for d in f.decorator_list))
        for f in (then, today)
    ]
    if fits == [True, False]:
        raise Refusal(f"it calls {name} with the parameters of then, which today's refuses; name {name} too")


def _lost_attributes(result: Module, restored: Restored, node: FunctionNode) -> list[str]:
    """What the body reads of its own object, its class had then, and has not today."""
    first = _self(node, restored.then_qualname)
    if first is None:
        return []
    then_class, today_class = (q.rpartition(".")[0] for q in (restored.then_qualname, restored.qualname))
    lost = _attributes(restored.then, then_class) - _attributes(result, today_class)
    return [
        f"it uses {first}.{name}, which {today_class} had then and has not today"
        for name in sorted(
            lost & {n.attr for n in ast.walk(node) if _is_attribute_of(n, first) and isinstance(n.ctx, ast.Load)}
        )
    ]


def _attributes(module: Module, name: str) -> set[str]:
    """What a class's body binds and what its methods set on their object."""
    body = module.tree.body
    for part in name.split("."):
        body = next((s.body for s in body if isinstance(s, ast.ClassDef) and s.name == part), [])
    bound = set(bindings(ast.Module(body, [])))
    bound |= {q.removeprefix(f"{name}.") for q in module.functions if q.startswith(f"{name}.")}
    for method in body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and (first := _self(method, f"{name}.x")):
            bound |= {n.attr for n in ast.walk(method) if _is_attribute_of(n, first) and isinstance(n.ctx, ast.Store)}
    return bound


def _is_attribute_of(node: ast.AST, name: str) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
