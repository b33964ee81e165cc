"""NEFTune: noise on the embeddings of training rows, none in evaluation (arXiv:2310.05914)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class EmbeddingNoise(nn.Module):
    """Adds noise, uniform in ±alpha / sqrt(L d), to embeddings (rows, L tokens, d) while it is in training mode.

    L counts a micro-batch's padding too, as transformers and TRL count it; rows of one micro-batch are alike in length.
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, embeddings: Tensor) -> Tensor:
        """Of the same shape."""
        if not self.training:
            return embeddings
        tokens, width = embeddings.shape[-2:]
        bound = self.alpha / math.sqrt(tokens * width)
        return embeddings + torch.empty_like(embeddings).uniform_(-bound, bound)


def add_noise(embedding: nn.Module, alpha: float) -> None:
    """Have the input embedding of a model noised. The noise is a child of it, so that it learns of train() and eval().

    Nothing of it is saved with the model.
    """
    noise = EmbeddingNoise(alpha).train(embedding.training)
    embedding.add_module("noise", noise)
    embedding.register_forward_hook(lambda module, given, embeddings: noise(embeddings))
