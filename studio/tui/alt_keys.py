"""Alt with another key as a terminal sends it, ESC and that key: it is a key, and never writes a letter."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

_ALT = "alt+"


def keep_alt_digits() -> None:
    """Let ESC and a digit be alt+1 and so on.

    Textual reads them as what one terminal on macOS means by Option and a digit (``™``, ``£``), so that in tmux and in
    most others alt+2 would write a sign into a prompt, and do nothing elsewhere.
    """
    known = cast(MutableMapping[str, Any], ANSI_SEQUENCES_KEYS)
    for digit in "0123456789":
        known.pop(f"\x1b{digit}", None)


def without_letter(event: events.Key) -> None:
    """Take the letter from alt+k: a text area writes any key that has one, before a binding sees the key."""
    if event.key.startswith(_ALT):
        event.character = None
