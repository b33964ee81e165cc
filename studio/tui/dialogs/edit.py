"""Edit prompt and completion in place; what is not typed over stays as it is, character for character."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of
from studio.tui.widgets.exact_text import ExactTextArea

if TYPE_CHECKING:
    from studio.dataset.store import Example

KEYS = "ctrl+s saves · esc leaves · tab the other text"


class EditDialog(StudioDialog):
    """Two text areas. Dismissed with (prompt, completion), or None when nothing is to be saved."""

    BINDINGS = actions.bindings_for("Edit")
    DEFAULT_CSS = """
    EditDialog > Vertical.dialog { height: 90%; }
    EditDialog ExactTextArea { height: 1fr; border: round $studio-faint; padding: 0; }
    EditDialog ExactTextArea { border-title-color: $studio-label; }
    EditDialog ExactTextArea:focus { border: round $primary; }
    EditDialog #completion { height: 1fr; }
    EditDialog Static { height: 1; }
    """

    def __init__(self, example: Example) -> None:
        super().__init__()
        self._example = example
        self._was_warned = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"edit · row {self._example.example_id}")
            for name, text in (("prompt", self._example.prompt), ("completion", self._example.completion)):
                area = ExactTextArea(text, id=name, soft_wrap=True, tab_behavior="focus")
                area.border_title = name
                yield area
            yield Static(self._words(KEYS, "dim"))

    @property
    def texts(self) -> tuple[str, str]:
        prompt, completion = (self.query_one(f"#{name}", ExactTextArea).exact for name in ("prompt", "completion"))
        return prompt, completion

    def action_save(self) -> None:
        if not self.texts[1].strip():
            self.query_one(Static).update(self._words("An empty completion teaches nothing: write one, or esc.", "bad"))
            return
        self.dismiss(self.texts)

    async def action_dismiss(self, result: tuple[str, str] | None = None) -> None:
        if self.texts == (self._example.prompt, self._example.completion) or self._was_warned:
            self.dismiss(None)
            return
        self._was_warned = True
        self.query_one(Static).update(
            self._words("Not saved: ctrl+s saves, esc again throws the changes away.", "warn")
        )

    def on_text_area_changed(self) -> None:
        self._was_warned = False

    def on_text_area_selection_changed(self, event: ExactTextArea.SelectionChanged) -> None:
        """What a symbol stands for is said while the cursor is on it."""
        area = event.text_area
        if isinstance(area, ExactTextArea) and not self._was_warned:
            name = area.under_cursor
            self.query_one(Static).update(self._words(f"here: {name}, kept as it is" if name else KEYS, "dim"))

    def _words(self, words: str, style: str) -> Content:
        return Content.styled(words, style_of(style))
