"""How the next token is chosen from its logits: the likeliest, or one by chance."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.worker.families.family import Choose


def likeliest(logits: Tensor) -> Tensor:
    """Greedy decoding: the same answer every time."""
    return logits.argmax(dim=-1)


def chosen_by(temperature: float, top_p: float, seed: int) -> Choose:
    """How to choose: greedily at a temperature of 0, else by chance among the likeliest that hold ``top_p`` together.

    Nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751); ``seed`` makes it the same every time.
    """
    if temperature == 0:
        return likeliest
    generator = torch.Generator().manual_seed(seed)

    def sampled(logits: Tensor) -> Tensor:
        probabilities, order = torch.softmax(logits.cpu() / temperature, dim=-1).sort(dim=-1, descending=True)
        # Whatever stands behind the place where the sum reaches top_p goes; the first always stays.
        probabilities[probabilities.cumsum(dim=-1) - probabilities >= top_p] = 0.0
        places = torch.multinomial(probabilities, 1, generator=generator)
        return order.gather(-1, places)[:, 0].to(logits.device)

    return sampled
