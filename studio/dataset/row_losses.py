"""The losses that one run gave the rows, as columns to filter and sort by: those of the run that was asked for last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studio.dataset.examples import ExampleIds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Losses = NDArray[np.float64]


def replace(cursor: DuckDBPyConnection, ids: ExampleIds, losses: Losses, base_losses: Losses) -> None:
    """Put these in the place of all before; NaN in ``base_losses`` is not known. The three vectors go together."""
    cursor.execute("DELETE FROM row_losses")
    cursor.register("measured", {"example_id": ids, "loss": losses, "base_loss": base_losses})
    cursor.execute(
        """INSERT INTO row_losses (example_id, loss, base_loss)
           SELECT example_id, loss, CASE WHEN isnan(base_loss) THEN NULL ELSE base_loss END FROM measured"""
    )


def of_rows(cursor: DuckDBPyConnection, condition: str) -> dict[int, tuple[float, float | None]]:
    """Example → its loss and that of the untuned model, of the measured rows that meet ``condition``."""
    rows = cursor.execute(f"SELECT example_id, loss, base_loss FROM row_losses WHERE {condition}").fetchall()
    return {example_id: (loss, base_loss) for example_id, loss, base_loss in rows}
