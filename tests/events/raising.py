"""Raises what it is told to on the Python that runs it; prints the traceback and the truth about it, line by line."""

import json
import sys
import traceback


class Outer:
    class InnerError(Exception):
        pass


def _local():
    class LocalError(Exception):
        pass

    return LocalError


TYPES = {
    "ValueError": ValueError,
    "KeyError": KeyError,
    "inner": Outer.InnerError,
    "local": _local(),
    "interrupt": KeyboardInterrupt,
    "group": ExceptionGroup,
}
Outer.InnerError.__module__ = TYPES["local"].__module__ = "shop.errors"


def make(spec):
    kind = TYPES[spec["type"]]
    if kind is ExceptionGroup:
        error = ExceptionGroup(spec["message"], [caught(member) for member in spec["members"]])
    else:
        error = kind(spec["message"])
    for note in spec["notes"]:
        error.add_note(note)
    return error


def caught(spec):
    if not spec["raised"]:
        return make(spec)
    try:
        deep(spec["depth"], spec)
    except BaseException as error:  # noqa: BLE001  # whatever was asked for
        return error


def deep(depth, spec):
    if depth:
        return deep(depth - 1, spec)
    return raise_it(
        spec,
    )


def raise_it(spec):
    if spec["type"] == "syntax":
        return compile("call(\n", "bad.py", "exec")
    made = make(spec)  # before the older one, which would become the context of members too
    below = spec["below"]
    if below is None:
        raise made
    relation, older = below
    try:
        deep(older["depth"], older)
    except BaseException as error:
        if relation == "cause":
            raise made from error
        if relation == "none":
            raise made from None
        raise made  # noqa: B904


def truth(top):
    found = [(top, "top", None)]
    for index, (error, _, _) in enumerate(found):
        if error.__cause__ is not None:
            found.append((error.__cause__, "cause", index))
        elif error.__context__ is not None and not error.__suppress_context__:
            found.append((error.__context__, "context", index))
        found += [(member, "member", index) for member in getattr(error, "exceptions", ())]
    return [
        {
            "type": type(error).__module__ + "." + type(error).__qualname__,
            "relation": relation,
            "parent": parent,
            "frames": [
                {"file": f.f_code.co_filename, "line": line, "function": f.f_code.co_name}
                for f, line in traceback.walk_tb(error.__traceback__)
            ],
        }
        for error, relation, parent in found
    ]


def answer(spec):
    error = caught(spec)
    lines = traceback.TracebackException.from_exception(error)
    options = {"colorize": True} if spec["colour"] and sys.version_info >= (3, 13) else {}
    return {"text": "".join(lines.format(**options)), "truth": truth(error)}


if __name__ == "__main__":
    for request in sys.stdin:
        print(json.dumps(answer(json.loads(request))), flush=True)  # noqa: T201  # the answer
