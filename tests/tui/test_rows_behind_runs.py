"""From the chart of a run to the rows behind it."""

from __future__ import annotations

import os
from pathlib import Path

from studio.runs.batches import Batches, Order, write_order
from studio.runs.directory import FrozenRow, write_rows
from studio.runs.events import Finished
from studio.runs.row_losses import RowLoss, write_row_losses
from studio.runs.samples import Sample, append_samples
from studio.runs.specs import TrainSpec, write_spec
from studio.tui.screens.data.columns import EVERY, FIRST, NAMED
from tests.tui.data_story import press, project_with, said, shown, tickets
from tests.tui.run_story import opened_on, train_run


async def test_a_spike_leads_to_the_examples_of_its_step_and_the_worst_rows_come_first(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(12))
    run = train_run(project, "train-1", ends=Finished(seconds=12.0))
    batches = Batches(rows=12, batch_size=3, seed=0)
    write_order(run, Order(batches, list(range(1, 13))))
    write_row_losses(run, [RowLoss(5, "train", 0.5, 3), RowLoss(9, "train", 7.25, 4, base_loss=8.0)])
    wanted = [row + 1 for row in batches.rows_of(38)]
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "left", "left", "left", "enter")
        assert "step 38 of train-1" in shown(pilot)
        assert pilot.app.screen.query_one("ExampleTable").ids.tolist() == wanted  # type: ignore[attr-defined]
        assert said(pilot) == "3 rows · esc goes back to Runs"
        await press(pilot, "escape")
        assert "step 38 · epoch" in shown(pilot), "the crosshair stands where it stood"
        await press(pilot, "!")
        assert pilot.app.screen.query_one("ExampleTable").ids.tolist() == [9, 5]  # type: ignore[attr-defined]
        assert "loss 7.250 at step 4 · untuned 8.000" in shown(pilot)
        await press(pilot, "j")
        assert "loss 0.500 at step 3" in shown(pilot)
        hidden = [column for column in EVERY if column not in FIRST]
        await press(pilot, "K", *["j"] * (len(FIRST) + hidden.index(NAMED["loss"])), "space", "enter")
        assert "loss" in shown(pilot).splitlines()[2], "as a column too, here and in any other view"
        assert " 7.250" in shown(pilot).splitlines()[3]


async def test_a_run_of_an_older_studio_says_that_it_does_not_know(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    train_run(project, "train-1", ends=Finished(seconds=12.0))
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "left", "enter")
        assert "train-1 does not say which rows its steps saw." in said(pilot)
        await press(pilot, "!")
        assert "has no losses of rows yet" in said(pilot)


async def test_d_shows_what_differs_from_the_run_before_and_i_what_the_model_answered(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    for at, name in enumerate(("train-1", "train-2", "train-3")):
        run = train_run(project, name, ends=Finished(seconds=12.0))
        write_spec(run, TrainSpec(base_model="tiny", epochs=at + 1))
        write_rows(run.rows_path("validation"), [FrozenRow(7, "", "the prompt", "the answer")])
        append_samples(run, [Sample(10, 7, "an \x1b[31manswer"), Sample(20, 7, "the answer")])
        os.utime(run.spec_path, (at, at))
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "i")
        text = shown(pilot)
        assert "row 7  the prompt" in text and "✓ step 20  the answer" in text
        assert "\x1b" not in text
        await press(pilot, "i", "D")
        assert "train-2 → train-3" in shown(pilot)
        assert "epochs  2 → 3" in shown(pilot)
        assert "the same 1 row" in shown(pilot)
        await press(pilot, "escape", "j", "j", "space", "k", "D")
        assert "epochs  1 → 2" in shown(pilot)
        await press(pilot, "escape", "k", "D")
        assert "epochs  1 → 3" in shown(pilot), "from the one that is on the chart"
