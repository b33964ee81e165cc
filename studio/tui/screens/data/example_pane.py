"""One example in full: prompt, completion, what is known about it. Its text is data: shown, never interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui.styles import style_of
from studio.tui.widgets.lines import content_of
from studio.tui.widgets.pair_text import state_of, text_lines, turn_lines
from studio.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from studio.dataset.store import Example


@dataclass(frozen=True)
class ShownTokens:
    """Token counts of the example shown and the fate that ``max_length`` gives it."""

    prompt_tokens: int
    completion_tokens: int
    fate: str


class ExamplePane(TextPane):
    """``show`` an example, or None for an empty pane."""

    def __init__(self) -> None:
        super().__init__(classes="panel")

    def show(self, example: Example | None, tokens: ShownTokens | None = None, found: str = "") -> None:
        """``found`` is what was searched for; it is marked wherever it occurs."""
        content = Content("\n").join(_parts(example, tokens, found)) if example else Content("")
        self.show_text(lambda width: content)
        if example is None:
            self.border_title = self.border_subtitle = None
            return
        self.border_title = Content(state_of(example))
        self.border_subtitle = Content(_edits(example))


def _parts(example: Example, tokens: ShownTokens | None, found: str) -> list[Content]:
    parts: list[Content] = []
    if example.system:
        parts += [_heading("system", "dim", ""), _text(example.system, "dim", found), Content("")]
    if example.context:
        parts += [content_of(line) for line in turn_lines(example.context, found)]
    counts = (f"{tokens.prompt_tokens:,} tokens", f"{tokens.completion_tokens:,} tokens") if tokens else ("", "")
    if example.prompt:
        parts += [_heading("prompt", "prompt", counts[0]), _text(example.prompt, "plain", found), Content("")]
    name = "completion" if example.prompt else "plain text, learned whole by objective=text"
    parts += [_heading(name, "completion", counts[1]), _text(example.completion, "plain", found)]
    if example.rejected:
        parts += [Content(""), _heading("rejected", "bad", ""), _text(example.rejected, "dim", found)]
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
