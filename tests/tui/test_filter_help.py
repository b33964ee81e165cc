"""While a filter is typed, what can stand there is listed above the line."""

from __future__ import annotations

from pathlib import Path

from studio.dataset.filter_language import COLUMNS, FUNCTIONS
from studio.tui.dialogs.help import HelpDialog
from studio.tui.screens.data.filter_help import filter_help
from studio.tui.widgets.line_help import MOST_LINES
from tests.tui.data_story import NARROW, opened, press, project_with, shown, tickets


def words(typed: str, width: int = 79) -> list[str]:
    return ["".join(text for text, _ in line) for line in filter_help(typed, width)]


def test_the_word_being_typed_narrows_columns_and_functions_to_their_sentences() -> None:
    assert words("task = 'a' and rev") == [
        f"revision         {COLUMNS['revision']}",
        "reverse(prompt)  backwards",
    ]
    assert [line.split()[0] for line in words("tok")] == ["prompt_tokens", "completion_tokens", "total_tokens"]
    assert words("Source") == words("source"), "names are read in any case"
    assert words("nonesuch") == words("length(prompt) > 99") == []


def test_with_no_word_everything_is_named_and_a_function_that_is_open_is_explained() -> None:
    for width in (79, 119):
        named = " ".join(words("", width)).split()
        assert {*COLUMNS, *FUNCTIONS} <= set(named)
        assert len(words("", width)) <= MOST_LINES
    assert words("contains(")[0] == "contains(prompt, 'lamp')  whether it occurs, in just these letters"
    assert len(words("contains(")) == MOST_LINES


def test_within_quotes_the_column_is_explained_that_stands_before_them() -> None:
    assert words("is_marked and label = '") == [f"label  {COLUMNS['label']}"]
    assert words("'") == []


async def test_the_list_hides_neither_line_nor_error_and_f1_takes_it_away(tmp_path: Path) -> None:
    async with opened(project_with(tmp_path, tickets(30)), NARROW) as pilot:
        await press(pilot, "f")
        lines = shown(pilot).splitlines()
        assert lines[12].startswith(" columns    example_id prompt")
        assert lines[21].startswith(" filter")
        await press(pilot, *"toto", "enter")
        lines = shown(pilot).splitlines()
        assert lines[-6].startswith(" filter toto") or lines[-5].startswith(" filter toto")
        assert "The filter names toto" in shown(pilot)
        await press(pilot, "backspace", "backspace")
        assert "total_tokens" in shown(pilot).splitlines()[-6]
        await press(pilot, "tab")
        assert "filter total_tokens" in shown(pilot)
        await press(pilot, "f1")
        assert "max_length limits" not in shown(pilot)
        await press(pilot, "f1")
        assert "max_length limits" in shown(pilot)
        await press(pilot, "escape")
        assert "max_length limits" not in shown(pilot)
        await press(pilot, "/", "f1")
        assert isinstance(pilot.app.screen, HelpDialog), "of a line about which nothing is known, F1 is the screen's"
