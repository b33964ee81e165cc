"""Stories of F: the values of a column with their counts, and the filter that they become."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from studio.dataset.examples import Values
from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Interrupted, Store
from studio.tui.dialogs.values import ValuesDialog
from studio.tui.screens.data.view import one_of
from tests.tui.data_story import NARROW, data_screen, opened, press, project_with, said, shown, tickets
from tests.tui.resting import settle

ROWS = [
    *tickets(3),
    Candidate("where is my order?", "1", task="it's"),
    Candidate("where is my order?", "2", task="tone"),
    Candidate("thanks", "3", task="tone"),
    Candidate("bye", "4"),
]


def dialog_lines(pilot: Pilot[None]) -> list[str]:
    """What stands in the dialog's frame, the title first."""
    lines = shown(pilot).splitlines()
    first = next(number for number, line in enumerate(lines) if "values of" in line)
    left = lines[first].index("╭─ values of")
    return [line[left + 1 :] for line in lines[first:]]


def ids(table: object) -> list[int]:
    return [int(one) for one in table.ids]  # type: ignore[attr-defined]


async def test_the_values_of_a_column_are_counted_and_enter_filters_by_one_and_space_by_several(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, ROWS), NARROW) as pilot:
        table = data_screen(pilot).table
        await press(pilot, "h", "F")
        lines = dialog_lines(pilot)
        assert "values of task · examples" in lines[0]
        assert "4 values in 7 rows" in lines[1]
        assert [" ".join(line.split("│")[0].split()) for line in lines[2:6]] == [
            *("tickets 3 43 %", "tone 2 29 %", "(empty) 1 14 %", "it's 1 14 %")
        ], "the commonest first"
        await press(pilot, "enter")
        assert "examples · task = 'tickets'" in shown(pilot)
        assert ids(table) == [1, 2, 3]
        await press(pilot, "r", "F", "j", "space", "space", "space")
        assert "3 ticked" in shown(pilot)
        await press(pilot, "enter")
        assert data_screen(pilot).rows.view.where == "task in ('tone', '', 'it''s')"
        assert ids(table) == [4, 5, 6, 7]
        await press(pilot, "F")
        assert "3 values in 4 rows" in shown(pilot), "of the rows in view"
        await press(pilot, "escape", "ctrl+f")
        line = pilot.app.focused
        assert isinstance(line, Input)
        assert line.value == "task in ('tone', '', 'it''s')", "the filter is a line that can be changed"
        line.value = "task = 'tone'"
        await press(pilot, "enter")
        assert ids(table) == [5, 6]
        await press(pilot, "ctrl+f", "backspace", "enter")
        assert len(table.ids) == 7


async def test_the_values_of_texts_show_what_is_there_twice_and_slash_narrows(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, ROWS), NARROW) as pilot:
        await press(pilot, "F")
        assert "where is my order?" in dialog_lines(pilot)[2]
        await press(pilot, "/", "T", "h", "a", "n")
        assert "1 value in 1 row" in shown(pilot)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ValuesDialog), "the first esc empties the line"
        assert "6 values in 7 rows" in shown(pilot)
        await press(pilot, "/", "o", "r", "d", "enter", "enter")
        assert ids(data_screen(pilot).table) == [4, 5]


async def test_rows_without_a_value_are_a_value_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "no models"))
    async with opened(project_with(tmp_path, ROWS)) as pilot:
        await press(pilot, "l", "l", "F")
        assert "not counted yet" in shown(pilot)
        await press(pilot, "enter")
        assert data_screen(pilot).rows.view.where == "total_tokens is null"
        assert len(data_screen(pilot).table.ids) == 7


async def test_of_very_many_values_the_first_are_shown_and_the_others_are_found(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(250)), NARROW) as pilot:
        await press(pilot, "F")
        assert "the first 200 of 250 values in 250 rows; / finds others" in shown(pilot)
        await press(pilot, "/", "2", "4", "9", "enter", "space", "enter")
        assert ids(data_screen(pilot).table) == [249]


async def test_escape_interrupts_the_counting_of_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = threading.Event()

    def values(*asked: object) -> Values:
        interrupted.wait(10)
        raise Interrupted("Stopped.", "Nothing was changed.")

    monkeypatch.setattr(Store, "values", values)
    monkeypatch.setattr(Store, "interrupt", lambda store: interrupted.set())
    async with opened(project_with(tmp_path, ROWS)) as pilot:
        await pilot.press("F")
        await pilot.pause()
        assert "counting … esc interrupts" in shown(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert interrupted.is_set()
        assert said(pilot) == ""


def test_values_become_the_simplest_condition() -> None:
    assert one_of("task", ["it's"]) == "task = 'it''s'"
    assert one_of("loss", [0.5, None]) == "loss = 5.00000000000000000e-01 or loss is null"
    assert one_of("loss", [float("inf")]) == "loss = 'inf'"
    assert one_of("source_line", [1, 2]) == "source_line in (1, 2)"
    assert one_of("labelled_by", [None, "ben"]) == "labelled_by = 'ben' or labelled_by is null"
    assert one_of("total_tokens", [None, 3, 4]) == "total_tokens in (3, 4) or total_tokens is null"
    assert [one_of("is_marked", [one]) for one in (True, False)] == ["is_marked", "not is_marked"]
    assert one_of("is_marked", [True, False]) == "is_marked in (true, false)"
