"""Stories of the Data screen, key by key, on a real store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from textual.widgets import Input

from studio.dataset.formats.reading import Candidate
from studio.tui.dialogs.import_dialog import ImportDialog
from tests.tui.data_story import (
    NARROW,
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
from tests.tui.resting import settle


async def test_labels_step_on_are_saved_at_once_and_undo_survives_a_restart(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(5))
    async with opened(project) as pilot:
        await press(pilot, "a", "x", "s")
        assert data_screen(pilot).table.cursor == 3
        assert said(pilot) == "skip · 1 of 5 · row 3 · saved · u undoes"
    assert labels(project) == {"accept": 1, "reject": 1, "skip": 1, "none": 2}
    async with opened(project) as pilot:
        await press(pilot, "G", "u")
        assert data_screen(pilot).table.cursor == 2, "undo brings the cursor back to the row"
        await press(pilot, "u", "u", "R")
    assert labels(project) == {"accept": 1, "none": 4}


async def test_a_held_down_key_makes_as_many_decisions_as_presses(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(60))
    async with opened(project) as pilot:
        await hold_down(pilot, "a", 50)
        assert data_screen(pilot).table.cursor == 50
    assert labels(project) == {"accept": 50, "none": 10}


async def test_a_selection_is_labelled_whole_and_is_one_undo_step(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(20))
    async with opened(project) as pilot:
        await press(pilot, "*", "a")
        assert said(pilot).startswith("accept · 20 of 20 · saved")
        await press(pilot, "u")
        await press(pilot, "g", "space", "space", "x")
        assert said(pilot).startswith("reject · 2 of 20")
        await press(pilot, "g", "v", "j", "j", "v", "s")
        assert said(pilot).startswith("skip · 3 of 20")
    assert labels(project) == {"skip": 3, "none": 17}


async def test_filters_add_up_are_refused_with_the_reason_and_reset(tmp_path: Path) -> None:
    rows = [*tickets(6), Candidate("xin chào", "greeting", task="tone")]
    async with opened(project_with(tmp_path, rows)) as pilot:
        screen = data_screen(pilot)
        await press(pilot, "f")
        await type_line(pilot, "task = 'tickets'")
        assert len(screen.table.ids) == 6
        await press(pilot, "f")
        await type_line(pilot, "example_id > 4")
        assert [int(one) for one in screen.table.ids] == [5, 6]
        assert "(task = 'tickets') and (example_id > 4)" in shown(pilot)
        await press(pilot, "f")
        await type_line(pilot, "colour = 'red'")
        assert screen.bar.is_open, "a refused filter stays to be mended"
        assert "colour" in shown(pilot)
        await press(pilot, "escape", "r")
        assert len(screen.table.ids) == 7


async def test_an_empty_view_says_what_to_do_next(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(3)), NARROW) as pilot:
        await press(pilot, "f")
        await type_line(pilot, "task = 'none such'")
        assert "No example is task = 'none such'." in shown(pilot)
        await press(pilot, "a", "e", "d", "i", "M")
    async with opened(project_with(tmp_path / "empty", []), NARROW) as pilot:
        assert "No examples yet." in shown(pilot)
        assert "I   import a file" in shown(pilot)


async def test_search_goes_to_the_matches_and_escape_forgets_it(tmp_path: Path) -> None:
    rows = [
        *tickets(3),
        Candidate("Máy in của tôi hỏng", "printer"),
        *tickets(6)[3:],
        Candidate("MÁY IN mới", "printer"),
    ]
    async with opened(project_with(tmp_path, rows)) as pilot:
        screen = data_screen(pilot)
        await press(pilot, "/")
        await type_line(pilot, "máy in")
        assert (screen.table.cursor, len(screen.rows.matches)) == (3, 2)
        await press(pilot, "n")
        assert screen.table.cursor == 7
        await press(pilot, "n")
        assert screen.table.cursor == 3, "after the last match comes the first"
        await press(pilot, "N")
        assert screen.table.cursor == 7
        await press(pilot, "escape")
        assert screen.rows.matches == ()


async def test_sorts_are_stacked_and_like_this_cell_filters(tmp_path: Path) -> None:
    rows = [Candidate("b", "1", task="two"), Candidate("a", "2", task="two"), Candidate("c", "3", task="one")]
    async with opened(project_with(tmp_path, rows)) as pilot:
        table = data_screen(pilot).table
        await press(pilot, "h", "[", "l", "]")
        assert table.sort == (("task", False), ("prompt", True))
        assert [int(one) for one in table.ids] == [3, 1, 2]
        await press(pilot, "r", "g", "h", "=")
        assert [int(one) for one in table.ids] == [1, 2]


async def test_the_command_line_goes_to_a_row_and_says_when_it_is_not_there(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(300))) as pilot:
        await press(pilot, ":")
        await type_line(pilot, "250")
        assert data_screen(pilot).table.cursor_id == 250
        assert "where is order 250?" in shown(pilot)
        await press(pilot, ":")
        await type_line(pilot, "999")
        assert said(pilot) == "Row 999 is not in this view. r shows all rows."
        await press(pilot, ":")
        await type_line(pilot, "accept")
        assert said(pilot).startswith("accept · 1 of 300 · row 250")


async def test_marks_take_a_note_and_come_off_with_the_same_key(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(2))) as pilot:
        await press(pilot, "m")
        await type_line(pilot, "ask ben")
        assert "◆ marked ask ben" in shown(pilot)
        await press(pilot, "m")
        assert "◆" not in shown(pilot)


async def test_the_trash_takes_rows_out_of_sight_and_undo_brings_them_back(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(4))) as pilot:
        table = data_screen(pilot).table
        await press(pilot, "j", "d")
        assert [int(one) for one in table.ids] == [1, 3, 4]
        assert table.cursor_id == 3
        await press(pilot, "u")
        assert [int(one) for one in table.ids] == [1, 2, 3, 4]
        assert table.cursor_id == 2
        await press(pilot, "R")
        assert [int(one) for one in table.ids] == [1, 3, 4], "a redone trash takes the row out of the view again"


async def test_edit_in_place_saves_and_escape_asks_only_if_changed(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(2))
    async with opened(project) as pilot:
        await press(pilot, "e", "escape")
        assert data_screen(pilot).table.cursor_id == 1, "nothing was changed: esc just leaves"
        await press(pilot, "e", "H", "i", "!", "escape")
        assert "esc again throws the changes away" in shown(pilot)
        await press(pilot, "ctrl+s")
        assert said(pilot).startswith("edited · 1 of 2 · row 1 · saved")
        assert "Hi!where is order 1?" in shown(pilot)
        await press(pilot, "u")
        assert "Hi!" not in shown(pilot)


async def test_import_shows_problems_by_line_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    good = [json.dumps({"prompt": f"p{n}", "completion": "c"}) for n in range(3)]
    file.write_text("\n".join([good[0], "{not json", good[1], good[2], good[2]]) + "\n", encoding="utf-8")
    project = project_with(tmp_path / "p", [])
    async with opened(project) as pilot:
        await press(pilot, "I")
        assert isinstance(pilot.app.screen, ImportDialog)
        assert isinstance(pilot.app.focused, Input)
        pilot.app.focused.value = str(file)
        await settle(pilot)
        words = shown(pilot)
        assert "3 new · 1 duplicate, left out · 1 problem, left out" in words
        assert "new.jsonl:2:" in words
        assert pilot.app.screen.store is not None
        assert pilot.app.screen.store.stats().examples == 0
        await hold_down(pilot, "enter", 3)
        assert said(pilot).startswith("imported 3 examples · 1 already there · saved")
        assert len(data_screen(pilot).table.ids) == 3
        await press(pilot, "u")
        assert len(data_screen(pilot).table.ids) == 0, "one undo takes the import back"


async def test_import_of_unknown_columns_guesses_the_mapping_and_lets_it_be_mended(tmp_path: Path) -> None:
    file = tmp_path / "gsm.jsonl"
    file.write_text(json.dumps({"question": "1 + 1?", "answer": "2"}) + "\n", encoding="utf-8")
    async with opened(project_with(tmp_path / "p", [])) as pilot:
        await press(pilot, "I")
        await type_line(pilot, str(file))
        dialog = pilot.app.screen
        assert isinstance(dialog, ImportDialog), "a guess is shown, never imported unseen"
        assert dialog.entered[1] == "prompt=question,completion=answer"
        await settle(pilot)
        assert "1 new · 0 duplicates" in shown(pilot)
        await press(pilot, "enter")
        assert len(data_screen(pilot).table.ids) == 1


async def test_a_column_misspelt_in_the_import_is_one_line_with_a_guess(tmp_path: Path) -> None:
    file = tmp_path / "gsm.jsonl"
    file.write_text((json.dumps({"question": "1 + 1?", "answer": "2"}) + "\n") * 2_000, encoding="utf-8")
    async with opened(project_with(tmp_path / "p", [])) as pilot:
        await press(pilot, "I")
        pilot.app.screen.query_one("#columns", Input).value = "prompt=quesion,completion=answer"
        pilot.app.screen.query_one("#path", Input).value = str(file)
        await settle(pilot)
        words = " ".join(shown(pilot).replace("│", " ").split())
        assert "did you mean question? The file has question, answer." in words
        assert "Write into columns: prompt=question,completion=answer" in words
        assert "problem" not in words


async def test_pairs_that_are_there_under_another_task_are_said_before_anything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "new.jsonl"
    file.write_text(json.dumps({"prompt": "p", "completion": "c", "task": "two"}) + "\n", encoding="utf-8")
    async with opened(project_with(tmp_path / "p", [Candidate("p", "c", task="one")])) as pilot:
        await press(pilot, "I")
        pilot.app.screen.query_one("#path", Input).value = str(file)
        await settle(pilot)
        assert "0 new · 1 duplicate, left out" in shown(pilot)
        assert "1 already there, under another task" in shown(pilot)


async def test_markup_and_escapes_in_data_are_shown_never_executed(tmp_path: Path) -> None:
    nasty = "[red]not[/red] [/] \x1b[2Jboo \x07 \u202eevil"
    async with opened(project_with(tmp_path, [Candidate(nasty, "[link=x]", task="[b]t")])) as pilot:
        words = shown(pilot)
        assert "[red]not[/red] [/] ␛[2Jboo" in words
        assert not {"\x1b", "\x07", "\u202e"} & set(words)
        await press(pilot, "f")
        await type_line(pilot, "task = '[b]t'")
        assert "examples · task = '[b]t'" in shown(pilot)
        await press(pilot, "e", "escape", "i")
        assert "[" not in said(pilot)


async def test_wide_combining_and_rtl_text_keep_the_columns_straight(tmp_path: Path) -> None:
    texts = ["漢字かな交じり文です", "tiếng Việt", "שלום עולם", "plain", "emoji 👩‍👩‍👧 🇻🇳"]
    rows = [Candidate(text * 9, "done", task="t") for text in texts]
    async with opened(project_with(tmp_path, rows), NARROW) as pilot:
        table = data_screen(pilot).table
        widths = {table.render_line(y).cell_length for y in range(6)}
        assert widths == {table.scrollable_content_region.width}


async def test_eighty_columns_stack_the_panes_and_keep_tabs_and_five_keys(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(30)), NARROW) as pilot:
        screen, lines = data_screen(pilot), shown(pilot).splitlines()
        assert screen.pane.region.y > screen.table.region.y
        assert all(name in lines[0] for name in ("Data", "Window", "Runs", "Compare", "Try", "Checks"))
        assert " ".join(lines[-1].split()) == "a accept x reject s skip e edit / search ? all keys"
        assert {len(line) for line in lines} == {80}
        await press(pilot, "z")
        assert screen.pane.region.x > screen.table.region.x


async def test_copies_and_writes_say_what_they_did(tmp_path: Path) -> None:
    project = project_with(tmp_path / "my project", tickets(3))
    async with opened(project) as pilot:
        await press(pilot, "y")
        assert json.loads(pilot.app.clipboard)["prompt"] == "where is order 1?"
        await press(pilot, "Y")
        assert pilot.app.clipboard == "where is order 1?"
        for key in ("j", "j", "Y"):  # at once: a held key's row is read a little later, and the one before was copied
            pilot.app.simulate_key(key)
        await settle(pilot)
        assert pilot.app.clipboard == "where is order 3?"
        await press(pilot, "f")
        await type_line(pilot, "example_id = 2")
        await press(pilot, "C")
        expected = f"studio -C '{project.root}' rows --where 'example_id = 2'"
        assert pilot.app.clipboard == expected
        target = tmp_path / "out.jsonl"
        await press(pilot, "w", "ctrl+u")
        await type_line(pilot, str(target))
        assert said(pilot) == f"wrote 1 example to {target}"
        await press(pilot, "w", "ctrl+u")
        await type_line(pilot, str(target))
        assert "enter again replaces it" in shown(pilot)
        await press(pilot, "enter")
        assert said(pilot) == f"wrote 1 example to {target}"


async def test_history_tells_who_changed_what(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(1))) as pilot:
        await press(pilot, "a", "i")
        assert "none → accept" in shown(pilot)
        await press(pilot, "escape")
        assert data_screen(pilot).table.cursor_id == 1


async def test_a_store_held_elsewhere_names_the_process_and_r_tries_again(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    code = "import sys; from studio.dataset.store import Store; from pathlib import Path\n"
    code += "with Store.open(Path(sys.argv[1]), 'ben'): print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(project.store_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None and holder.stdout is not None
    with holder:
        assert holder.stdout.readline()
        async with opened(project) as pilot:
            words = shown(pilot)
            assert f"Process {holder.pid} has this project's examples open" in words
            assert "Runs (F4) and Compare (F5) work" in words
            await press(pilot, "a", "f", "e", "u")
            holder.stdin.close()
            holder.wait()
            await press(pilot, "r")
            await settle(pilot)
            assert len(data_screen(pilot).table.ids) == 3


async def test_splits_are_assigned_in_the_screens_and_taken_back_by_one_undo(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(200))
    async with opened(project, NARROW) as pilot:
        await press(pilot, "S")
        assert "shares; the rest trains" in shown(pilot)
        await press(pilot, "enter")
        assert said(pilot) == "split: train 157, validation 24, test 19 · saved · u undoes"
        await press(pilot, "S")
        assert "now train 157" in shown(pilot)
        await type_line(pilot, " half=0.5")
        assert "half=0.5: not understood." in said(pilot)
        await press(pilot, "escape", "u")
        store = data_screen(pilot).store
        assert store is not None
        assert store.stats().splits["none"] == 200
