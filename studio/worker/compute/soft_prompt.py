"""Virtual tokens: ids that no tokenizer gives, whose embeddings are learned.

They stand in a row as its other ids do. So they are counted against the window, shared as a prefix and cached like any
token, and whoever batches, learns or decodes need not know of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

# Above every vocabulary, whatever its size.
FIRST_VIRTUAL_ID = 1 << 30


def virtual_ids(count: int) -> list[int]:
    """The ids of so many virtual tokens, in order."""
    return list(range(FIRST_VIRTUAL_ID, FIRST_VIRTUAL_ID + count))


class SoftPrompt(nn.Module):
    """A model's input embedding that also knows virtual tokens: ``soft`` (count, d) has theirs."""

    def __init__(self, words: nn.Module, soft: nn.Embedding) -> None:
        super().__init__()
        self.words = words
        self.soft = soft

    def forward(self, ids: Tensor) -> Tensor:
        """ids int64 (...,) -> (..., d), in the dtype of the words' embeddings."""
        is_virtual = ids >= FIRST_VIRTUAL_ID
        words: Tensor = self.words(ids.masked_fill(is_virtual, 0))
        virtual: Tensor = self.soft((ids - FIRST_VIRTUAL_ID).clamp_min(0))
        return torch.where(is_virtual[..., None], virtual.to(words.dtype), words)

    @property
    def weight(self) -> Tensor:
        """The words' own, as whoever looks for a vocabulary expects."""
        weight = self.words.weight
        assert isinstance(weight, Tensor)
        return weight


def put_in_front(model: PreTrainedModel, soft: nn.Embedding) -> None:
    """Let the model know the virtual tokens of ``soft``."""
    model.set_input_embeddings(SoftPrompt(model.get_input_embeddings(), soft))
