"""Stories of editing a row, in place and in $EDITOR: what is not typed over stays as it is, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.pilot import Pilot
from textual.widgets import Static

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.tui.dialogs.edit import RowTexts
from studio.tui.dialogs.edit_outside import as_file, edit_outside, editor_command, marked_lines, parted
from studio.tui.widgets.exact_text import ExactTextArea
from studio.turns import Turn, written
from tests.tui.data_story import opened, press, project_with, said, shown
from tests.tui.resting import settle

BREAKERS = "one\rtwo\x0bthree\x0cfour\x85five\u2028six\u2029seven\r\neight\nnine\x1c\x1b[2J\u202e\t\u200dten\n"


def texts_of(project: Project) -> tuple[str, str]:
    with Store.open(project.store_path, "anna") as store:
        example = store.example(1)
        return example.prompt, example.completion


def row_with(root: Path, prompt: str, completion: str) -> Project:
    return project_with(root, [Candidate(prompt, completion, task="tickets")])


def area(pilot: Pilot[None], name: str) -> ExactTextArea:
    return pilot.app.screen.query_one(f"#{name}", ExactTextArea)


async def test_a_row_that_was_opened_and_saved_is_as_it_was(tmp_path: Path) -> None:
    project = row_with(tmp_path, BREAKERS, BREAKERS)
    async with opened(project) as pilot:
        await press(pilot, "e", "ctrl+s")
        assert said(pilot) == "nothing changed"
        await press(pilot, "e", "escape")
        assert "throws the changes away" not in shown(pilot)
    assert texts_of(project) == (BREAKERS, BREAKERS)


async def test_typing_in_one_place_of_the_prompt_leaves_all_the_rest_and_the_completion(tmp_path: Path) -> None:
    project = row_with(tmp_path, BREAKERS, BREAKERS)
    async with opened(project) as pilot:
        await press(pilot, "e", *["right"] * 3, "X", "enter", "ctrl+s")
        assert said(pilot).startswith("edited")
    assert texts_of(project) == ("oneX\n" + BREAKERS[3:], BREAKERS)


async def test_a_text_with_windows_line_ends_gets_them_for_new_lines_too(tmp_path: Path) -> None:
    project = row_with(tmp_path, "one\r\ntwo\r\n", "yes\r\n")
    async with opened(project) as pilot:
        await press(pilot, "e")
        assert "␍" not in shown(pilot)
        await press(pilot, "end", "enter", "X", "ctrl+s")
    assert texts_of(project) == ("one\r\nX\r\ntwo\r\n", "yes\r\n")


async def test_what_cannot_be_seen_is_a_symbol_in_edit_and_the_cursor_on_it_tells_its_name(tmp_path: Path) -> None:
    async with opened(row_with(tmp_path, "a\x1bb\u202ec\u2028d", "yes")) as pilot:
        await press(pilot, "e")
        assert "a␛b␦c↵d" in shown(pilot)
        await press(pilot, "right")
        assert "here: U+001B control character, kept as it is" in shown(pilot)
        await press(pilot, "right", "right")
        assert "here: U+202E right-to-left override" in shown(pilot)
        await press(pilot, "right")
        assert "ctrl+s saves" in shown(pilot)
        await press(pilot, "backspace")
        assert area(pilot, "prompt").exact == "a\x1bbc\u2028d"
        await press(pilot, "ctrl+z")
        assert area(pilot, "prompt").exact == "a\x1bb\u202ec\u2028d"


async def test_what_is_cut_and_pasted_keeps_its_characters_and_a_terminals_paste_its_lines(tmp_path: Path) -> None:
    async with opened(row_with(tmp_path, "a\rb\U000f0000\x1bc", "yes")) as pilot:
        await press(pilot, "e")
        prompt = area(pilot, "prompt")
        prompt.select_all()
        assert prompt.selected_text == "a\rb\U000f0000\x1bc"
        await press(pilot, "ctrl+x")
        assert (prompt.exact, pilot.app.clipboard) == ("", "a\rb\U000f0000\x1bc")
        await press(pilot, "ctrl+v", "ctrl+v")
        assert prompt.exact == "a\rb\U000f0000\x1bc" * 2
        prompt.post_message(events.Paste("1\r\n2\r3\x1b4"))
        await settle(pilot)
        assert prompt.exact == "a\rb\U000f0000\x1bc" * 2 + "1\n2\n3\x1b4"


@given(st.text(), st.text(), st.sampled_from(["", "\n", "\r\n", "\n\n", "\r"]))
def test_the_file_for_the_editor_gives_both_texts_back(prompt: str, completion: str, end: str) -> None:
    marks = marked_lines(["prompt", "completion"], [prompt, completion])
    assert parted(as_file([prompt, completion + end], marks), marks) == [prompt, completion + end]


def test_a_row_that_quotes_the_marked_lines_gets_others() -> None:
    usual = marked_lines(["prompt", "completion"], ["a", "b"])
    text = f"x\n{usual[1]}\ny"
    marks = marked_lines(["prompt", "completion"], [text, text])
    assert marks != usual
    assert parted(as_file([text, text], marks), marks) == [text, text]


class AppThatSuspends:
    """As much of an app as gives its terminal away; like Textual's, it is not resumed when an exception passes."""

    is_resumed = True

    @contextmanager
    def suspend(self) -> Any:
        self.is_resumed = False
        yield
        self.is_resumed = True


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], RowTexts]:
    """Edit a row of line breakers with a shell line that gets the file as $1; the file lies in ``tmp_path``."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)
    project = row_with(tmp_path / "desk", BREAKERS, BREAKERS)
    with Store.open(project.store_path, "anna") as store:
        example = store.example(1)

    def edit(line: str) -> RowTexts:
        script = tmp_path / "editor"
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", str(script))
        app: Any = AppThatSuspends()
        try:
            return edit_outside(app, example)
        finally:
            assert app.is_resumed, "the studio has its terminal again"

    return edit


def test_an_editor_that_changes_nothing_changes_nothing(edited: Callable[[str], RowTexts]) -> None:
    assert edited("exit 0") == (BREAKERS, BREAKERS, "")


def test_an_editor_changes_what_it_changes(edited: Callable[[str], RowTexts]) -> None:
    assert edited("sed -i 's/eight/8/' \"$1\"") == (*[BREAKERS.replace("eight", "8")] * 2, "")


def test_a_failing_editor_leaves_what_was_written_in_the_file_it_names(
    edited: Callable[[str], RowTexts], tmp_path: Path
) -> None:
    with pytest.raises(StudioError) as failed:
        edited('echo more >> "$1"; exit 7')
    (file,) = tmp_path.glob("example-1-*.txt")
    assert failed.value.message == "The editor ended with exit code 7; nothing was changed."
    assert failed.value.hint == f"What you wrote is in {file}."
    assert file.read_bytes().endswith(b"more\n")


@pytest.mark.parametrize("line", ["exit 7", "kill -9 $$", 'rm "$1"'])
def test_a_failing_editor_that_wrote_nothing_leaves_no_file(
    line: str, edited: Callable[[str], RowTexts], tmp_path: Path
) -> None:
    with pytest.raises(StudioError, match=r"nothing was changed"):
        edited(line)
    assert not list(tmp_path.glob("example-*"))


def test_an_editor_that_empties_the_completion_or_takes_a_mark_is_refused_and_its_file_named(
    edited: Callable[[str], RowTexts], tmp_path: Path
) -> None:
    with pytest.raises(AskedWrongly, match="A marked line is gone"):
        edited('echo > "$1"')
    assert len(list(tmp_path.glob("example-*"))) == 1


def test_the_editor_is_visual_then_editor_then_vi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv("EDITOR", "code --wait")
    assert editor_command() == ["code", "--wait"]
    monkeypatch.setenv("EDITOR", "")
    assert editor_command() == ["vi"]
    monkeypatch.setenv("EDITOR", "'vi")
    with pytest.raises(AskedWrongly, match=r"\$EDITOR is \"'vi\": No closing quotation"):
        editor_command()


def test_the_earlier_turns_of_a_conversation_are_edited_in_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.init(tmp_path / "desk")
    turns = [Turn("user", "Hi"), Turn("assistant", "Hello! What is wrong?")]
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate("My lamp.", "We mend it.", context=written(turns))], "t")
        example = store.example(1)
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nsed -i \'s/Hello!/Good day!/\' "$1"; cp "$1" "$1.seen"\n')
    script.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    app: Any = AppThatSuspends()
    said = edit_outside(app, example)
    assert said == ("My lamp.", "We mend it.", written([turns[0], Turn("assistant", "Good day! What is wrong?")]))
    (seen,) = tmp_path.glob("*.seen")
    assert [line.split()[1:3] for line in seen.read_text().splitlines() if line.startswith("─")] == [
        ["user,", "earlier"],
        ["assistant,", "earlier"],
        ["prompt", "(leave"],
        ["completion", "(leave"],
    ]
    with Store.open(project.store_path, "anna") as store:
        change = store.set_text(1, context=said.context)
        assert change.summary == "edit the earlier turns of example 1"
        assert store.example(1).context == said.context and store.example(1).prompt_hash != example.prompt_hash
        store.undo()
        assert store.example(1) == example


async def test_in_place_the_earlier_turns_stand_above_to_be_read(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    with Store.open(project.store_path, "anna") as store:
        turns = [Turn("user", "[b]Hi"), Turn("assistant", "Hello\x1b[1m")]
        store.add([Candidate("My lamp.", "We mend it.", context=written(turns))], "t")
    async with opened(project) as pilot:
        await press(pilot, "e")
        earlier = str(pilot.app.screen.query_one("#earlier Static", Static).render())
        assert earlier == "user, earlier\n[b]Hi\n\nassistant, earlier\nHello␛[1m"
        await press(pilot, *"Now: ", "ctrl+s")
    with Store.open(project.store_path, "anna") as store:
        assert (store.example(1).prompt, store.example(1).context) == ("Now: My lamp.", written(turns))


async def test_a_terminal_that_cannot_be_handed_over_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "true")
    async with opened(row_with(tmp_path, "a", "b")) as pilot:
        await press(pilot, "E")
        assert said(pilot) == "This terminal cannot be handed to an editor. e edits in place.", "as in a headless test"
