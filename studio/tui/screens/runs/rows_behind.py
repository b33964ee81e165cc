"""From a run to the rows behind it, ready to relabel in Data: those of one step, and the hardest of all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.acts.looking_back import examples_of_step, keep_losses, row_losses
from studio.reports.numbers import number
from studio.reports.row_losses import loss_words
from studio.runs.directory import RunDirectory
from studio.runs.row_losses import RowLoss, read_row_losses
from studio.tui.messages import ExamplesRequested

if TYPE_CHECKING:
    from studio.tui.screens.runs.desk import Desk


class RowsBehind:
    """Reading the order of a large run takes a moment, so it happens in a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show_step(self, run_id: str, step: int) -> None:
        """The examples that this step learned from, each with the newest loss that is known of it."""
        if self._can_show():
            question = partial(self._of_step, run_id, step)
            self._desk.ask("rows", question, partial(self._show, f"step {number(step)} of {run_id}"))

    def show_worst(self) -> None:
        """All rows that the run under the cursor learned from or was measured on, highest loss first.

        Their losses are then columns of the store: ``f`` takes ``loss > 2``.
        """
        state = self._desk.current
        if state is None or state.kind != "train":
            self._desk.say("only train runs have losses of rows", "warning")
        elif self._can_show():
            run_id = state.run_id
            self._desk.ask("rows", partial(self._worst, run_id), partial(self._show, f"worst rows of {run_id}"))

    def _can_show(self) -> bool:
        if self._desk.store is None:
            self._desk.say("the store is not open here, so Data cannot show rows", "warning")
        return self._desk.store is not None

    def _of_step(self, run_id: str, step: int) -> tuple[list[int], dict[int, str]]:
        found = examples_of_step(self._desk.project, run_id, step)
        directory = RunDirectory(self._desk.project.runs_path / run_id)
        words = _words([row for row in read_row_losses(directory) if row.split == "train"])
        return found, {example_id: words[example_id] for example_id in found if example_id in words}

    def _worst(self, run_id: str) -> tuple[list[int], dict[int, str]]:
        _, losses = row_losses(self._desk.project, run_id)
        if self._desk.store is not None:
            keep_losses(self._desk.store, losses)
        return list(dict.fromkeys(row.example_id for row in losses)), _words(losses)

    def _show(self, heading: str, found: tuple[list[int], dict[int, str]]) -> None:
        example_ids, said = found
        self._desk.post_message(ExamplesRequested(example_ids, heading, said=said))


def _words(losses: list[RowLoss]) -> dict[int, str]:
    return {row.example_id: loss_words(row) for row in losses}
