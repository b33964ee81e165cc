"""Which rows are shown, in which order, and which of them are selected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from studio.reports.compare_rows import LISTS, RowChoice, chosen_rows
from studio.reports.numbers import counted, number
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.reports.compare import CompareRow
    from studio.tui.screens.compare.desk import Desk


class Choosing:
    """Each key changes one part of the choice, and the rows are drawn anew from their first."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.choice = RowChoice()
        self.rows: list[CompareRow] = []
        self.selected: set[int] = set()

    def begin(self) -> None:
        """Another comparison: all of its rows, none selected."""
        self.choice = RowChoice()
        self.selected.clear()

    def collect(self) -> None:
        """The rows of the choice, from the comparison that is shown."""
        loaded = self._desk.loaded
        self.rows = [] if loaded is None else chosen_rows(loaded.view, self.choice)

    @property
    def acted_on(self) -> list[CompareRow]:
        """The selected rows in the order of the test set if there are any, else the cursor's row."""
        if self.selected and self._desk.loaded is not None:
            return [row for row in self._desk.loaded.view.rows if row.example_id in self.selected]
        row = self._desk.cursor_row
        return [] if row is None else [row]

    # -- which rows

    def only(self, kind: str) -> None:
        """The list ``kind``, or all rows again where that is what is shown."""
        self._take(self.choice.with_kind(kind))
        words = " or ".join(LISTS[kind])
        self._desk.say(f"{counted(len(self.rows), 'row')} {words}" if self.choice.kind else "all rows")

    def next_task(self) -> None:
        loaded = self._desk.loaded
        tasks = ["", *(loaded.view.comparison.tasks if loaded else ())]
        task = tasks[(tasks.index(self.choice.task) + 1) % len(tasks)]
        self._take(replace(self.choice, task=task))
        self._desk.say(f"only {task}" if task else "all tasks")

    def faulty(self) -> None:
        self._take(replace(self.choice, only_faulty=not self.choice.only_faulty))
        count = counted(len(self.rows), "row")
        self._desk.say(f"{count} with an answer that was cut or failed" if self.choice.only_faulty else "all rows")

    def ask_words(self) -> None:
        hint = "in prompt, reference and answers; empty shows all rows"
        older = self._desk.session.history.lines("search")
        self._desk.bar.ask("search", "/", self.choice.words, hint=hint, older=older)

    def enter_words(self, text: str) -> None:
        if text.strip():
            self._desk.session.history.add("search", text)
        self._desk.close_bar()
        self._take(replace(self.choice, words=text.strip()))
        self._desk.say(f"{counted(len(self.rows), 'row')} with {visible(text)}" if text.strip() else "all rows")

    # -- in which order

    def next_order(self) -> None:
        self._take(self.choice.with_next_order())
        self._desk.say(f"order: {self.choice.order}")

    def weakest_first(self) -> None:
        """The rows on which an arm did worst, first; again takes the next arm, and after the last none."""
        loaded = self._desk.loaded
        arms = ["", *(loaded.view.comparison.arms if loaded else ())]
        arm = arms[(arms.index(self.choice.weakest) + 1) % len(arms)]
        self._take(replace(self.choice, weakest=arm))
        self._desk.say(f"order: {self.choice.order_words}")

    # -- selected

    def toggle(self) -> None:
        if row := self._desk.cursor_row:
            self.selected ^= {row.example_id}
            self._say_selected()

    def select_all(self) -> None:
        """All rows that are shown, or none where all are selected already."""
        shown = {row.example_id for row in self.rows}
        self.selected = self.selected - shown if shown <= self.selected else self.selected | shown
        self._say_selected()

    def let_go(self) -> bool:
        """Take back the last thing chosen: the selection, else what narrows the rows; whether there was anything."""
        if self.selected:
            self.selected.clear()
            self._desk.redraw()
            self._desk.say("nothing is selected")
        elif not self.choice.is_all:
            self._take(RowChoice(order=self.choice.order, weakest=self.choice.weakest))
            self._desk.say("all rows")
        else:
            return False
        return True

    def _say_selected(self) -> None:
        self._desk.redraw()
        count = len(self.selected)
        self._desk.say(f"{number(count)} selected: b sends them back, esc lets go" if count else "nothing is selected")

    def _take(self, choice: RowChoice) -> None:
        self.choice = choice
        self._desk.redraw(from_top=True)
