"""Cross entropy at the LM head, with its gradient computed while the logits are at hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Tokens whose logits exist at one time: 128 x 49,152 in float32 are 25 MB, which stay in a CPU's cache.
HEAD_TOKENS = 128


class HeadLoss(torch.autograd.Function):
    """Summed cross entropy of ``hidden @ weight.T``.

    Its gradient for the logits is softmax minus target, known as soon as the logits are; keeping them for the
    backward pass would cost their memory twice over, this keeps (tokens, hidden) instead.

    The target is one-hot, or with label smoothing s (arXiv:1512.00567, section 7): 1 - s on the wanted token and s
    spread evenly over all v. The loss is then logsumexp(z) - (1 - s) z_wanted - s mean(z).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype, smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """hidden (n, d), weight (v, d), targets int64 (n,) -> float32 scalar, and each token's loss (n,), to look at.

        Matrices are multiplied in ``dtype``. Only the scalar has a gradient, and only it is smoothed: what is looked at
        is compared with losses of other rows and runs.
        """
        matrix = weight.to(dtype)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight) if weight.requires_grad else None
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        smoothed = losses.clone() if smoothing else losses
        for start in range(0, len(targets), HEAD_TOKENS):
            part = hidden[start : start + HEAD_TOKENS].to(dtype)
            wanted = targets[start : start + HEAD_TOKENS, None]
            logits = (part @ matrix.T).float()
            normaliser = logits.logsumexp(dim=-1, keepdim=True)
            of_wanted = logits.gather(1, wanted)
            losses[start : start + HEAD_TOKENS] = (normaliser - of_wanted).squeeze(1)
            if smoothing:
                spread = smoothing * (of_wanted.squeeze(1) - logits.mean(dim=-1))
                smoothed[start : start + HEAD_TOKENS] = losses[start : start + HEAD_TOKENS] + spread
            gradient = logits.sub_(normaliser).exp_()
            if smoothing:
                gradient.sub_(smoothing / logits.shape[-1])
            gradient.scatter_add_(1, wanted, torch.full_like(wanted, smoothing - 1, dtype=gradient.dtype))
            gradient = gradient.to(dtype)
            hidden_gradient[start : start + HEAD_TOKENS] = gradient @ matrix
            if weight_gradient is not None:
                weight_gradient += gradient.T @ part
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        ctx.mark_non_differentiable(losses)
        return smoothed.sum(), losses

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients kept by ``forward``, scaled by what came from behind."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        gradient = gradients[0]
        # In its own memory: a second matrix of the vocabulary's size would be the largest thing of the pass.
        by_weight = None if weight_gradient is None else weight_gradient.mul_(gradient)
        return hidden_gradient * gradient, by_weight, None, None, None


def summed(parts: Iterable[Tensor], targets: Iterable[Tensor], smoothing: float) -> tuple[Tensor, Tensor]:
    """As ``HeadLoss``, of logits that are there: ``parts`` (n, v) one after the other, each with its targets (n,).

    The gradient, where one is wanted, is autograd's.
    """
    totals, losses = [], []
    for logits, wanted in zip(parts, targets, strict=True):
        of_tokens = nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
        losses.append(of_tokens.detach())
        if smoothing:
            of_tokens = nn.functional.cross_entropy(logits.float(), wanted, reduction="none", label_smoothing=smoothing)
        totals.append(of_tokens)
    return torch.cat(totals).sum(), torch.cat(losses)


def matrix_dtype(head: nn.Module) -> torch.dtype:
    """The dtype in which the head's product is to be computed now: autocast's where it is on, else its weight's."""
    weight = head.weight
    assert isinstance(weight, Tensor)
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
