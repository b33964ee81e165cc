"""The top line: the six screens, the project, the model."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.widget import Widget

from studio.reports.visible import visible
from studio.tui.styles import style_of

TABS = (("F2", "Data"), ("F3", "Window"), ("F4", "Runs"), ("F5", "Compare"), ("F6", "Try"), ("F7", "Checks"))


@dataclass(frozen=True)
class HeaderFacts:
    """What the header says; ``examples`` is empty until they are counted, ``model`` may name its window."""

    screen: str
    project: str
    examples: str = ""
    running: int = 0
    model: str = ""


class HeaderBar(Widget):
    """Where there is little room the tabs stay and the rest goes: first the model, then the counts, then the name."""

    def __init__(self) -> None:
        super().__init__()
        self._facts = HeaderFacts("", "")
        self._tab_ends: list[tuple[int, int, str]] = []

    def show(self, facts: HeaderFacts) -> None:
        if facts != self._facts:
            self._facts = facts
            self.refresh()

    def render(self) -> Content:
        facts, width = self._facts, self.size.width
        tabs = self._tabs(roomy=width >= 110)
        name, counts = f" {visible(facts.project, single_line=True)}", f" · {facts.examples}" if facts.examples else ""
        left = Content.assemble(
            (" tune-studio ", style_of("title")), (name, style_of("bold")), (counts, style_of("dim"))
        )
        model = visible(facts.model, single_line=True)
        right = Content.styled(f"{model} " if model else "", style_of("dim"))
        for head, tail in ((left, right), (left, Content("")), (Content.styled(name, style_of("bold")), Content(""))):
            spare = width - head.cell_length - tabs.cell_length - tail.cell_length
            if spare >= 2:
                break
        else:
            head, tail, spare = Content(""), Content(""), width - tabs.cell_length
        # Tabs stand in the middle of what is left, so that they keep their place when a count changes by a digit.
        before = max(0, spare // 2) if tail.cell_length else max(0, spare)
        self._place_tabs(head.cell_length + before, roomy=width >= 110)
        return Content.assemble(head, " " * before, tabs, " " * max(0, spare - before), tail)

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._tab_ends:
            if start <= event.x < end:
                self.call_later(self.app.run_action, name.lower(), self.screen)

    def _tabs(self, *, roomy: bool) -> Content:
        gap = "   " if roomy else " "
        pieces: list[Content | str | tuple[str, str]] = []
        for key, name in TABS:
            is_here = name == self._facts.screen
            pieces.append((f" {key} ", style_of("key") if is_here else style_of("dim")))
            pieces.append((name, f"{style_of('bold')} underline" if is_here else style_of("dim")))
            if name == "Runs" and self._facts.running:
                pieces.append((f" ●{self._facts.running}", style_of("good")))
            pieces.append(gap)
        return Content.assemble(*pieces)

    def _place_tabs(self, start: int, *, roomy: bool) -> None:
        self._tab_ends = []
        for key, name in TABS:
            running = len(f" ●{self._facts.running}") if name == "Runs" and self._facts.running else 0
            end = start + len(key) + len(name) + 2 + running
            self._tab_ends.append((start, end, name))
            start = end + (3 if roomy else 1)
