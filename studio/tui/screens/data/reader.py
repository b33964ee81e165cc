"""The reader: one pair alone on the screen. The prompt scrolls, the completion stays in sight beneath it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui.screens.data.example_table import GLYPH_STYLES, GLYPHS
from studio.tui.styles import style_of
from studio.tui.widgets.lines import HeadLine, Line, folded, line_length, strip_of
from studio.tui.widgets.pair_text import state_of, text_lines, turn_lines

if TYPE_CHECKING:
    from studio.dataset.store import Example
    from studio.tui.screens.data.example_pane import ShownTokens

LEAST_SHARE = 3  # a long text beside another long one has at least this part of the height: a third


class TextRegion(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines folded to its width; only those in sight are drawn. ``show`` sets them, ``turn`` scrolls."""

    DEFAULT_CSS = """
    TextRegion { overflow-x: hidden; overflow-y: scroll; height: 1fr; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._folded: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        self._lines = lines
        self._fold()
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def lines_at(self, width: int) -> int:
        """How many lines the text takes in ``width`` cells."""
        return sum(len(folded(line, width, 0)) for line in self._lines)

    @property
    def page(self) -> int:
        return max(1, self.scrollable_content_region.height)

    @property
    def place(self) -> str:
        """Which lines are in sight, where not all of them are."""
        total, top = len(self._folded), round(self.scroll_offset.y)
        if total <= self.page:
            return ""
        return f"lines {number(top + 1)}-{number(min(total, top + self.page))} of {number(total)}"

    def turn(self, lines: int) -> bool:
        """Scroll by so many lines; whether there was anything further that way."""
        top = round(self.scroll_offset.y)
        wanted = max(0, min(top + lines, len(self._folded) - self.page))
        self.scroll_to(y=wanted, animate=False, force=True, immediate=True)
        return wanted != top

    def on_resize(self, event: events.Resize) -> None:
        self._fold()

    def _fold(self) -> None:
        width = max(1, self.scrollable_content_region.width)
        self._folded = [part for line in self._lines for part in folded(line, width, 0)]
        self.virtual_size = Size(width, len(self._folded))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, index = self.scrollable_content_region.width, round(self.scroll_offset.y) + y
        line = self._folded[index] if index < len(self._folded) else []
        return strip_of(self, line, width, self.rich_style)


class Reader(Vertical):
    """``show`` an example; ``place`` says which of the view's rows it is. Its border has the row's state.

    The completion has the lines it needs and stands at the bottom; where both texts are long, neither has less than a
    third of the height.
    """

    DEFAULT_CSS = """
    Reader { width: 1fr; height: 1fr; }
    Reader > HeadLine { height: 1; }
    """

    class Emptied(Message):
        """There is no row to read any more."""

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self._example: Example | None = None
        self._tokens: ShownTokens | None = None
        self._place = ""
        self._shown: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield HeadLine(lambda width: self._heading("prompt", self.prompt, width), id="prompt-head")
        yield TextRegion(id="prompt-text")
        yield HeadLine(lambda width: self._heading("completion", self.completion, width), id="completion-head")
        yield TextRegion(id="completion-text")

    @property
    def prompt(self) -> TextRegion:
        return self.query_one("#prompt-text", TextRegion)

    @property
    def completion(self) -> TextRegion:
        return self.query_one("#completion-text", TextRegion)

    def on_mount(self) -> None:
        for region in (self.prompt, self.completion):
            self.watch(region, "scroll_y", self._refresh_headings, init=False)
            self.watch(region, "has_focus", self._refresh_headings, init=False)

    # -- what it shows

    def show(self, example: Example | None, tokens: ShownTokens | None = None, found: str = "") -> None:
        """``found`` is what was searched for; it is marked. The same texts again stay scrolled where they are."""
        self._example, self._tokens = example, tokens
        if example is None:
            self.post_message(self.Emptied())
            return
        texts = (example.system, example.context, example.prompt, example.completion, found)
        if texts != self._shown:
            self._shown = texts
            system = [*text_lines(example.system, "dim", found), []] if example.system else []
            before = system + turn_lines(example.context, found)
            named: list[Line] = [[("user", "dim")]] if example.context else []
            self.prompt.show(before + named + text_lines(example.prompt, "plain", found))
            self.completion.show(text_lines(example.completion, "plain", found))
            self._share_height()
        self._refresh_headings()
        self._show_state()

    def place(self, words: str) -> None:
        self._place = words
        self._show_state()

    def _show_state(self) -> None:
        example, tokens = self._example, self._tokens
        if example is None:
            return
        glyph = (f"{GLYPHS[example.label]} ", style_of(GLYPH_STYLES[example.label]))
        mark = (f"◆ {visible(example.note, single_line=True)}".rstrip() + " · ", style_of("mark"))
        self.border_title = Content.assemble(glyph, mark if example.is_marked else "", f"row {state_of(example)}")
        ends = [self._place]
        if tokens is not None:
            ends.insert(0, f"{number(tokens.prompt_tokens + tokens.completion_tokens)} tokens")
            ends.insert(1, f"fate {tokens.fate}" if tokens.fate == "whole" else f"▲ fate {tokens.fate}")
        if example.edit_count:
            ends.insert(0, counted(example.edit_count, "edit"))
        self.border_subtitle = Content(" · ".join(filter(None, ends)))

    def _heading(self, name: str, region: TextRegion, width: int) -> Line:
        words = f"  {number(getattr(self._tokens, f'{name}_tokens'))} tokens" if self._tokens else ""
        line: Line = [("▸ " if region.has_focus and self.completion.has_focus else "", "title"), (name, name)]
        line.append((words, "dim"))
        return [*line, (region.place.rjust(max(1, width - line_length(line))), "dim")] if region.place else line

    def _refresh_headings(self) -> None:
        for heading in self.query(HeadLine):
            heading.refresh()

    # -- its height shared out

    def on_resize(self, event: events.Resize) -> None:
        self._share_height()

    def _share_height(self) -> None:
        height, width = self.content_size.height - 2, self.content_size.width  # 2 headings
        if height < 2 or width < 2:
            return
        prompt, completion = (region.lines_at(width - 1) for region in (self.prompt, self.completion))
        least = max(1, height // LEAST_SHARE)
        self.completion.styles.height = max(1, min(completion, max(least, height - max(prompt, least))))
        self.call_after_refresh(self._refresh_headings)

    # -- its keys

    def scroll_text(self, direction: int, *, whole_page: bool = False) -> None:
        """A page on (1) or back (-1) in the text with the keyboard; where that has ended, in the other."""
        first, second = self.prompt, self.completion
        if second.has_focus:
            first, second = second, first
        for region in (first, second):
            lines = region.page - 1 if whole_page else region.page // 2
            if region.turn(direction * max(1, lines)):
                return
