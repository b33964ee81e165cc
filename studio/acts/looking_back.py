"""Looking back from a run to its rows: what a step learned from, which rows the model finds hardest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.batches import read_order
from studio.runs.differences import RunDifferences, differences_between
from studio.runs.directory import FrozenRow, RunDirectory, find_run, read_rows
from studio.runs.row_losses import RowLoss, read_row_losses, worst_first
from studio.runs.samples import Sampled, sampled_rows
from studio.runs.specs import TrainSpec, read_spec

LOSS_SPLITS = ("train", "validation")


@dataclass(frozen=True)
class WorstRows:
    """Rows of a run, highest loss first, and their frozen texts by (split, example)."""

    directory: RunDirectory
    losses: list[RowLoss]
    rows: Mapping[tuple[str, int], FrozenRow]


def examples_of_step(project: Project, run: str, step: int) -> list[int]:
    """The examples that step ``step`` of a train run learned from. Raises StudioError where that is not known."""
    return read_order(_train_run(project, run)).examples_of(step)


def row_losses(project: Project, run: str, split: str = "") -> tuple[RunDirectory, list[RowLoss]]:
    """The losses of a run's rows, worst first; ``split`` empty takes both. Raises StudioError where there are none."""
    if split and split not in LOSS_SPLITS:
        raise AskedWrongly(f"{split!r} is no split with losses.", f"One of: {', '.join(LOSS_SPLITS)}.")
    directory = _train_run(project, run)
    losses = read_row_losses(directory)
    if not losses:
        raise StudioError(
            f"{directory.run_id} has no losses of rows yet.",
            "They are written with its first checkpoint; an older studio wrote none.",
        )
    return directory, [row for row in worst_first(losses) if not split or row.split == split]


def keep_losses(store: Store, losses: Sequence[RowLoss]) -> None:
    """Put them into the store, as the columns ``loss`` and ``base_loss`` of filters and sorts."""
    newest = {row.example_id: row for row in losses}
    store.keep_losses(
        list(newest),
        [row.loss for row in newest.values()],
        [math.nan if row.base_loss is None else row.base_loss for row in newest.values()],
    )


def worst_rows(project: Project, run: str, split: str = "", limit: int = 0) -> WorstRows:
    """As ``row_losses``, the first ``limit`` of them (0: all), with the texts that the run learned from."""
    directory, losses = row_losses(project, run, split)
    losses = losses[: limit or None]
    wanted = {(row.split, row.example_id) for row in losses}
    rows = {
        (name, row.example_id): row
        for name in LOSS_SPLITS
        for row in read_rows(directory.rows_path(name))
        if (name, row.example_id) in wanted
    }
    return WorstRows(directory, losses, rows)


def sampled_by(project: Project, run: str) -> list[Sampled]:
    """As ``sampled_rows``, of the run of that name. Raises StudioError also where it has none."""
    directory = _train_run(project, run)
    found = sampled_rows(directory)
    if not found:
        raise StudioError(
            f"{directory.run_id} has no samples.",
            "Ask for some with --set samples=3; the first evaluation brings them.",
        )
    return found


def run_differences(project: Project, before: str, after: str) -> RunDifferences:
    """What differs from one run to another. Raises StudioError where one is not there or damaged."""
    return differences_between(find_run(project.runs_path, before), find_run(project.runs_path, after))


def _train_run(project: Project, run: str) -> RunDirectory:
    directory = find_run(project.runs_path, run)
    if not isinstance(read_spec(directory), TrainSpec):
        raise AskedWrongly(f"{directory.run_id} is no fine-tune.", "Only a train run has steps and losses of rows.")
    return directory
