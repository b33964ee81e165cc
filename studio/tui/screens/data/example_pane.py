"""One example in full: prompt, completion, what is known about it. Its text is data: shown, never interpreted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui.styles import style_of

if TYPE_CHECKING:
    from studio.dataset.store import Example

SHOWN_CHARS = 50_000


@dataclass(frozen=True)
class ShownTokens:
    """Token counts of the example shown and the fate that ``max_length`` gives it."""

    prompt_tokens: int
    completion_tokens: int
    fate: str


class ExamplePane(VerticalScroll):
    """``show`` an example, or None for an empty pane."""

    def __init__(self) -> None:
        super().__init__(classes="panel")

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, example: Example | None, tokens: ShownTokens | None = None, found: str = "") -> None:
        """``found`` is what was searched for; it is marked wherever it occurs."""
        static = self.query_one(Static)
        if example is None:
            static.update("")
            self.border_title = self.border_subtitle = None
            return
        parts: list[Content] = []
        if example.system:
            parts += [_heading("system", "dim", ""), _text(example.system, "dim", found), Content("")]
        counts = (f"{tokens.prompt_tokens:,} tokens", f"{tokens.completion_tokens:,} tokens") if tokens else ("", "")
        parts += [_heading("prompt", "prompt", counts[0]), _text(example.prompt, "plain", found), Content("")]
        parts += [_heading("completion", "completion", counts[1]), _text(example.completion, "plain", found)]
        parts += _remarks(example, tokens)
        static.update(Content("\n").join(parts))
        self.scroll_to(y=0, animate=False)
        words = [str(example.example_id), visible(example.task, single_line=True), example.label, example.split]
        self.border_title = Content(" · ".join(word for word in words if word not in ("", "none")))
        self.border_subtitle = Content(_edits(example))


def _heading(words: str, style: str, right: str) -> Content:
    return Content.assemble((words, f"{style_of(style)} bold"), (f"  {right}" if right else "", style_of("dim")))


def _text(text: str, style: str, found: str) -> Content:
    shown = text[:SHOWN_CHARS]
    lines = visible(shown.replace("\r\n", "\n"))
    content = Content.styled(lines, style_of(style))
    for start in _places(lines, found):
        content = content.stylize(style_of("match"), start, start + len(found))
    if len(text) > SHOWN_CHARS:
        more = f"\n… {len(text) - SHOWN_CHARS:,} more characters; E opens all of it"
        content = Content.assemble(content, (more, style_of("warn")))
    return content


def _places(text: str, found: str, at_most: int = 200) -> Sequence[int]:
    places: list[int] = []
    folded, wanted, start = text.lower(), found.lower(), 0
    while wanted and len(places) < at_most and (start := folded.find(wanted, start)) >= 0:
        places.append(start)
        start += len(wanted)
    return places


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
