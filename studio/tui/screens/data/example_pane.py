"""One example in full: prompt, completion, what is known about it. Its text is data: shown, never interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Size
from textual.messages import Update
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui.screens.data.pair_text import state_of, text_lines
from studio.tui.styles import style_of
from studio.tui.widgets.lines import content_of

if TYPE_CHECKING:
    from studio.dataset.store import Example


@dataclass(frozen=True)
class ShownTokens:
    """Token counts of the example shown and the fate that ``max_length`` gives it."""

    prompt_tokens: int
    completion_tokens: int
    fate: str


class ExamplePane(ScrollView):
    """``show`` an example, or None for an empty pane.

    It wraps its text itself and draws line by line: another text in it lays nothing out anew, and so is on the terminal
    in the very frame in which the table's cursor moves.
    """

    DEFAULT_CSS = """
    ExamplePane { overflow-x: hidden; overflow-y: auto; }
    """

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self._content = Content("")
        self._wrapped: dict[int, list[Strip]] = {}

    def show(self, example: Example | None, tokens: ShownTokens | None = None, found: str = "") -> None:
        """``found`` is what was searched for; it is marked wherever it occurs."""
        self._content = Content("\n").join(_parts(example, tokens, found)) if example else Content("")
        self._wrapped.clear()
        self._fit()
        self.scroll_to(y=0, animate=False)
        self.refresh()
        self.screen.post_message(Update(self))  # when this widget is idle it would be too late for the next frame
        if example is None:
            self.border_title = self.border_subtitle = None
            return
        self.border_title = Content(state_of(example))
        self.border_subtitle = Content(_edits(example))

    def render(self) -> Content:
        """All of it, unwrapped: what a selection by mouse is cut from."""
        return self._content

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        lines, at = self._lines(width), y + round(self.scroll_offset.y)
        return lines[at] if at < len(lines) else Strip.blank(width, self.rich_style)

    def on_resize(self) -> None:
        self._fit()

    def notify_style_update(self) -> None:
        self._wrapped.clear()  # another theme
        super().notify_style_update()

    def selection_updated(self, selection: Selection | None) -> None:
        self._wrapped.clear()
        super().selection_updated(selection)

    def _fit(self) -> None:
        """Make room to scroll in, and a scroll bar, where the text is longer than the pane."""
        width, height = self.content_size
        lines = len(self._lines(width)) if width else 0
        if lines > height:
            lines = len(self._lines(width - self.styles.scrollbar_size_vertical))
        self.virtual_size = Size(0, lines if lines > height else 0)  # one size for all that fits: no layout for those

    def _lines(self, width: int) -> list[Strip]:
        if width not in self._wrapped:
            style = self.visual_style
            self._wrapped[width] = Visual.to_strips(self, self._content, width, None, style, pad=True)
        return self._wrapped[width]


def _parts(example: Example, tokens: ShownTokens | None, found: str) -> list[Content]:
    parts: list[Content] = []
    if example.system:
        parts += [_heading("system", "dim", ""), _text(example.system, "dim", found), Content("")]
    counts = (f"{tokens.prompt_tokens:,} tokens", f"{tokens.completion_tokens:,} tokens") if tokens else ("", "")
    parts += [_heading("prompt", "prompt", counts[0]), _text(example.prompt, "plain", found), Content("")]
    parts += [_heading("completion", "completion", counts[1]), _text(example.completion, "plain", found)]
    return parts + _remarks(example, tokens)


def _heading(words: str, style: str, right: str) -> Content:
    return Content.assemble((words, f"{style_of(style)} bold"), (f"  {right}" if right else "", style_of("dim")))


def _text(text: str, style: str, found: str) -> Content:
    return Content("\n").join(map(content_of, text_lines(text, style, found)))


def _remarks(example: Example, tokens: ShownTokens | None) -> list[Content]:
    remarks = []
    if example.is_marked:
        remarks.append(Content.styled(f"◆ marked {visible(example.note, single_line=True)}".rstrip(), style_of("mark")))
    if tokens:
        if tokens.fate == "whole":
            words = f"fate whole · learns {tokens.completion_tokens:,} tokens with the end-of-turn"
            remarks.append(Content.styled(words, style_of("dim")))
        else:
            remarks.append(Content.styled(f"▲ fate {tokens.fate} at this max_length", style_of("warn")))
    where = f"{example.source}:{example.source_line}" if example.source_line else example.source
    if where:
        remarks.append(Content.styled(visible(f"from {where}", single_line=True), style_of("dim")))
    return [Content(""), *remarks] if remarks else []


def _edits(example: Example) -> str:
    if not example.edit_count:
        return ""
    times = counted(example.edit_count, "edit")
    if example.last_edit_at is None:
        return times
    return f"{times}, last by {visible(example.last_edit_who, single_line=True)} {example.last_edit_at:%Y-%m-%d %H:%M}"
