"""The status line: on the left how far one is, on the right what just happened and that it is saved."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from studio.reports.cells import cells as cells_of
from studio.reports.cells import cut
from studio.reports.numbers import number, percent
from studio.tui.styles import style_of
from studio.tui.widgets.lines import folded

_STYLES = {"information": "plain", "warning": "warn", "error": "bad"}
_SIGNS = {"information": "", "warning": "! ", "error": "✗ "}
_MOST_LINES = 4  # the progress, and three for an error however long


class StatusLine(Widget):
    """``say`` sets the right side; ``progress`` and ``note`` the left.

    What just happened is shortened by whole words where it does not fit beside the left side. A warning or an error is
    never shortened before it has filled lines of its own beneath; they go when it does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said, self._severity = "", "information"
        self._done, self._total, self._note = 0, 0, ""
        self._height = 1

    def say(self, text: str, severity: str = "information") -> None:
        self._said, self._severity = " ".join(text.split()), severity
        self._take_room()

    def progress(self, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` labelled, with a bar where there is room; ``note`` follows it."""
        self._done, self._total, self._note = done, total, note
        self._take_room()

    def note(self, text: str) -> None:
        """Plain words on the left instead of a progress bar."""
        self.progress(0, 0, text)

    def on_resize(self, event: events.Resize) -> None:
        self._take_room()

    def _take_room(self) -> None:
        lines = 1 + len(self._beneath(self.size.width))
        if self.size.width and self._height != lines:
            self.styles.height = self._height = lines
        self.refresh()

    def _beneath(self, width: int) -> list[str]:
        """The lines of a warning or an error that has no room beside the left side."""
        said = _SIGNS[self._severity] + self._said
        if self._severity == "information" or width < 8 or cells_of(said) <= self._room_beside(width):
            return []
        lines = ["".join(text for text, _ in line) for line in folded([(said, "")], width - 2, 0)]
        if len(lines) >= _MOST_LINES:
            rest = " ".join(lines[_MOST_LINES - 2 :])
            lines = [*lines[: _MOST_LINES - 2], shortened(rest, width - 2)]
        return lines

    def _room_beside(self, width: int) -> int:
        """Cells that what is said may take beside the shortest useful left side."""
        least = self._left(0) if self._total else Content(self._note)
        return width - 2 - (least.cell_length + 2 if least.cell_length else 0)

    def render(self) -> Content:
        width = self.size.width
        style = style_of(_STYLES[self._severity])
        if beneath := self._beneath(width):
            lines = [Content.assemble(" ", self._left(width - 2))]
            lines += [Content.styled(f" {one}", style) for one in beneath]
            return Content("\n").join(lines)
        said = Content.styled(shortened(_SIGNS[self._severity] + self._said, self._room_beside(width)), style)
        left = self._left(width - said.cell_length - 4)
        spare = width - left.cell_length - said.cell_length - 2
        return Content.assemble(" ", left, " " * max(1, spare), said)

    def _left(self, room: int) -> Content:
        if not self._total:
            return Content.styled(shortened(self._note, max(1, room)), style_of("dim"))
        words = f"{number(self._done)} of {number(self._total)} labelled "
        share = f" {percent(self._done / self._total)}"
        note = share + (f" · {self._note}" if self._note else "")
        cells = min(40, room - len(words) - len(note))
        if cells < 8:
            pieces = (words + note.strip(), words + share.strip())
            return Content.styled(next((one for one in pieces if len(one) <= room), words.strip()), style_of("dim"))
        full = round(cells * self._done / self._total)
        return Content.assemble(
            (words, style_of("plain")),
            ("━" * full, style_of("good")),
            ("╺" + "─" * (cells - full - 1) if full < cells else "", style_of("faint")),
            (note, style_of("dim")),
        )


def shortened(text: str, cells: int) -> str:
    """``text`` in at most ``cells``: whole words, and ``…`` for those left out; a single word is cut."""
    if cells_of(text) <= cells:
        return text
    kept = ""
    for word in text.split():
        longer = f"{kept} {word}".strip()
        if cells_of(longer) + 2 > cells:
            break
        kept = longer
    if not kept:
        return cut(text, max(1, cells))
    return f"{kept.rstrip(' ·,;:')} …"
