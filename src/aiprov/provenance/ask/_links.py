"""Where a prompt can be read: the link that the configuration's `prompt_url` makes."""

from __future__ import annotations

from urllib.parse import quote


def prompt_link(template: str | None, *, prompt_hash: str | None, generation: str | None) -> str | None:
    """None without a template, and where a value that it needs is not known."""
    if template is None:
        return None
    link = template
    for field, value in (("{prompt_hash}", prompt_hash), ("{generation}", generation)):
        if field in template:
            if value is None:
                return None
            link = link.replace(field, quote(value, safe=""))
    return link
