"""What each editor's hook writes, brought to one shape; events that edit nothing are None."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiprov.provenance.edits._edits import digests
from aiprov.provenance.edits._toolcalls import edits_in, paths_in_patch, replaced, text_of, whole_file

_AFTER = frozenset({"", "PostToolUse", "postToolUse", "AfterTool"})
_CLAUDE = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
_CODEX = frozenset({"apply_patch"})
_GEMINI = frozenset({"replace", "write_file"})
_CURSOR = frozenset({"Write", "StrReplace", "MultiEdit", "Edit", "EditNotebook", "ApplyPatch"})
_COPILOT = _CLAUDE | {
    *("create", "edit", "str_replace", "str_replace_editor", "apply_patch", "git_apply_patch"),
    *("create_file", "replace_string_in_file", "multi_replace_string_in_file", "insert_edit_into_file"),
}


class Call(NamedTuple):
    """One call of an editing tool that ended well."""

    tool: str
    name: str
    given: object
    result: object = None
    cwd: str = ""
    model: str = ""

    @property
    def paths(self) -> list[str]:
        """The files that it names, each once."""
        named = [text_of(part, "file_path", "filePath", "path", "notebook_path") for part in (self.given, self.result)]
        inside = [text_of(edit, "filePath") for edit in edits_in(self.given)]
        return list(dict.fromkeys(filter(None, (*named, *inside, *paths_in_patch(self.given)))))

    def unfounded(self, now: str) -> list[str]:
        """Texts that make up the file, or most of it, of which the call does not tell what stood there before."""
        result = self.result if isinstance(self.result, Mapping) else {}
        is_told = text_of(result, "originalFile", "originalContent", "originalFileContents", "newContent")
        if is_told or result.get("structuredPatch") or result.get("type") == "create" or len(self.paths) != 1:
            return []
        if whole := whole_file(self.name, self.given):
            return [whole]
        given = [replaced(edit) for edit in edits_in(self.given)]
        texts = [after for before, after in given if after and not before.strip()]
        is_most = 2 * sum(len(digests(text)) for text in texts) > len(digests(now))
        return texts if is_most and len(texts) == len(given) else []

    def before(self, now: str) -> str | None:
        """The file's text before the call, where that can be told from its text now."""
        original = text_of(self.result, "originalFile", "originalFileContents")
        if original:
            return original
        for edit in reversed(edits_in(self.given)):
            old, new = replaced(edit)
            if not new or now.count(new) != 1:
                return None
            now = now.replace(new, old)
        return now


def _claude_code(payload: Mapping[str, object]) -> Call | None:
    if "cursor_version" in payload:  # Cursor can be told to run the hooks that Claude Code has
        return _cursor(payload)
    return _post_tool_use(payload, "claude-code", _CLAUDE)


def _codex(payload: Mapping[str, object]) -> Call | None:
    return _post_tool_use(payload, "codex", _CODEX)


def _gemini_cli(payload: Mapping[str, object]) -> Call | None:
    call = _post_tool_use(payload, "gemini-cli", _GEMINI)
    response = payload.get("tool_response")
    if call is None or (isinstance(response, Mapping) and response.get("error")):
        return None
    return call._replace(result=response.get("returnDisplay") if isinstance(response, Mapping) else None)


def _cursor(payload: Mapping[str, object]) -> Call | None:
    """`afterFileEdit` and `afterTabFileEdit` tell of an edit; `postToolUse` does where a team has set that up."""
    roots = payload.get("workspace_roots")
    first = next((root for root in roots if isinstance(root, str)), "") if isinstance(roots, list) else ""
    cwd = text_of(payload, "cwd") or first
    if text_of(payload, "hook_event_name") in ("afterFileEdit", "afterTabFileEdit"):
        return Call("cursor", "Edit", payload, None, cwd, text_of(payload, "model"))
    call = _post_tool_use(payload, "cursor", _CURSOR)
    return call._replace(cwd=cwd) if call else None


def _windsurf(payload: Mapping[str, object]) -> Call | None:
    if text_of(payload, "agent_action_name") != "post_write_code":
        return None
    info = payload.get("tool_info")
    return Call(
        "windsurf", "Edit", info, None, text_of(info, "cwd") or text_of(payload, "cwd"), text_of(payload, "model_name")
    )


def _copilot_cli(payload: Mapping[str, object]) -> Call | None:
    return _copilot(payload, "copilot-cli")


def _copilot_in_editor(payload: Mapping[str, object]) -> Call | None:
    return _copilot(payload, "copilot")


def _copilot(payload: Mapping[str, object], tool: str) -> Call | None:
    result = payload.get("toolResult", payload.get("tool_result"))
    if text_of(result, "resultType", "result_type") not in ("", "success"):
        return None
    return _post_tool_use(payload, tool, _COPILOT)


def _post_tool_use(payload: Mapping[str, object], tool: str, names: frozenset[str]) -> Call | None:
    """The shape that began with Claude Code; others spell it with capitals inside, or hand their input on as text."""
    name = text_of(payload, "tool_name", "toolName")
    if name not in names or text_of(payload, "hook_event_name", "hookEventName") not in _AFTER:
        return None
    given = next((payload[key] for key in ("tool_input", "toolInput", "toolArgs") if key in payload), None)
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given, strict=False)
        except (ValueError, RecursionError):
            return None
    return Call(tool, name, given, payload.get("tool_response"), text_of(payload, "cwd"), text_of(payload, "model"))


READERS: dict[str, Callable[[Mapping[str, object]], Call | None]] = {
    "claude-code": _claude_code,
    "codex": _codex,
    "copilot": _copilot_in_editor,
    "copilot-cli": _copilot_cli,
    "cursor": _cursor,
    "gemini-cli": _gemini_cli,
    "windsurf": _windsurf,
}
