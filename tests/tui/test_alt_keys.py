"""Alt as tmux and most terminals send it: ESC, then the key."""

from __future__ import annotations

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from studio.tui.alt_keys import keep_alt_digits, without_letter


@pytest.mark.parametrize("key", ["1", "2", "3", "6", "k"])
def test_alt_2_goes_to_window_in_tmux_instead_of_writing_a_trade_mark_sign(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_alt_digits()
    parser = XTermParser()
    found = list(parser.feed(f"\x1b{key}"))
    monkeypatch.setattr("textual._parser.get_time", lambda: 1e12)
    found += list(parser.tick())
    (event,) = found
    assert isinstance(event, events.Key) and event.key == f"alt+{key}"
    without_letter(event)
    assert not event.is_printable, "a text area writes what is printable"


def test_a_letter_without_alt_is_still_written() -> None:
    event = events.Key("k", "k")
    without_letter(event)
    assert event.is_printable
