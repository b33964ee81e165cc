"""Which rows each step sees, decided by seed and step alone, so that a resumed run goes on as if never interrupted.

The run's process writes the order down once (``order.json``), so that a studio can say later which examples a step saw.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from studio.errors import StudioError
from studio.files import read_json_object, write_whole
from studio.runs.directory import RunDirectory


@dataclass(frozen=True)
class Batches:
    """The order of all rows of a run: shuffled anew each epoch, the last partial batch of an epoch included."""

    rows: int
    batch_size: int
    seed: int

    def rows_of(self, step: int) -> list[int]:
        """Row numbers that step ``step`` (counted from 1) learns from."""
        epoch, index = divmod(step - 1, math.ceil(self.rows / self.batch_size))
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return [int(row) for row in order[index * self.batch_size : (index + 1) * self.batch_size]]


@dataclass(frozen=True)
class Order:
    """The batches of a run, and the example behind each row number."""

    batches: Batches
    example_ids: list[int]

    def examples_of(self, step: int) -> list[int]:
        """The examples that step ``step`` (counted from 1) learned from, each once."""
        return list(dict.fromkeys(self.example_ids[row] for row in self.batches.rows_of(step)))


def write_order(directory: RunDirectory, batches: Batches, example_ids: Sequence[int]) -> None:
    """Write ``order.json``, whole. Raises OSError."""
    facts = {"batches": asdict(batches), "example_ids": list(example_ids)}
    write_whole(directory.order_path, json.dumps(facts))


def read_order(directory: RunDirectory) -> Order:
    """The order of a train run. Raises StudioError where it is not known or damaged."""
    try:
        facts = read_json_object(directory.order_path)
        return Order(Batches(**facts["batches"]), [int(one) for one in facts["example_ids"]])
    except FileNotFoundError as error:
        raise StudioError(
            f"{directory.run_id} does not say which rows its steps saw.",
            "It has not begun to train, or an older studio trained it.",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise StudioError(f"{directory.order_path} is damaged: {error}.") from error
