"""Products of float32 weights in bfloat16, from one copy a step: autocast would make one per pass and lane.

The weights themselves stay in float32, where small updates are not lost. Their gradients are added up in float32 in one
place, micro-batch after micro-batch: a gradient of all weights for each lane would take more memory than all else, and
in any other order a run would not give the same numbers each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from studio.worker.compute.products import Product, Products, Siblings

DTYPE = torch.bfloat16


class _Turns:
    """Whose turn it is at each weight: micro-batch n adds where n - 1 has added."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._changed = threading.Condition()
        self._failure = ""  # in words: the error itself would hold its frames, and they the batch's tensors

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        self._here.number = number
        try:
            yield
        except BaseException as error:
            with self._changed:  # the lanes that wait for this one would wait for ever
                self._failure = self._failure or f"{type(error).__name__}: {error}"
                self._changed.notify_all()
            raise

    @contextmanager
    def at(self, copy: _Copy) -> Iterator[None]:
        """Within, nobody else adds to ``copy``'s gradient, and everybody before has."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or copy.added == self._here.number)
            if self._failure:
                raise RuntimeError(f"another lane failed: {self._failure}")
        yield
        with self._changed:
            copy.added += 1
            self._changed.notify_all()

    def begin(self) -> None:
        self._failure = ""


class _Copy:
    """``weight`` (all o, i): the layers' weights one below the other, in bfloat16; ``gradient``, float32, likewise."""

    def __init__(self, layers: Sequence[nn.Linear], turns: _Turns) -> None:
        self.originals = [layer.weight for layer in layers]
        self.turns, self.added = turns, 0
        self.rows = [len(weight) for weight in self.originals]
        self.weight = torch.empty(sum(self.rows), self.originals[0].shape[1], dtype=DTYPE)
        self.gradient: Tensor | None = None
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        for original, place in zip(self.originals, self.weight.split_with_sizes(self.rows), strict=True):
            place.copy_(original)

    def begin(self) -> None:
        self.added = 0
        if self.gradient is not None:
            self.gradient.zero_()

    def add(self, gradient: Tensor) -> None:
        with self.turns.at(self):
            if self.gradient is None:
                self.gradient = torch.zeros(self.weight.shape)
            self.gradient.add_(gradient)

    def __call__(self, x: Tensor) -> Tensor:
        apply: Callable[..., Tensor] = _CopiedProduct.apply
        return apply(x, self)


class _CopiedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, copy: _Copy) -> Tensor:
        """x (tokens, i) -> bfloat16 (tokens, all o)."""
        ctx.copy, ctx.dtype = copy, x.dtype
        narrow = x.to(DTYPE)
        ctx.save_for_backward(narrow)
        return nn.functional.linear(narrow, copy.weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        ctx.copy.add(gradient.T @ x)
        return (gradient @ ctx.copy.weight).to(ctx.dtype), None


class CopiedWeights(Products):
    """The copies of one model, for a body whose every product is asked of it and whose embeddings learn too."""

    def __init__(self, siblings: Siblings) -> None:
        self._turns = _Turns()
        groups = [cast(Sequence[nn.Linear], group) for group in siblings if all(map(_is_plain, group))]
        self._copies = {tuple(map(id, group)): _Copy(group, self._turns) for group in groups}
        self._places = {
            id(original): (copy, number)
            for copy in self._copies.values()
            for number, original in enumerate(copy.originals)
        }

    def of(self, siblings: Sequence[nn.Module]) -> Product:
        """See ``Products``."""
        return self._copies.get(tuple(map(id, siblings))) or super().of(siblings)

    def refresh(self) -> None:
        """See ``Products``."""
        for copy in self._copies.values():
            copy.refresh()

    def begin(self) -> None:
        """See ``Products``."""
        self._turns.begin()
        for copy in self._copies.values():
            copy.begin()

    def turn(self, number: int) -> AbstractContextManager[None]:
        """See ``Products``."""
        return self._turns.turn(number)

    def adds_up(self, parameter: nn.Parameter) -> bool:
        """See ``Products``."""
        return id(parameter) in self._places

    def gradient(self, parameter: nn.Parameter) -> Tensor | None:
        """See ``Products``."""
        copy, number = self._places.get(id(parameter), (None, 0))
        if copy is None or copy.gradient is None:
            return None
        return copy.gradient.split_with_sizes(copy.rows)[number]


def _is_plain(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Linear
        and layer.bias is None
        and layer.weight.dtype == torch.float32
        and layer.weight.device.type == "cpu"
    )
