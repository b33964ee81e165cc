"""The keys of Compare that the screen hands on, each to the part that does it."""

from __future__ import annotations

from studio.tui.screens.compare.choosing import Choosing
from studio.tui.screens.compare.nearest import Nearest
from studio.tui.screens.compare.sending import Sending
from studio.tui.screens.compare.telling import Telling


class RowKeys:
    """A child makes the parts."""

    choosing: Choosing
    nearest: Nearest
    sending: Sending
    telling: Telling

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

    def action_nearest_rows(self) -> None:
        self.nearest.show()

    def action_send_back(self) -> None:
        self.sending.send()

    def action_sent_back(self) -> None:
        self.sending.show_queue()

    def action_all_scores(self) -> None:
        self.telling.show_scores()

    def action_export(self) -> None:
        self.telling.ask_file()
