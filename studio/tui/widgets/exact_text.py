"""A text area that gives back what it was given: control and invisible characters are shown, and none is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.text import Text
from textual import events
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from studio.reports.stand_ins import StandIns, named
from studio.tui.styles import style


class ExactTextArea(TextArea):
    """``exact`` is the text, character for character, but for what was typed, pasted or deleted."""

    def __init__(self, text: str, **options: Any) -> None:
        self._stand_ins = StandIns(text)
        super().__init__(self._stand_ins.held(text), **options)

    @property
    def exact(self) -> str:
        return self._stand_ins.meant(self.text)

    @property
    def under_cursor(self) -> str:
        """The name of the unseen character that the cursor stands on; empty where it stands on none."""
        row, column = self.cursor_location
        meaning = self._stand_ins.meaning(self.document.get_line(row)[column : column + 1])
        return "" if meaning is None else named(meaning)

    @property
    def selected_text(self) -> str:
        return self._stand_ins.meant(super().selected_text)

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        line.plain, places = self._stand_ins.drawn(line.plain)
        for at in places:
            line.stylize(style(self.app, "control"), at, at + 1)
        return line

    def edit(self, edit: Edit) -> EditResult:
        """What is put in gets its stand-ins; what is taken out, for the clipboard, its characters."""
        result = super().edit(replace(edit, text=self._stand_ins.held(edit.text)))
        return replace(result, replaced_text=self._stand_ins.meant(result.replaced_text))

    async def on_key(self, event: events.Key) -> None:
        """Keys are done one after the other: none is typed into a text that the key before it has saved and left."""
        if not self.screen.is_current:
            if self.app.screen_stack:  # an app that ends has no screen: the key would come back for ever
                self.app.post_message(events.Key(event.key, event.character))
        elif event.is_printable or not await self.app._check_bindings(event.key):
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Terminals send ``\\r`` for the line ends of what is pasted."""
        event.prevent_default()
        event.stop()
        pasted = event.text.replace("\r\n", "\n").replace("\r", "\n")
        result = self.replace(pasted, *self.selection, maintain_selection_offset=False)
        self.move_cursor(result.end_location)
