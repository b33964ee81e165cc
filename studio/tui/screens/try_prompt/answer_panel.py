"""One arm's answer as it is written."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from studio.reports.visible import visible
from studio.tui.widgets.lines import Line, LinesView


class AnswerPanel(VerticalScroll):
    """``wait``, then ``add`` pieces, then ``end`` with the facts; or ``fail``."""

    DEFAULT_CSS = """
    AnswerPanel { width: 1fr; height: 1fr; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._text = ""
        self.is_idle = True

    def compose(self) -> ComposeResult:
        yield LinesView()

    def show_words(self, words: str) -> None:
        """Quiet words where there is no answer."""
        self._show([[(words, "dim")]])

    def clear(self) -> None:
        self._text, self.is_idle = "", True
        self._show([])

    def wait(self, words: str) -> None:
        self._text, self.is_idle = "", False
        self._show([[(words, "warn")]])

    def add(self, piece: str) -> None:
        self._text += piece
        self._show([*self._lines(), [("▌", "dim")]] if self._text.endswith("\n") else self._lines(cursor="▌"))
        self.scroll_end(animate=False)

    def end(self, facts: str) -> None:
        """The answer is whole, or will not be; ``facts``, its last line, say which."""
        lines = self._lines() if self._text else [[("nothing", "dim")]]
        self._show([*lines, [("", "")], [(facts, "dim")]])
        self.scroll_end(animate=False)

    def fail(self, message: str, hint: str) -> None:
        self._show([*self._lines(), [("✗ ", "limit"), (visible(message), "bad")], [(visible(hint), "")]])

    def _lines(self, cursor: str = "") -> list[Line]:
        lines: list[Line] = [[(visible(line), "completion")] for line in self._text.splitlines()]
        if cursor and lines:
            lines[-1].append((cursor, "dim"))
        return lines

    def _show(self, lines: list[Line]) -> None:
        self.query_one(LinesView).show(lines)
