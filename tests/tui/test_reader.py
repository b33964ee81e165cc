"""Stories of the reader: one pair alone on the screen, judged without leaving it."""

from __future__ import annotations

from pathlib import Path

from studio.dataset.formats.reading import Candidate
from tests.tui.data_story import (
    NARROW,
    WIDE,
    data_screen,
    hold_down,
    labels,
    opened,
    press,
    project_with,
    said,
    shown,
    tickets,
    type_line,
)

TURNS = [f"#Person{1 + n % 2}#: This is what I say in turn {n} of our talk, and a little more." for n in range(1, 31)]
DIALOGUE = Candidate("\n".join(TURNS), "They talk for thirty turns.", task="dialogue")
LONG_ANSWER = Candidate("\n".join(TURNS), "\n".join(f"point {n}" for n in range(1, 41)), task="dialogue")


async def test_a_dialogue_and_its_summary_are_read_at_80x24_without_leaving_the_reader(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, [DIALOGUE, *tickets(2)]), NARROW) as pilot:
        await press(pilot, "enter")
        words = shown(pilot)
        assert "turn 1 of our talk" in words
        assert "They talk for thirty turns." in words, "the completion is pinned"
        assert "lines 1-16 of 30" in words
        await press(pilot, "ctrl+d")
        assert "lines 9-24 of 30" in shown(pilot)
        await press(pilot, "pagedown")
        words = shown(pilot)
        assert "turn 30 of our talk" in words
        assert "They talk for thirty turns." in words
        await press(pilot, "pageup", "ctrl+u")
        assert "turn 1 of our talk" in shown(pilot)


async def test_decisions_in_the_reader_step_on_and_escape_lands_on_the_row_reached(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(6))
    async with opened(project) as pilot:
        await press(pilot, "enter", "a")
        assert "where is order 2?" in shown(pilot)
        assert "where is order 1?" not in shown(pilot), "the pair is alone on the screen"
        await press(pilot, "x", "s", "j", "k", "u", "R")
        assert said(pilot).startswith("done again: skip")
        assert "– row 3 · tickets · skip" in shown(pilot), "undo and redo bring their row into the reader"
        await press(pilot, "j", "m")
        await type_line(pilot, "ask ben")
        assert "◆ ask ben" in shown(pilot)
        await press(pilot, "a")
        assert "5 / 6" in shown(pilot)
        await press(pilot, "escape")
        assert data_screen(pilot).table.cursor == 4
        assert data_screen(pilot).table.has_focus
        assert "where is order 5?" in shown(pilot)
        assert "╭─ examples ─" in shown(pilot), "the table is back"
    assert labels(project) == {"accept": 2, "reject": 1, "skip": 1, "none": 2}


async def test_n_presses_in_the_reader_make_n_decisions(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(30))
    async with opened(project, NARROW) as pilot:
        await press(pilot, "enter")
        await hold_down(pilot, "a", 20)
        assert "where is order 21?" in shown(pilot)
    assert labels(project) == {"accept": 20, "none": 10}


async def test_q_closes_the_reader_and_not_the_studio(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3))) as pilot:
        await press(pilot, "enter", "j", "q")
        assert data_screen(pilot).reader is None
        assert data_screen(pilot).table.cursor_id == 2


async def test_neither_a_long_prompt_nor_a_long_completion_starves_the_other(tmp_path: Path) -> None:
    short = Candidate("short?", LONG_ANSWER.completion)
    async with opened(project_with(tmp_path, [LONG_ANSWER, short]), NARROW) as pilot:
        await press(pilot, "enter")
        reader = data_screen(pilot).reader
        assert reader is not None
        assert (reader.prompt.size.height, reader.completion.size.height) == (12, 5), "a third of 17 at least"
        assert "lines 1-5 of 40" in shown(pilot)
        await press(pilot, "pagedown", "pagedown", "pagedown")
        assert "turn 30 of our talk" in shown(pilot)
        assert "point 6" in shown(pilot), "at the end of the prompt the completion goes on"
        await press(pilot, "tab", "pagedown")
        assert "point 10" in shown(pilot), "tab gives it the keyboard"
        await press(pilot, "j")
        assert reader.completion.size.height > 10, "a short prompt leaves the room"
        assert "lines 1-" in shown(pilot)


async def test_edit_history_and_search_work_in_the_reader(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(12)), NARROW) as pilot:
        await press(pilot, "enter", "e", "H", "i", "!", "ctrl+s")
        assert "Hi!where is order 1?" in shown(pilot)
        await press(pilot, "i")
        assert "history of row 1" in shown(pilot)
        await press(pilot, "escape", "/")
        await type_line(pilot, "order 1")
        await press(pilot, "n", "n")
        assert "where is order 11?" in shown(pilot)
        await press(pilot, "N")
        assert "where is order 10?" in shown(pilot)
        await press(pilot, "u")
        assert data_screen(pilot).reader is not None
        assert "where is order 1?" in shown(pilot), "the undone edit is shown"


async def test_the_last_row_thrown_away_in_the_reader_leads_back_to_the_table(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(2)), WIDE) as pilot:
        await press(pilot, "enter", "d")
        assert "where is order 2?" in shown(pilot)
        await press(pilot, "d")
        assert data_screen(pilot).reader is None
        await press(pilot, "u")
        assert "where is order 2?" in shown(pilot)


async def test_hostile_text_in_the_reader_is_shown_never_sent(tmp_path: Path) -> None:
    nasty = "[red]not[/red] \x1b]52;c;aGk=\x07 \x9b2J \u202eevil"
    async with opened(project_with(tmp_path, [Candidate(nasty, nasty, task=nasty)]), NARROW) as pilot:
        await press(pilot, "enter")
        words = shown(pilot)
        assert "[red]not[/red] ␛]52" in words
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(words)


async def test_leaving_the_reader_finds_the_table_as_it_was_and_the_cursor_in_sight(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(200)), NARROW) as pilot:
        table = data_screen(pilot).table
        await press(pilot, "j", "j", "j", "enter", "j", "k", "escape")
        assert (table.cursor, round(table.scroll_offset.y)) == (3, 0), "rows above the cursor went out of sight"
        await press(pilot, "enter")
        await hold_down(pilot, "a", 40)
        await press(pilot, "m", "enter", "escape")
        assert (table.cursor, "where is order 44?" in shown(pilot).splitlines()[-14]) == (43, False)
        top = round(table.scroll_offset.y)
        assert top <= 43 < top + table.page
        assert "◆" in shown(pilot), "a row that the reader came to can be marked"
