"""Edit prompt and completion in place; what is not typed over stays as it is, character for character.

The earlier turns of a conversation stand above, to be read; $EDITOR has them to be edited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of
from studio.tui.widgets.exact_text import ExactTextArea
from studio.tui.widgets.lines import content_of
from studio.tui.widgets.pair_text import turn_lines

if TYPE_CHECKING:
    from studio.dataset.store import Example

KEYS = "ctrl+s saves · esc leaves · tab the other text"


class RowTexts(NamedTuple):
    """The texts of a row that can be edited; ``context`` as ``studio.turns`` keeps it."""

    prompt: str
    completion: str
    context: str


def texts_of(example: Example) -> RowTexts:
    return RowTexts(example.prompt, example.completion, example.context)


class EditDialog(StudioDialog):
    """Two text areas. Dismissed with the row's texts, or None when nothing is to be saved."""

    BINDINGS = actions.bindings_for("Edit")
    DEFAULT_CSS = """
    EditDialog > Vertical.dialog { height: 90%; }
    EditDialog ExactTextArea { height: 1fr; border: round $studio-faint; padding: 0; }
    EditDialog ExactTextArea { border-title-color: $studio-label; }
    EditDialog ExactTextArea:focus { border: round $primary; }
    EditDialog #completion { height: 1fr; }
    EditDialog #earlier { height: auto; max-height: 25%; padding: 0 1; }
    EditDialog #words { height: 1; }
    """

    def __init__(self, example: Example) -> None:
        super().__init__()
        self._example = example
        self._was_warned = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"edit · row {self._example.example_id}")
            if self._example.context:
                lines = [content_of(line) for line in turn_lines(self._example.context, "")]
                with VerticalScroll(id="earlier", can_focus=False):
                    yield Static(Content("\n").join(lines[:-1]))
            for name, text in (("prompt", self._example.prompt), ("completion", self._example.completion)):
                area = ExactTextArea(text, id=name, soft_wrap=True, tab_behavior="focus")
                area.border_title = name
                yield area
            yield Static(self._words(KEYS, "dim"), id="words")

    @property
    def texts(self) -> RowTexts:
        prompt, completion = (self.query_one(f"#{name}", ExactTextArea).exact for name in ("prompt", "completion"))
        return RowTexts(prompt, completion, self._example.context)

    def action_save(self) -> None:
        if not self.texts.completion.strip():
            self._say("An empty completion teaches nothing: write one, or esc.", "bad")
            return
        self.dismiss(self.texts)

    async def action_dismiss(self, result: RowTexts | None = None) -> None:
        if self.texts == texts_of(self._example) or self._was_warned:
            self.dismiss(None)
            return
        self._was_warned = True
        self._say("Not saved: ctrl+s saves, esc again throws the changes away.", "warn")

    def on_text_area_changed(self) -> None:
        self._was_warned = False

    def on_text_area_selection_changed(self, event: ExactTextArea.SelectionChanged) -> None:
        """What a symbol stands for is said while the cursor is on it."""
        area = event.text_area
        if isinstance(area, ExactTextArea) and not self._was_warned:
            name = area.under_cursor
            self._say(f"here: {name}, kept as it is" if name else KEYS, "dim")

    def _say(self, words: str, style: str) -> None:
        self.query_one("#words", Static).update(self._words(words, style))

    def _words(self, words: str, style: str) -> Content:
        return Content.styled(words, style_of(style))
