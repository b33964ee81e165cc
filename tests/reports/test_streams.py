"""The guarded way to the terminal: what nobody made visible before comes out visible."""

from __future__ import annotations

import io
import json
import sys
import traceback
from typing import TextIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import StudioError
from studio.reports.console import VisibleConsole
from studio.reports.streams import VisibleStream
from studio.reports.visible import escaped, is_plain, visible
from tests.hostile import NAME, STEERING


def test_a_traceback_that_quotes_data_is_visible() -> None:
    behind = io.StringIO()
    try:
        raise ValueError(NAME)
    except ValueError:
        traceback.print_exc(file=cast(TextIO, VisibleStream(behind)))
    assert behind.getvalue().endswith(f"ValueError: {visible(NAME)}\n")


def test_bytes_written_past_the_text_are_visible_too_also_when_a_character_is_cut_in_two() -> None:
    behind = io.StringIO()
    stream = VisibleStream(behind)
    for byte in "né\x1b]0;t\x07\u202e€\n".encode():
        stream.buffer.write(bytes([byte]))
    stream.buffer.write(b"\xff\n")
    stream.writelines(["\x1b", "\x9b"])
    assert behind.getvalue() == "né␛]0;t␇⟨U+202E⟩€\n⟨U+DCFF⟩\n␛⟨U+009B⟩"


def test_a_console_writes_its_own_colours_through_the_guard_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = io.StringIO()
    monkeypatch.setattr(sys, "stderr", VisibleStream(behind))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = VisibleConsole()
    console.print(f"\x1b[31m{NAME}", style="bold", soft_wrap=True)
    written = behind.getvalue()
    assert written.startswith("\x1b[1m␛[31mn␛]0;t␛[6n") and written.count("\x1b") == 2, "bold on, bold off"
    assert ":100:" in written and "[red]" in written


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_json_document_means_the_same_and_steers_nothing(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False, indent=2)
    assert json.loads(escaped(document)) == value
    assert visible(escaped(document)) == escaped(document)


@given(st.text())
def test_what_is_quickly_called_plain_is_nothing_to_show(text: str) -> None:
    assert not is_plain(text) or visible(text, single_line=True) == text


@pytest.mark.parametrize("text", STEERING)
def test_an_error_line_has_no_emoji_and_no_markup_and_no_steering(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from studio.cli.printing import say, say_error, write_line

    say_error(StudioError(text, text))
    say(text)
    write_line(text)
    out, err = capsys.readouterr()
    shown = visible(text)
    assert out == f"{shown}\n"
    assert err == f"error {shown}\n  → {shown}\n{shown}\n"
