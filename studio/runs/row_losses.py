"""The loss of each row of a run: rows that a model finds hard are where wrong labels are.

``row_losses.jsonl`` has a line a row and is written whole at every checkpoint, so that it is as large as the data and
no larger, whatever the epochs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from studio.errors import StudioError
from studio.files import in_short, scan_json_lines, whole_file, why_not
from studio.runs.directory import RunDirectory


@dataclass(frozen=True)
class RowLoss:
    """``loss``: mean per learned token of the row, when step ``step`` saw it (train) or after it (validation).

    ``base_loss`` is that of the untuned model, None where it was not measured. A loss that is no number is infinite.
    """

    example_id: int
    split: str
    loss: float
    step: int
    base_loss: float | None = None


def write_row_losses(directory: RunDirectory, rows: Iterable[RowLoss]) -> None:
    """Write ``row_losses.jsonl``, whole. Raises OSError."""
    with whole_file(directory.row_losses_path) as file:
        file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def read_row_losses(directory: RunDirectory) -> list[RowLoss]:
    """The losses of a run's rows; none where it has no checkpoint yet. Raises StudioError, naming a damaged line."""
    path = directory.row_losses_path
    try:
        items, _ = scan_json_lines(path)
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {why_not(error)}.") from error
    rows = []
    for number, item in enumerate(items, start=1):
        try:
            rows.append(_row_in(item))
        except (TypeError, ValueError, KeyError) as error:
            raise StudioError(f"{path} is damaged: line {number} is no row's loss.") from error
    return rows


def worst_first(rows: Iterable[RowLoss]) -> list[RowLoss]:
    """Highest loss first, then by example."""
    return sorted(rows, key=lambda row: (-row.loss, row.example_id))


def as_json(row: RowLoss) -> dict[str, object]:
    """A row's loss for scripts; infinity, which JSON lacks, becomes null."""
    facts = asdict(row)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in facts.items()
    }


def _row_in(item: object) -> RowLoss:
    if not isinstance(item, dict):
        raise ValueError(in_short(item))
    base = item.get("base_loss")
    return RowLoss(
        int(item["example_id"]), str(item["split"]), float(item["loss"]), int(item["step"]), base and float(base)
    )
