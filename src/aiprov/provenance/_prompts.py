"""A prompt becomes a hash and is forgotten."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

from aiprov.errors import UsageError

SHORT = 40
MAX_BYTES = 16 * 1024 * 1024


def normalise(prompt: str) -> str:
    """One spelling for texts that differ in composed characters, line endings or outer white space."""
    return unicodedata.normalize("NFC", prompt.replace("\r\n", "\n").replace("\r", "\n")).strip()


def prompt_hash(prompt: str, *, key: bytes | None = None) -> str:
    """`sha256:<hex>` of the normalised prompt, with a key `hmac-sha256:<hex>`; UsageError for an empty one."""
    text = normalise(prompt)
    if not text:
        raise UsageError("the prompt is empty; give its text in a file or on standard input")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise UsageError("the prompt is not valid Unicode text") from None
    if key is None:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"
    return f"hmac-sha256:{hmac.new(key, data, 'sha256').hexdigest()}"


def decode(data: bytes) -> str:
    """A prompt file's text; UsageError without any of its content."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"the prompt is larger than {MAX_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the prompt is not UTF-8 text; save it as UTF-8") from None


def is_guessable(prompt: str) -> bool:
    """Short enough that somebody could find it from its plain hash by trying."""
    return len(normalise(prompt)) < SHORT
