"""One arm's answer as it is written, below the turns before it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from studio.reports.visible import visible
from studio.tui.widgets.lines import Line, LinesView


class AnswerPanel(VerticalScroll):
    """Of ``arm``, empty for none. ``wait``, then ``add`` pieces, then ``end`` with the facts; or ``fail``.

    ``go_on`` makes the answer an earlier turn.
    """

    DEFAULT_CSS = """
    AnswerPanel { width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self.arm = ""
        self.text = ""
        self.is_idle = True
        self._turns: list[Line] = []
        self._sources: list[Line] = []

    def compose(self) -> ComposeResult:
        yield LinesView()

    def show_words(self, words: str) -> None:
        """Quiet words where there is no answer."""
        if not self._turns:
            self._show([[(words, "dim")]])

    def clear(self) -> None:
        """Forget the answer and the turns."""
        self.text, self.is_idle, self._turns, self._sources = "", True, [], []
        self._show([])

    def wait(self, words: str, sources: Sequence[str] = ()) -> None:
        """An answer is asked for; ``sources`` are what a search found for it."""
        self.text, self.is_idle = "", False
        self._sources = [[("sources ", "dim"), (visible(", ".join(sources)), "dim")]] if sources else []
        self._show([[(words, "warn")]])

    def add(self, piece: str) -> None:
        self.text += piece
        self._show([*self._lines(), [("▌", "dim")]] if self.text.endswith("\n") else self._lines(cursor="▌"))
        self.scroll_end(animate=False)

    def end(self, facts: str) -> None:
        """The answer is whole, or will not be; ``facts``, its last line, say which."""
        lines = self._lines() if self.text else [[("nothing", "dim")]]
        self._show([*lines, [("", "")], [(facts, "dim")]])
        self.scroll_end(animate=False)

    def fail(self, message: str, hint: str) -> None:
        self._show([*self._lines(), [("✗ ", "limit"), (visible(message), "bad")], [(visible(hint), "")]])

    def go_on(self, prompt: str) -> None:
        """The answer to ``prompt`` is a turn before the next one from now on."""
        self._turns += [[(f"› {visible(line)}", "prompt")] for line in prompt.splitlines()]
        self._turns += [[(visible(line), "dim")] for line in self.text.splitlines()]
        self._turns.append([("", "")])
        self.text, self.is_idle, self._sources = "", False, []
        self._show([])
        self.scroll_end(animate=False)

    def forget_turns(self) -> None:
        """Only the newest answer stays."""
        if self._turns:
            self.clear()

    def _lines(self, cursor: str = "") -> list[Line]:
        lines: list[Line] = [[(visible(line), "completion")] for line in self.text.splitlines()]
        if cursor and lines:
            lines[-1].append((cursor, "dim"))
        return lines

    def _show(self, lines: list[Line]) -> None:
        self.query_one(LinesView).show([*self._turns, *self._sources, *lines])
