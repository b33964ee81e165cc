"""The keys of Data that the screen hands on, each to the part that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.tui.screens.base import StudioScreen

if TYPE_CHECKING:
    from studio.tui.screens.data.column_keys import ColumnKeys
    from studio.tui.screens.data.decisions import Decisions
    from studio.tui.screens.data.finding import Finding
    from studio.tui.screens.data.opening import Opening
    from studio.tui.screens.data.taking import Taking


class HandedOn(StudioScreen):
    """A child makes the parts."""

    finding: Finding
    column_keys: ColumnKeys
    decisions: Decisions
    taking: Taking
    opening: Opening

    # -- finding

    def action_filter(self) -> None:
        self.finding.ask_filter()

    def action_sent_back(self) -> None:
        self.finding.sent_back()

    def action_near(self) -> None:
        self.finding.show_near()

    def action_same_cell(self) -> None:
        self.finding.same_cell()

    def action_edit_filter(self) -> None:
        self.finding.ask_whole_filter()

    def action_values(self) -> None:
        self.finding.ask_values()

    def action_sort_up(self) -> None:
        self.finding.sort(descending=False)

    def action_sort_down(self) -> None:
        self.finding.sort(descending=True)

    def action_search(self) -> None:
        self.finding.ask_search()

    def action_next_match(self) -> None:
        self.finding.go_to_match(1)

    def action_previous_match(self) -> None:
        self.finding.go_to_match(-1)

    # -- columns

    def action_narrower(self) -> None:
        self.column_keys.resize(-1)

    def action_wider(self) -> None:
        self.column_keys.resize(1)

    def action_move_left(self) -> None:
        self.column_keys.move(-1)

    def action_move_right(self) -> None:
        self.column_keys.move(1)

    def action_hide_column(self) -> None:
        self.column_keys.hide()

    def action_columns(self) -> None:
        self.column_keys.choose()

    # -- decisions

    def action_select_all(self) -> None:
        self.decisions.select_all()

    def action_accept(self) -> None:
        self.decisions.label("accept")

    def action_reject(self) -> None:
        self.decisions.label("reject")

    def action_skip(self) -> None:
        self.decisions.label("skip")

    def action_clear_label(self) -> None:
        self.decisions.label("none")

    def action_mark(self) -> None:
        self.decisions.mark()

    def action_trash(self) -> None:
        self.decisions.trash()

    def action_rename_task(self) -> None:
        self.decisions.ask_task()

    def action_split(self) -> None:
        self.decisions.ask_split()

    # -- what leaves the screen, what opens over it

    def action_copy_row(self) -> None:
        self.taking.copy_row()

    def action_copy_cell(self) -> None:
        self.taking.copy_cell()

    def action_copy_command(self) -> None:
        self.taking.copy_command()

    def action_export(self) -> None:
        self.taking.ask_export()

    def action_edit(self) -> None:
        self.opening.edit()

    def action_edit_outside(self) -> None:
        self.opening.edit_outside()

    def action_import(self) -> None:
        self.opening.import_file()

    def action_history(self) -> None:
        self.opening.history()

    def action_disagreements(self) -> None:
        self.finding.disagreements()

    def action_as_trained(self) -> None:
        self.opening.as_trained()
