"""The status line: on the left how far one is, on the right what just happened and that it is saved."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from studio.reports.numbers import number, percent
from studio.tui.styles import style_of

_STYLES = {"information": "plain", "warning": "warn", "error": "bad"}
_SIGNS = {"information": "", "warning": "! ", "error": "✗ "}


class StatusLine(Widget):
    """``say`` sets the right side; ``progress`` and ``note`` the left."""

    def __init__(self) -> None:
        super().__init__()
        self._said, self._severity = "", "information"
        self._done, self._total, self._note = 0, 0, ""

    def say(self, text: str, severity: str = "information") -> None:
        self._said, self._severity = " ".join(text.split()), severity
        self.refresh()

    def progress(self, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` labelled, with a bar where there is room; ``note`` follows it."""
        self._done, self._total, self._note = done, total, note
        self.refresh()

    def note(self, text: str) -> None:
        """Plain words on the left instead of a progress bar."""
        self.progress(0, 0, text)

    def render(self) -> Content:
        width = self.size.width
        said = Content.styled(_SIGNS[self._severity] + self._said, style_of(_STYLES[self._severity]))
        if self._severity != "information":  # what went wrong matters more than how far one is
            return Content.assemble(" ", said.truncate(max(1, width - 2), ellipsis=True))
        has_left = self._total or self._note
        said = said.truncate(max(1, width * 2 // 3 if has_left else width - 2), ellipsis=True)
        left = self._left(width - said.cell_length - 4)
        spare = width - left.cell_length - said.cell_length - 2
        return Content.assemble(" ", left, " " * max(1, spare), said)

    def _left(self, room: int) -> Content:
        if not self._total:
            return Content.styled(self._note, style_of("dim")).truncate(max(1, room), ellipsis=True)
        words = f"{number(self._done)} of {number(self._total)} labelled "
        share = f" {percent(self._done / self._total)}"
        note = share + (f" · {self._note}" if self._note else "")
        cells = min(40, room - len(words) - len(note))
        if cells < 8:
            pieces = (words + note.strip(), words + share.strip(), words.strip(), "")
            return Content.styled(next((one for one in pieces if len(one) <= room), ""), style_of("dim"))
        full = round(cells * self._done / self._total)
        return Content.assemble(
            (words, style_of("plain")),
            ("━" * full, style_of("good")),
            ("╺" + "─" * (cells - full - 1) if full < cells else "", style_of("faint")),
            (note, style_of("dim")),
        )
