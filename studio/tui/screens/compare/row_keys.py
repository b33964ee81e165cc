"""The keys of Compare that the screen hands on, each to the part that does it."""

from __future__ import annotations

from studio.tui.screens.compare.choosing import Choosing


class RowKeys:
    """A child makes the parts."""

    choosing: Choosing

    def action_sort_rows(self) -> None:
        self.choosing.next_order()

    def action_weakest_first(self) -> None:
        self.choosing.weakest_first()

    def action_filter_task(self) -> None:
        self.choosing.next_task()

    def action_fixed_rows(self) -> None:
        self.choosing.only("fixed")

    def action_broken_rows(self) -> None:
        self.choosing.only("broken")

    def action_both_right(self) -> None:
        self.choosing.only("both")

    def action_neither_right(self) -> None:
        self.choosing.only("neither")

    def action_faulty_rows(self) -> None:
        self.choosing.faulty()
