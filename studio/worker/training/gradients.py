"""The loss and gradient of an exact batch, however it is cut up: micro-batches side by side, their shared prefix once.

Rows of one batch mostly begin alike (the system prompt, an instruction). That prefix is computed once, its keys and
values serve every row, and its backward pass runs once on their summed gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from studio.tokens.encoding import Encoded
from studio.worker.compute.lanes import Lanes
from studio.worker.compute.prefix import KeysAndValues, shared_prefix_length
from studio.worker.compute.products import Products
from studio.worker.families.family import Learner
from studio.worker.training.batches import micro_batches

# Below this a prefix saves less than its own passes cost.
LEAST_PREFIX_TOKENS = 8


@dataclass(frozen=True)
class Gradients:
    """``loss``: mean per learned token of the batch. ``of_parameters``: one per parameter, None where unused.

    ``of_rows``: the summed loss of each row, in the order of the rows; without label smoothing, as evaluations are.
    """

    loss: float
    of_parameters: list[Tensor | None]
    of_rows: list[float]


@dataclass(frozen=True)
class Losses:
    """``mean`` per learned token of all rows; ``of_rows``: the summed loss of each row, in the order of the rows."""

    mean: float
    of_rows: list[float]


def batch_gradients(
    learner: Learner,
    parameters: Sequence[nn.Parameter],
    rows: Sequence[Encoded],
    micro_batch_size: int,
    lanes: Lanes,
    autocast: Callable[[], AbstractContextManager[None]],
    products: Products,
) -> Gradients:
    """Gradients of the mean loss over all learned tokens of ``rows``; the same however they are cut and spread.

    They are summed in the order of the micro-batches, so that a run gives the same numbers each time.
    """
    learned = sum(row.learned_tokens for row in rows)
    skip = _prefix_length(learner, rows)
    prefix: KeysAndValues = []
    if skip:
        with autocast():
            prefix = learner.keys_and_values(torch.tensor([rows[0].ids[:skip]], device=learner.device))

    of_row: dict[int, float] = {}

    def compute(numbered: tuple[int, list[Encoded]]) -> tuple[float, tuple[Tensor | None, ...]]:
        number, part = numbered
        leaves = [tensor.detach().requires_grad_() for pair in prefix for tensor in pair]
        with products.turn(number):
            with autocast():
                pairs = list(zip(leaves[::2], leaves[1::2], strict=True))
                # Divided by the whole batch's learned tokens, so that the cut changes nothing but memory.
                loss_sum, of_tokens = learner.losses(learner.collate(part, skip), pairs)
                loss = loss_sum / learned
            of_row.update(_of_rows(part, of_tokens))
            return loss.item(), torch.autograd.grad(loss, [*parameters, *leaves], allow_unused=True)

    total = 0.0
    sums: list[Tensor | None] = [None] * (len(parameters) + 2 * len(prefix))
    parts = micro_batches(rows, micro_batch_size, learner.pads)
    products.begin()
    for loss, gradients in lanes.map(compute, enumerate(parts)):
        total += loss
        _add(sums, gradients)
    of_parameters = sums[: len(parameters)]
    if prefix:
        # What no row asked of the prefix (nothing, in a frozen first layer) has no gradient to give back.
        roots = zip((tensor for pair in prefix for tensor in pair), sums[len(parameters) :], strict=True)
        asked = [(root, of) for root, of in roots if of is not None and root.requires_grad]
        with products.turn(len(parts)):
            gradients = torch.autograd.grad(
                [root for root, _ in asked], parameters, [of for _, of in asked], allow_unused=True
            )
        _add(of_parameters, gradients)
    for place, parameter in enumerate(parameters):
        added_up = products.gradient(parameter)
        of_parameters[place] = of_parameters[place] if added_up is None else added_up
    return Gradients(total, of_parameters, [of_row[id(row)] for row in rows])


def batch_loss(
    learner: Learner,
    rows: Sequence[Encoded],
    micro_batch_size: int,
    lanes: Lanes,
    autocast: Callable[[], AbstractContextManager[None]],
    is_cancelled: Callable[[], bool],
) -> Losses | None:
    """Losses of ``rows``, in the same way but without gradients; None when cancelled."""
    skip = _prefix_length(learner, rows)
    prefix: KeysAndValues = []
    if skip:
        with torch.no_grad(), autocast():
            prefix = learner.keys_and_values(torch.tensor([rows[0].ids[:skip]], device=learner.device))

    of_row: dict[int, float] = {}

    @torch.no_grad()  # each lane is a thread of its own, and this is said per thread
    def loss_of(part: list[Encoded]) -> float | None:
        if is_cancelled():
            return None
        with autocast():
            loss_sum, of_tokens = learner.losses(learner.collate(part, skip), prefix)
        of_row.update(_of_rows(part, of_tokens))
        return loss_sum.item()

    losses = list(lanes.map(loss_of, micro_batches(rows, micro_batch_size, learner.pads)))
    total = sum(loss for loss in losses if loss is not None)
    if None in losses:
        return None
    return Losses(total / sum(row.learned_tokens for row in rows), [of_row[id(row)] for row in rows])


def _of_rows(part: Sequence[Encoded], of_tokens: Tensor) -> dict[int, float]:
    """Row, by its identity (a mixture may draw one twice) → its summed loss."""
    sums = [of_row.sum() for of_row in torch.split(of_tokens, [row.learned_tokens for row in part])]
    return dict(zip(map(id, part), torch.stack(sums).tolist(), strict=True))


def _prefix_length(learner: Learner, rows: Sequence[Encoded]) -> int:
    if not learner.can_share_prefix or len(rows) < 2:
        return 0
    length = shared_prefix_length([row.ids[: row.first_learned] for row in rows])
    return length if length >= LEAST_PREFIX_TOKENS else 0


def _add(sums: list[Tensor | None], gradients: Sequence[Tensor | None]) -> None:
    for place, gradient in enumerate(gradients):
        if gradient is not None:
            before = sums[place]
            sums[place] = gradient if before is None else before.add_(gradient)
