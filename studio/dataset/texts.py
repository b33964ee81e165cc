"""What counts as the same text. The only place where texts are normalised and hashed.

A *pair* is the same when prompt, completion, system and task are equal after Unicode NFC, CRLF → LF, and without
white space around them: case and inner spaces matter in code and JSON. A *prompt* is the same when it is equal after
NFC, in lower case, with every run of white space folded into one space: rows that differ in less than that must not
stand on both sides of a split. Hashes are MD5 as 32 hex digits: for telling apart, not for secrecy.
"""

from __future__ import annotations

import hashlib
import unicodedata


def pair_hash(prompt: str, completion: str, system: str, task: str) -> str:
    """32 hex digits, equal for pairs that count as duplicates."""
    # NUL, which no stored text has, keeps ("ab", "c") apart from ("a", "bc").
    joined = "\0".join(map(_exact, (prompt, completion, system, task)))
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def prompt_hash(prompt: str) -> str:
    """32 hex digits, equal for prompts that must lie in one split."""
    folded = " ".join(_composed(prompt).lower().split())
    return hashlib.md5(folded.encode(), usedforsecurity=False).hexdigest()


def _exact(text: str) -> str:
    return _composed(text).replace("\r\n", "\n").strip()


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
