"""Over a slow line several keys come in one packet: each is for whoever the one before it gave the keyboard to."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from studio.dataset.store import Store
from studio.tui.screens.data.example_table import ExampleTable
from studio.tui.widgets.prompt_bar import PromptBar
from tests.tui.data_story import data_screen, labels, opened, project_with, shown, tickets
from tests.tui.resting import settle

NAMES = {
    " ": "space",
    "'": "apostrophe",
    "=": "equals_sign",
    ":": "colon",
    "/": "slash",
    "\x1b": "escape",
    "\x13": "ctrl+s",
    "\n": "enter",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
}


async def type_at_once(pilot: Pilot[None], keys: str) -> None:
    for key in keys:
        pilot.app.post_message(events.Key(NAMES.get(key, key), key if key.isprintable() else None))
    await settle(pilot)


@pytest.mark.parametrize("typed", ["flabel = 'accept'", "fa", ":7", "/axs", "mrate it: a"])
async def test_what_is_typed_with_the_key_of_a_prompt_stands_in_the_prompt_and_labels_nothing(
    typed: str, tmp_path: Path
) -> None:
    project = project_with(tmp_path, tickets(30))
    async with opened(project) as pilot:
        for _ in range(2):  # a prompt's line is made when it is first asked for
            await type_at_once(pilot, typed)
            assert pilot.app.screen.query_one(PromptBar).query_one(Input).value == typed[1:]
            await type_at_once(pilot, "\x1b")
    assert labels(project).get("accept", 0) == 0


async def test_a_prompt_that_is_opened_while_all_rows_are_sought_stays_open(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(30))) as pilot:
        await type_at_once(pilot, "rftask")
        assert pilot.app.screen.query_one(PromptBar).is_open
        assert "task" in shown(pilot).splitlines()[-3]


async def test_moves_that_were_made_while_rows_were_sought_are_kept(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(30))) as pilot:
        await type_at_once(pilot, "rjj")
        assert data_screen(pilot).query_one(ExampleTable).cursor_id == 3


@pytest.mark.parametrize("is_at_once", [False, True])
async def test_keys_typed_behind_the_one_that_saves_an_edit_reach_the_table_and_not_the_text(
    tmp_path: Path, is_at_once: bool
) -> None:
    project = project_with(tmp_path, tickets(30))
    async with opened(project) as pilot:
        for key in ["ea\x13", "jxa"] if not is_at_once else ["ea\x13jxa"]:
            await type_at_once(pilot, key)
        assert data_screen(pilot).query_one(ExampleTable).cursor_id == 4
        await type_at_once(pilot, "kkea\x1b\x1bx")
        await type_at_once(pilot, "ea\x13")
    with Store.open(project.store_path, "anna") as store:
        rows = store.examples([1, 2, 3, 4])
        assert [row.prompt[:6] for row in rows] == ["awhere", "where ", "awhere", "where "]
        assert [row.label for row in rows] == ["none", "reject", "accept", "none"]


async def test_a_label_typed_with_undo_is_for_the_row_that_undo_shows(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(30))
    async with opened(project) as pilot:
        await type_at_once(pilot, "a")
        await type_at_once(pilot, "Gux")
    with Store.open(project.store_path, "anna") as store:
        assert [one.label for one in store.examples([1, 30])] == ["reject", "none"], "it was row 30 that was rejected"


async def test_keys_typed_with_an_undone_trash_wait_for_its_row(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(30))
    async with opened(project) as pilot:
        await type_at_once(pilot, "jdGuax")
        assert data_screen(pilot).table.cursor_id == 4
        await type_at_once(pilot, "gdd")
        assert [int(one) for one in data_screen(pilot).table.ids[:2]] == [3, 4], "each d is for a row of its own"
        await type_at_once(pilot, "ufa")
        assert pilot.app.screen.query_one(PromptBar).query_one(Input).value == "a", "it is no label"
    with Store.open(project.store_path, "anna") as store:
        assert [one.label for one in store.examples([2, 3, 30])] == ["accept", "reject", "none"]


async def test_a_second_sort_key_typed_while_the_first_query_runs_keeps_the_first(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(30))) as pilot:
        table = data_screen(pilot).table
        first = table.column_name
        await type_at_once(pilot, "[l]")
        assert table.column_name != first
        assert table.sort == ((first, False), (table.column_name, True))


async def test_a_sort_that_follows_a_filter_that_was_refused_goes_on_from_the_rows_that_are_shown(
    tmp_path: Path,
) -> None:
    async with opened(project_with(tmp_path, tickets(30))) as pilot:
        table = data_screen(pilot).table
        await type_at_once(pilot, "fnosuch = 1\n")
        await type_at_once(pilot, "\x1b")
        await type_at_once(pilot, "[")
        assert table.sort == ((table.column_name, False),) and len(table.ids) == 30
