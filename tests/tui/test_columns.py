"""Stories of the table's columns: hidden, moved, widened, chosen, sorted with the mouse, and found again."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.tui.screens.data.columns import EVERY, FIRST, GUTTER, NAMED, from_kept, laid_out, resized, to_kept
from studio.tui.screens.data.example_table import ExampleTable
from tests.tui.data_story import NARROW, data_screen, opened, press, project_with, said, shown, tickets


def headings(pilot: Pilot[None]) -> list[str]:
    return [column.name for column in data_screen(pilot).table.columns]


async def choose_all_columns(pilot: Pilot[None]) -> None:
    await press(pilot, "K", *"jjjjjj", *["space"] * (len(EVERY) - len(FIRST)), "enter")
    assert len(headings(pilot)) == len(EVERY)


async def click_heading(pilot: Pilot[None], words: str) -> None:
    x = shown(pilot).splitlines()[2].index(words)
    await pilot.click(ExampleTable, offset=(x, 1))
    await press(pilot)


async def test_columns_are_found_again_as_they_were_left_and_reset_brings_back_the_first(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(20))
    async with opened(project, NARROW) as pilot:
        await press(pilot, "h", "-")
        assert said(pilot) == "task is hidden · kept · K shows columns"
        await press(pilot, "L", ">", ">", "<")
        assert headings(pilot) == ["example_id", "label", "completion", "prompt", "total_tokens"]
        left = shown(pilot).splitlines()[1:5]
    async with opened(project, NARROW) as pilot:
        assert shown(pilot).splitlines()[1:5] == left
        await press(pilot, "K", "r", "enter")
        assert said(pilot) == "the columns are as at first · kept"
        assert data_screen(pilot).table.columns == FIRST
    async with opened(project, NARROW) as pilot:
        assert data_screen(pilot).table.columns == FIRST


async def test_the_list_of_columns_ticks_moves_and_leaves_things_as_they_are(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3))) as pilot:
        await press(pilot, "K", "space", "escape")
        assert headings(pilot) == [column.name for column in FIRST], "esc changes nothing"
        await press(pilot, "K", "space", "space", "H", "H", "H")
        await press(pilot, "enter")
        assert headings(pilot) == ["task", "prompt", "completion", "total_tokens"]
        await press(pilot, "K", *["space"] * 4, "enter")
        assert "at least one column" in said(pilot)
        await press(pilot, "escape", "-", "-", "-", "-")
        assert said(pilot) == "This is the only column. K shows others."


async def test_what_is_known_of_a_row_stands_in_columns_and_sorts_and_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "no models"))
    rows = [*tickets(3), Candidate("d", "4", task="tone", system="Be brief.", source="b.jsonl", line=7)]
    project = project_with(tmp_path, rows)
    with Store.open(project.store_path, "ben") as store:
        store.set_label([2, 4], "accept")
        store.set_mark([2], True, "ask anna")
        store.keep_losses([3, 4], [0.1 + 0.2, math.inf], [math.nan, 3.25])
    async with opened(project, (420, 40)) as pilot:
        await choose_all_columns(pilot)
        table, words = data_screen(pilot).table, shown(pilot)
        for cell in ("ben", "ask anna", "Be brief.", "b.jsonl", "      7", " 0.300", "     ∞     3.250"):
            assert cell in words
        for column, rows_like_it, first in (
            ("labelled_by", [2, 4], 2),
            ("labelled_at", [2, 4], 2),
            ("source", [4], 4),
            ("source_line", [4], 4),
            ("system", [4], 4),
            ("is_marked", [2], 2),
            ("note", [2], 2),
            ("loss", [3], 3),
            ("base_loss", [4], 4),
            ("revision", [1, 2, 3, 4], 1),
            ("split", [1, 2, 3, 4], 1),
        ):
            table.move_to_column(headings(pilot).index(column))
            await press(pilot, "]")
            assert table.sort == ((column, True),)
            table.move_to([int(one) for one in table.ids].index(first))
            await press(pilot, "=")
            assert sorted(int(one) for one in table.ids) == rows_like_it, column
            await press(pilot, "r")
        table.move_to_column(headings(pilot).index("prompt_tokens"))
        await press(pilot, "=")
        assert said(pilot) == "The tokens of this row are not counted yet. F3 counts them."
        table.move_to_column(headings(pilot).index("labelled_by"))
        await press(pilot, "g", "a", "k", "Y")
        assert pilot.app.clipboard == data_screen(pilot).session.settings.who, "the label just given is mine"


async def test_more_columns_than_fit_scroll_sideways_and_the_number_stays(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3)), NARROW) as pilot:
        await choose_all_columns(pilot)
        table = data_screen(pilot).table
        for key, ends in (("l", len(EVERY) - 1), ("h", 0)):
            for _ in EVERY:
                await press(pilot, key)
                heading, row = shown(pilot).splitlines()[2:4]
                if table.column > 1:
                    wanted = table.columns[table.column].heading
                    assert wanted[:6] in heading, "the cursor's column is in sight"
                    assert set("‹›") & set(heading), "and that there are more"
                assert "1" in row[4:8], "so is the row's number"
            assert table.column == ends


def test_the_cursors_column_is_in_sight_in_whatever_width() -> None:
    wide = tuple(resized(column, 150, 2) for column in EVERY)
    for columns in (FIRST, EVERY, EVERY[::-1], FIRST[:1], FIRST[:2], wide):
        for width in range(0, 260, 7):
            first = 0
            for cursor in [*range(len(columns)), *reversed(range(len(columns)))]:
                layout = laid_out(columns, width, 7, cursor, first)
                first = layout.first
                assert cursor in [one.index for one in layout.placed]
                cells = GUTTER + sum(one.cells for one in layout.placed) + len(layout.placed) - 1
                assert cells <= width or width < 22
                assert all(layout.column_at(GUTTER) == one.index for one in layout.placed[:1] if one.cells)


def test_columns_that_this_studio_does_not_know_are_left_out() -> None:
    assert from_kept([("rating", 4), ("task", 0), ("task", 12), ("prompt", 9_999)]) == (
        replace(NAMED["task"], chosen=12),
        replace(NAMED["prompt"], chosen=200),
    )
    assert from_kept([("rating", 4)]) == from_kept([]) == FIRST
    assert to_kept(FIRST) == ()


async def test_a_click_on_a_heading_chooses_its_column_and_the_next_ones_sort(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3))) as pilot:
        table = data_screen(pilot).table
        await click_heading(pilot, "task")
        assert (table.column_name, table.sort) == ("task", ())
        await click_heading(pilot, "#")
        for direction in ((("example_id", False),), (("example_id", True),), ()):
            await click_heading(pilot, "#")
            assert table.sort == direction


@pytest.mark.parametrize("columns", ["5", '["task"]', '[["task", -1]]', '[["task", true]]', '[["task", 1, 2]]'])
async def test_damaged_columns_cost_the_choices_and_a_word(columns: str, tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(1))
    project.screens_path.write_text(f'{{"columns": {columns}}}')
    async with opened(project) as pilot:
        assert data_screen(pilot).table.columns == FIRST
        assert said(pilot) == "screens.json holds no theme, layout and columns: they are as at first."
