"""Which rows each step sees, decided by seed and step alone, so that a resumed run goes on as if never interrupted.

The run's process writes the order down once (``order.json``), so that a studio can say later which examples a step saw.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.errors import StudioError
from studio.files import read_json_object, write_whole
from studio.runs.directory import RunDirectory


@dataclass(frozen=True)
class Strand:
    """One task of a mixture: its row numbers, and how many of them an epoch draws."""

    rows: tuple[int, ...]
    examples: int

    def drawn(self, epoch: int, seed: Sequence[int]) -> list[int]:
        """The rows of that epoch: passes over all rows follow one another without end, each shuffled anew.

        So over many epochs every row comes as often as every other, once more at most.
        """
        drawn: list[int] = []
        at, end = epoch * self.examples, (epoch + 1) * self.examples
        while at < end:
            number, start = divmod(at, len(self.rows))
            order = np.random.default_rng([*seed, number]).permutation(self.rows)
            part = order[start : start + end - at]
            drawn += part.tolist()
            at += len(part)
        return drawn


@dataclass
class Batches:
    """The order of all examples of a run: shuffled anew each epoch, the last partial batch of an epoch included.

    ``rows`` is how many an epoch has: each row once, or what ``strands`` draw.
    """

    rows: int
    batch_size: int
    seed: int
    strands: tuple[Strand, ...] = ()
    _epoch: int = field(default=-1, init=False, repr=False)
    _order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), init=False, repr=False)

    def rows_of(self, step: int) -> list[int]:
        """Row numbers that step ``step`` (counted from 1) learns from."""
        epoch, index = divmod(step - 1, math.ceil(self.rows / self.batch_size))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._order_of(epoch)
        return [int(row) for row in self._order[index * self.batch_size : (index + 1) * self.batch_size]]

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        if not self.strands:
            return order
        drawn = [strand.drawn(epoch, (self.seed, number)) for number, strand in enumerate(self.strands)]
        # Sorted, so that tasks mixed as they are come in the very order that they have without a mixture.
        return np.sort(np.concatenate(drawn).astype(np.int64))[order]


@dataclass(frozen=True)
class Order:
    """The batches of a run, and the example behind each row number.

    ``steps_before`` were taken by the run that it goes on from, in the same order of rows.
    """

    batches: Batches
    example_ids: list[int]
    steps_before: int = 0

    def examples_of(self, step: int) -> list[int]:
        """The examples that step ``step`` (counted from 1) learned from, each once."""
        rows = self.batches.rows_of(self.steps_before + step)
        return list(dict.fromkeys(self.example_ids[row] for row in rows))


def write_order(directory: RunDirectory, order: Order) -> None:
    """Write ``order.json``, whole. Raises OSError."""
    batches = order.batches
    facts = {
        "rows": batches.rows,
        "batch_size": batches.batch_size,
        "seed": batches.seed,
        "strands": [{"rows": strand.rows, "examples": strand.examples} for strand in batches.strands],
        "steps_before": order.steps_before,
        "example_ids": order.example_ids,
    }
    write_whole(directory.order_path, json.dumps(facts))


def read_order(directory: RunDirectory) -> Order:
    """The order of a train run. Raises StudioError where it is not known or damaged."""
    try:
        return _order_in(read_json_object(directory.order_path))
    except FileNotFoundError as error:
        raise StudioError(
            f"{directory.run_id} does not say which rows its steps saw.",
            "It has not begun to train, or an older studio trained it.",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise StudioError(f"{directory.order_path} is damaged: {error}.") from error


def _order_in(facts: dict[str, Any]) -> Order:
    strands = tuple(Strand(tuple(map(int, one["rows"])), int(one["examples"])) for one in facts["strands"])
    batches = Batches(int(facts["rows"]), int(facts["batch_size"]), int(facts["seed"]), strands)
    return Order(batches, [int(one) for one in facts["example_ids"]], int(facts["steps_before"]))
